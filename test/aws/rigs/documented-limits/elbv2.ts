import { type Input, type LimitRules, atMost, between, list, matches, notBoth, tagRules } from './rules.ts';

const name = /^(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)$/;
const said = '1 to 32 letters, digits and -, no - at either end, not internal-';

/** Elastic Load Balancing API Reference; attribute keys as CreateTargetGroup's and CreateLoadBalancer's pages list them. */
export const elbv2Limits: LimitRules = {
  'elbv2:CreateLoadBalancer': (input) => [
    ...matches(input, 'Name', name, said),
    ...notBoth(input, 'Subnets', 'SubnetMappings'),
    ...(input['Subnets'] === undefined && input['SubnetMappings'] === undefined
      ? ['Subnets or SubnetMappings: needed']
      : []),
    ...(input['Type'] !== 'network' && list(input['Subnets'] ?? input['SubnetMappings']).length < 2
      ? ['Subnets: an application load balancer needs two zones']
      : []),
    ...tagRules(input['Tags']),
  ],
  'elbv2:CreateTargetGroup': (input) => [
    ...matches(input, 'Name', name, said),
    ...(input['TargetType'] === 'lambda' ? [] : needed(input, ['Protocol', 'Port', 'VpcId'])),
    ...healthCheck(input),
    ...tagRules(input['Tags']),
  ],
  'elbv2:ModifyTargetGroup': healthCheck,
  'elbv2:CreateListener': (input) => [
    ...needed(input, ['Protocol', 'Port']),
    ...between(input, 'Port', 1, 65_535),
    ...certificates(input),
    ...tagRules(input['Tags']),
  ],
  'elbv2:ModifyListener': certificates,
  'elbv2:CreateRule': (input) => [...rule(input), ...tagRules(input['Tags'])],
  'elbv2:ModifyRule': rule,
  'elbv2:DescribeTags': (input) => atMost(input, 'ResourceArns', 20),
  'elbv2:AddTags': (input) => [...atMost(input, 'ResourceArns', 20), ...tagRules(input['Tags'])],
  'elbv2:RemoveTags': (input) => atMost(input, 'ResourceArns', 20),
  'elbv2:DescribeLoadBalancers': (input) => [
    ...atMost(input, 'LoadBalancerArns', 20),
    ...atMost(input, 'Names', 20),
    ...notBoth(input, 'LoadBalancerArns', 'Names'),
  ],
  'elbv2:DescribeTargetGroups': (input) => atMost(input, 'TargetGroupArns', 20),
  'elbv2:DescribeListeners': (input) => notBoth(input, 'LoadBalancerArn', 'ListenerArns'),
  'elbv2:DescribeRules': (input) => notBoth(input, 'ListenerArn', 'RuleArns'),
  'elbv2:ModifyTargetGroupAttributes': (input) => attributes(input, targetGroupKeys),
  'elbv2:ModifyLoadBalancerAttributes': (input) => attributes(input, loadBalancerKeys),
};

function needed(input: Input, names: readonly string[]): string[] {
  return names.filter((one) => input[one] === undefined).map((one) => `${one}: needed`);
}

function healthCheck(input: Input): string[] {
  const protocol = String(input['HealthCheckProtocol'] ?? '');
  const http = protocol === 'HTTP' || protocol === 'HTTPS';
  return [
    ...matches(input, 'HealthCheckPort', /^(?:traffic-port|[1-9]\d{0,4})$/, 'traffic-port or 1 to 65535'),
    ...(protocol === 'UDP' ? ['HealthCheckProtocol: UDP checks nothing'] : []),
    ...(protocol === 'TCP' && input['HealthCheckPath'] !== undefined ? ['HealthCheckPath: not with TCP'] : []),
    ...(protocol === 'TCP' && input['Matcher'] !== undefined ? ['Matcher: not with TCP'] : []),
    ...(http ? matches(input, 'HealthCheckPath', /^\/\S{0,1023}$/, 'begins with /, up to 1024 characters') : []),
    ...(Number(input['HealthCheckTimeoutSeconds'] ?? 0) > Number(input['HealthCheckIntervalSeconds'] ?? 300)
      ? ['HealthCheckTimeoutSeconds: not longer than the interval']
      : []),
  ];
}

function certificates(input: Input): string[] {
  const secure = ['HTTPS', 'TLS'].includes(String(input['Protocol']));
  const count = list(input['Certificates']).length;
  return [
    ...(count > 1 ? ['Certificates: exactly one; more by AddListenerCertificates'] : []),
    ...(secure && count === 0 ? ['Certificates: needed by HTTPS and TLS'] : []),
    ...list(input['Certificates'])
      .filter((one) => one['IsDefault'] !== undefined)
      .map(() => 'Certificates: IsDefault may not be set'),
  ];
}

function rule(input: Input): string[] {
  const conditions = list(input['Conditions']);
  const values = conditions.flatMap((one) => {
    const config = Object.entries(one).find(([key]) => key.endsWith('Config'))?.[1] as Input | undefined;
    return (one['Values'] ?? config?.['Values'] ?? []) as unknown[];
  });
  const wild = values.filter((one) => typeof one === 'string' && /[*?]/.test(one));
  return [
    ...(values.length > 5 ? [`Conditions: at most 5 values, are ${values.length}`] : []),
    ...(wild.length > 6 ? [`Conditions: at most 6 wildcards`] : []),
    ...conditions
      .filter((one) => one['Values'] !== undefined && Object.keys(one).some((key) => key.endsWith('Config')))
      .map(() => 'Conditions: Values or a Config, not both'),
    ...values
      .filter((one) => typeof one === 'string' && one.length > 128)
      .map((one) => `Conditions: values of up to 128 characters: ${String(one)}`),
  ];
}

const targetGroupKeys = new Set([
  'deregistration_delay.timeout_seconds',
  'deregistration_delay.connection_termination.enabled',
  'stickiness.enabled',
  'stickiness.type',
  'stickiness.app_cookie.cookie_name',
  'stickiness.app_cookie.duration_seconds',
  'stickiness.lb_cookie.duration_seconds',
  'load_balancing.cross_zone.enabled',
  'load_balancing.algorithm.type',
  'load_balancing.algorithm.anomaly_mitigation',
  'slow_start.duration_seconds',
  'preserve_client_ip.enabled',
  'proxy_protocol_v2.enabled',
  'target_failover.on_deregistration',
  'target_failover.on_unhealthy',
  'target_health_state.unhealthy.connection_termination.enabled',
  'target_health_state.unhealthy.draining_interval_seconds',
  'target_group_health.dns_failover.minimum_healthy_targets.count',
  'target_group_health.dns_failover.minimum_healthy_targets.percentage',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage',
]);

const loadBalancerKeys = new Set([
  'access_logs.s3.enabled',
  'access_logs.s3.bucket',
  'access_logs.s3.prefix',
  'client_keep_alive.seconds',
  'connection_logs.s3.enabled',
  'connection_logs.s3.bucket',
  'connection_logs.s3.prefix',
  'deletion_protection.enabled',
  'dns_record.client_routing_policy',
  'idle_timeout.timeout_seconds',
  'ipv6.deny_all_igw_traffic',
  'load_balancing.cross_zone.enabled',
  'routing.http.desync_mitigation_mode',
  'routing.http.drop_invalid_header_fields.enabled',
  'routing.http.preserve_host_header.enabled',
  'routing.http.x_amzn_tls_version_and_cipher_suite.enabled',
  'routing.http.xff_client_port.enabled',
  'routing.http.xff_header_processing.mode',
  'routing.http2.enabled',
  'secondary_ips.auto_assigned.per_subnet',
  'waf.fail_open.enabled',
  'zonal_shift.config.enabled',
]);

function attributes(input: Input, known: ReadonlySet<string>): string[] {
  const all = list(input['Attributes']);
  const delay = all.find((one) => one['Key'] === 'deregistration_delay.timeout_seconds')?.['Value'];
  return [
    ...all
      .filter((one) => !known.has(String(one['Key'])))
      .map((one) => `Attributes: no attribute ${String(one['Key'])}`),
    ...(delay !== undefined && !(Number(delay) >= 0 && Number(delay) <= 3600)
      ? ['deregistration_delay: 0 to 3600']
      : []),
  ];
}
