/** The operations of ELBv2 over the model's state: what they need, refuse and answer. */
import type { Clock } from '@nodeless/component-base/clock';
import {
  type Action,
  type HealthCheck,
  type Listener,
  type LoadBalancer,
  type State,
  type TargetGroup,
  groupsOf,
  usersOf,
} from './elbv2-state.ts';
import type { Targets } from './elbv2-targets.ts';
import { AwsFault, type Parameters } from './query-protocol.ts';

export interface Quotas {
  readonly networkLoadBalancers: number;
  readonly applicationLoadBalancers: number;
  readonly targetGroups: number;
  readonly listeners: number;
  readonly rules: number;
  readonly targets: number;
}

export interface Subnet {
  readonly id: string;
  readonly zone: string;
  /** Free addresses; a load balancer needs eight. */
  free: number;
}

export interface OperationsOptions {
  readonly clock: Clock;
  readonly state: State;
  readonly targets: Targets;
  readonly quotas: Quotas;
  readonly subnets: readonly Subnet[];
  readonly vpcId: string;
  readonly certificates: ReadonlySet<string>;
  readonly securityGroupExists: (id: string) => boolean;
  readonly provisionMs: number;
  /** So long lists (not reads by ARN) do not show what was made. */
  readonly listLagMs: number;
  readonly pageSize: number;
  readonly listenersChanged: () => void;
  readonly released: (loadBalancer: LoadBalancer) => void;
}

export type Operation = (p: Parameters) => unknown;

const account = '123456789012';
const region = 'us-east-1';
const prefix = `arn:aws:elasticloadbalancing:${region}:${account}`;
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const strings = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : []);
const number = (value: unknown, otherwise: number): number => (value === undefined ? otherwise : Number(value));

function tagsOf(value: unknown): Map<string, string> {
  const list = (value ?? []) as { Key: string; Value?: string }[];
  if (list.length > 50) throw new AwsFault('TooManyTags', 'The limit on the number of tags has been exceeded');
  if (new Set(list.map(({ Key }) => Key)).size !== list.length)
    throw new AwsFault('DuplicateTagKeys', 'A tag key was specified more than once');
  return new Map(list.map(({ Key, Value }) => [Key, Value ?? '']));
}

export function createOperations(options: OperationsOptions): Readonly<Record<string, Operation>> {
  const { clock, state, targets, quotas, subnets, vpcId, certificates, provisionMs } = options;
  let sequence = 0;
  const id = (): string => (++sequence).toString(16).padStart(16, '0');

  const need = <T>(map: ReadonlyMap<string, T>, arn: unknown, code: string, what: string): T => {
    const found = map.get(String(arn));
    if (!found) throw new AwsFault(code, `${what} '${String(arn)}' not found`);
    return found;
  };
  const lbOf = (arn: unknown): LoadBalancer => need(state.loadBalancers, arn, 'LoadBalancerNotFound', 'Load balancer');
  const groupOf = (arn: unknown): TargetGroup => need(state.targetGroups, arn, 'TargetGroupNotFound', 'Target group');
  const listenerOf = (arn: unknown): Listener => need(state.listeners, arn, 'ListenerNotFound', 'Listener');
  const visible = ({ createdAt }: { createdAt: number }): boolean => clock.now() - createdAt >= options.listLagMs;

  function page<T>(items: readonly T[], p: Parameters): { items: readonly T[]; NextMarker?: string } {
    const from = number(p['Marker'], 0);
    const size = Math.min(number(p['PageSize'], options.pageSize), options.pageSize);
    const more = from + size < items.length;
    return { items: items.slice(from, from + size), ...(more ? { NextMarker: String(from + size) } : {}) };
  }

  const dnsName = (lb: LoadBalancer): string =>
    `${lb.scheme === 'internal' ? 'internal-' : ''}${lb.name}-${lb.arn.split('/').at(-1)}.elb.${region}.amazonaws.com`;
  const showLb = (lb: LoadBalancer): object => ({
    LoadBalancerArn: lb.arn,
    DNSName: dnsName(lb),
    CanonicalHostedZoneId: lb.type === 'network' ? 'Z26RNL4JYFTOTI' : 'Z35SXDOTRQ7X7K',
    CreatedTime: new Date(lb.createdAt),
    LoadBalancerName: lb.name,
    Scheme: lb.scheme,
    VpcId: lb.vpcId,
    State: { Code: lb.state },
    Type: lb.type,
    IpAddressType: lb.ipAddressType,
    AvailabilityZones: lb.subnets.map((subnet) => ({
      ZoneName: subnets.find((s) => s.id === subnet.id)?.zone,
      SubnetId: subnet.id,
      LoadBalancerAddresses:
        subnet.address || subnet.allocation
          ? [{ PrivateIPv4Address: subnet.address, AllocationId: subnet.allocation }]
          : undefined,
    })),
    SecurityGroups: lb.securityGroups,
  });
  const showGroup = (group: TargetGroup): object => ({
    TargetGroupArn: group.arn,
    TargetGroupName: group.name,
    Protocol: group.protocol,
    ProtocolVersion: group.protocolVersion,
    Port: group.port,
    VpcId: group.vpcId,
    ...group.check,
    HealthCheckEnabled: true,
    TargetType: group.targetType,
    IpAddressType: group.ipAddressType,
    LoadBalancerArns: usersOf(state, group.arn).map(({ arn }) => arn),
  });
  const showListener = (listener: Listener): object => ({
    ListenerArn: listener.arn,
    LoadBalancerArn: listener.loadBalancerArn,
    Port: listener.port,
    Protocol: listener.protocol,
    SslPolicy: listener.sslPolicy,
    Certificates: listener.certificate ? [{ CertificateArn: listener.certificate }] : undefined,
    AlpnPolicy: listener.alpn,
    DefaultActions: listener.actions,
  });

  const subnetsOf = (p: Parameters): LoadBalancer['subnets'] => {
    const mappings = (p['SubnetMappings'] ?? []) as Record<string, string>[];
    const wanted = [
      ...strings(p['Subnets']).map((subnet) => ({ id: subnet })),
      ...mappings.map((m) => ({
        id: m['SubnetId'] ?? '',
        address: m['PrivateIPv4Address'],
        allocation: m['AllocationId'],
      })),
    ];
    if (wanted.length === 0) throw new AwsFault('ValidationError', 'At least one subnet must be specified');
    for (const { id: subnetId } of wanted) {
      const subnet = subnets.find((s) => s.id === subnetId);
      if (!subnet) throw new AwsFault('SubnetNotFound', `The subnet ID '${subnetId}' does not exist`);
      if (subnet.free < 8)
        throw new AwsFault(
          'InvalidSubnet',
          `Not enough IP space available in ${subnetId}. ELB requires at least 8 free IP addresses in each subnet.`,
        );
    }
    const zones = new Set(wanted.map(({ id: subnetId }) => subnets.find((s) => s.id === subnetId)?.zone));
    if (zones.size !== wanted.length)
      throw new AwsFault(
        'InvalidConfigurationRequest',
        'A load balancer cannot be attached to multiple subnets in the same Availability Zone',
      );
    return wanted;
  };
  const groupsChecked = (value: unknown): string[] => {
    for (const group of strings(value))
      if (!options.securityGroupExists(group))
        throw new AwsFault('InvalidSecurityGroup', `One or more security groups are invalid: ${group}`);
    return strings(value);
  };
  const checkActions = (actions: unknown, lb: LoadBalancer): readonly Action[] => {
    const list = (actions ?? []) as Action[];
    for (const arn of groupsOf(list)) {
      const group = groupOf(arn);
      const users = usersOf(state, arn);
      if (users.some((user) => user.arn !== lb.arn))
        throw new AwsFault(
          'TargetGroupAssociationLimit',
          'The following target groups cannot be associated with more than one load balancer',
        );
      const http = group.protocol.startsWith('HTTP') || group.protocol === 'GRPC';
      if (http !== (lb.type === 'application'))
        throw new AwsFault(
          'InvalidConfigurationRequest',
          'The protocol of the target group does not fit the load balancer',
        );
    }
    return list;
  };
  const checkCertificates = (value: unknown): string | undefined => {
    const list = (value ?? []) as { CertificateArn: string }[];
    for (const { CertificateArn } of list)
      if (!certificates.has(CertificateArn))
        throw new AwsFault('CertificateNotFound', `Certificate ARN '${CertificateArn}' is not valid`);
    return list[0]?.CertificateArn;
  };
  const checkOf = (p: Parameters, network: boolean, before?: HealthCheck): HealthCheck => {
    const protocol = text(p['HealthCheckProtocol']) ?? before?.HealthCheckProtocol ?? (network ? 'TCP' : 'HTTP');
    const http = protocol.startsWith('HTTP');
    return {
      HealthCheckProtocol: protocol,
      HealthCheckPort: text(p['HealthCheckPort']) ?? before?.HealthCheckPort ?? 'traffic-port',
      HealthCheckPath: http ? (text(p['HealthCheckPath']) ?? before?.HealthCheckPath ?? '/') : undefined,
      HealthCheckIntervalSeconds: number(p['HealthCheckIntervalSeconds'], before?.HealthCheckIntervalSeconds ?? 30),
      HealthCheckTimeoutSeconds: number(
        p['HealthCheckTimeoutSeconds'],
        before?.HealthCheckTimeoutSeconds ?? (http ? 6 : 10),
      ),
      HealthyThresholdCount: number(p['HealthyThresholdCount'], before?.HealthyThresholdCount ?? 5),
      UnhealthyThresholdCount: number(p['UnhealthyThresholdCount'], before?.UnhealthyThresholdCount ?? 2),
      Matcher: http
        ? ((p['Matcher'] as HealthCheck['Matcher']) ?? before?.Matcher ?? { HttpCode: network ? '200-399' : '200' })
        : undefined,
    };
  };
  const taggable = (arn: string): Map<string, string> => {
    const [map, code] = arn.includes(':targetgroup/')
      ? [state.targetGroups, 'TargetGroupNotFound']
      : arn.includes(':listener-rule/')
        ? [state.rules, 'RuleNotFound']
        : arn.includes(':listener/')
          ? [state.listeners, 'ListenerNotFound']
          : [state.loadBalancers, 'LoadBalancerNotFound'];
    return need<{ tags: Map<string, string> }>(map as never, arn, code as string, 'Resource').tags;
  };
  const attributesOf = (attributes: ReadonlyMap<string, string>): object[] =>
    [...attributes].map(([Key, Value]) => ({ Key, Value }));
  const setAttributes = (attributes: Map<string, string>, value: unknown, known: ReadonlySet<string>): void => {
    for (const { Key, Value } of (value ?? []) as { Key: string; Value: string }[]) {
      if (!known.has(Key)) throw new AwsFault('InvalidConfigurationRequest', `The attribute '${Key}' is not supported`);
      attributes.set(Key, Value);
    }
  };
  const removeListener = (listener: Listener): void => {
    for (const rule of state.rules.values()) if (rule.listenerArn === listener.arn) state.rules.delete(rule.arn);
    state.listeners.delete(listener.arn);
  };

  return {
    CreateLoadBalancer(p) {
      const name = text(p['Name']) ?? '';
      if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name) || name.startsWith('internal-'))
        throw new AwsFault('ValidationError', `The load balancer name '${name}' is not valid`);
      const type = (text(p['Type']) ?? 'application') as LoadBalancer['type'];
      const scheme = text(p['Scheme']) ?? 'internet-facing';
      const wanted = subnetsOf(p);
      const same = [...state.loadBalancers.values()].find((lb) => lb.name === name);
      if (same) {
        const equal = same.type === type && same.scheme === scheme && same.subnets.length === wanted.length;
        if (!equal)
          throw new AwsFault(
            'DuplicateLoadBalancerName',
            'A load balancer with the same name and different settings exists',
          );
        return { LoadBalancers: [showLb(same)] };
      }
      const limit = type === 'network' ? quotas.networkLoadBalancers : quotas.applicationLoadBalancers;
      if ([...state.loadBalancers.values()].filter((lb) => lb.type === type).length >= limit)
        throw new AwsFault('TooManyLoadBalancers', 'The maximum number of load balancers has been reached');
      if (type === 'application' && wanted.length < 2)
        throw new AwsFault(
          'ValidationError',
          'At least two subnets in two different Availability Zones must be specified',
        );
      const tags = tagsOf(p['Tags']);
      const lb: LoadBalancer = {
        arn: `${prefix}:loadbalancer/${type === 'network' ? 'net' : 'app'}/${name}/${id()}`,
        name,
        type,
        scheme,
        createdAt: clock.now(),
        vpcId,
        state: 'provisioning',
        ipAddressType: text(p['IpAddressType']) ?? 'ipv4',
        subnets: wanted,
        securityGroups: groupsChecked(p['SecurityGroups']),
        attributes: new Map([
          ['deletion_protection.enabled', 'false'],
          ['access_logs.s3.enabled', 'false'],
          ['load_balancing.cross_zone.enabled', type === 'network' ? 'false' : 'true'],
        ]),
        tags,
      };
      for (const { id: subnetId } of wanted) (subnets.find((s) => s.id === subnetId) as Subnet).free -= 1;
      state.loadBalancers.set(lb.arn, lb);
      clock.setTimer(() => {
        if (lb.state === 'provisioning') lb.state = 'active';
      }, provisionMs);
      return { LoadBalancers: [showLb(lb)] };
    },
    DescribeLoadBalancers(p) {
      const arns = strings(p['LoadBalancerArns']);
      const names = strings(p['Names']);
      const all = [...state.loadBalancers.values()];
      if (arns.length > 0) return { LoadBalancers: arns.map((arn) => showLb(lbOf(arn))) };
      if (names.length > 0) {
        const found = all.filter((lb) => names.includes(lb.name));
        if (found.length < names.length)
          throw new AwsFault('LoadBalancerNotFound', `Load balancers '[${names.join(', ')}]' not found`);
        return { LoadBalancers: found.map(showLb) };
      }
      const { items, NextMarker } = page(all.filter(visible), p);
      return { LoadBalancers: items.map(showLb), NextMarker };
    },
    DeleteLoadBalancer(p) {
      const lb = state.loadBalancers.get(String(p['LoadBalancerArn']));
      // What is not there is deleted already.
      if (!lb) return {};
      if (lb.attributes.get('deletion_protection.enabled') === 'true')
        throw new AwsFault(
          'OperationNotPermitted',
          `Load balancer '${lb.arn}' cannot be deleted because deletion protection is enabled`,
        );
      for (const listener of state.listeners.values())
        if (listener.loadBalancerArn === lb.arn) removeListener(listener);
      state.loadBalancers.delete(lb.arn);
      for (const subnet of subnets) if (lb.subnets.some((s) => s.id === subnet.id)) subnet.free += 1;
      options.released(lb);
      options.listenersChanged();
      return {};
    },
    SetSubnets(p) {
      const lb = lbOf(p['LoadBalancerArn']);
      const wanted = subnetsOf(p);
      if (
        lb.type === 'network' &&
        lb.subnets.some((s) => !wanted.some((w) => w.id === s.id)) &&
        lb.securityGroups.length === 0
      )
        throw new AwsFault(
          'InvalidConfigurationRequest',
          'Subnet removal is not supported for Network Load Balancers without security groups',
        );
      lb.subnets = wanted;
      return {};
    },
    SetSecurityGroups(p) {
      const lb = lbOf(p['LoadBalancerArn']);
      if (lb.type === 'network' && lb.securityGroups.length === 0)
        throw new AwsFault(
          'InvalidConfigurationRequest',
          'You cannot set security groups on a Network Load Balancer that was created without them',
        );
      lb.securityGroups = groupsChecked(p['SecurityGroups']);
      return { SecurityGroupIds: lb.securityGroups };
    },
    SetIpAddressType(p) {
      lbOf(p['LoadBalancerArn']).ipAddressType = text(p['IpAddressType']) ?? 'ipv4';
      return { IpAddressType: p['IpAddressType'] };
    },
    DescribeLoadBalancerAttributes: (p) => ({ Attributes: attributesOf(lbOf(p['LoadBalancerArn']).attributes) }),
    ModifyLoadBalancerAttributes(p) {
      const { attributes } = lbOf(p['LoadBalancerArn']);
      setAttributes(attributes, p['Attributes'], knownLoadBalancerAttributes);
      return { Attributes: attributesOf(attributes) };
    },

    CreateTargetGroup(p) {
      const name = text(p['Name']) ?? '';
      if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name))
        throw new AwsFault('ValidationError', `Target group name '${name}' is not valid`);
      const protocol = text(p['Protocol']) ?? '';
      const network = !protocol.startsWith('HTTP');
      const same = [...state.targetGroups.values()].find((group) => group.name === name);
      if (same) {
        if (same.protocol !== protocol || same.port !== Number(p['Port']) || same.vpcId !== p['VpcId'])
          throw new AwsFault(
            'DuplicateTargetGroupName',
            `A target group with the same name '${name}' exists, but with different settings`,
          );
        return { TargetGroups: [showGroup(same)] };
      }
      if (state.targetGroups.size >= quotas.targetGroups)
        throw new AwsFault('TooManyTargetGroups', 'You have reached the maximum number of target groups');
      const group: TargetGroup = {
        arn: `${prefix}:targetgroup/${name}/${id()}`,
        name,
        createdAt: clock.now(),
        protocol,
        protocolVersion: network ? undefined : (text(p['ProtocolVersion']) ?? 'HTTP1'),
        port: Number(p['Port']),
        vpcId: String(p['VpcId']),
        targetType: text(p['TargetType']) ?? 'instance',
        ipAddressType: text(p['IpAddressType']) ?? 'ipv4',
        check: checkOf(p, network),
        attributes: new Map([
          ['deregistration_delay.timeout_seconds', '300'],
          ['stickiness.enabled', 'false'],
          ['stickiness.type', network ? 'source_ip' : 'lb_cookie'],
          ...(network
            ? ([
                ['preserve_client_ip.enabled', protocol === 'TCP' || protocol === 'TLS' ? 'false' : 'true'],
                ['proxy_protocol_v2.enabled', 'false'],
                ['deregistration_delay.connection_termination.enabled', 'false'],
              ] as const)
            : ([['slow_start.duration_seconds', '0']] as const)),
        ]),
        tags: tagsOf(p['Tags']),
        targets: new Map(),
      };
      state.targetGroups.set(group.arn, group);
      return { TargetGroups: [showGroup(group)] };
    },
    DescribeTargetGroups(p) {
      const arns = strings(p['TargetGroupArns']);
      const names = strings(p['Names']);
      const all = [...state.targetGroups.values()];
      if (arns.length > 0) return { TargetGroups: arns.map((arn) => showGroup(groupOf(arn))) };
      if (names.length > 0) {
        const found = all.filter((group) => names.includes(group.name));
        if (found.length < names.length)
          throw new AwsFault('TargetGroupNotFound', 'One or more target groups not found');
        return { TargetGroups: found.map(showGroup) };
      }
      const loadBalancer = text(p['LoadBalancerArn']);
      const those = loadBalancer
        ? all.filter((group) => usersOf(state, group.arn).some((lb) => lb.arn === loadBalancer))
        : all.filter(visible);
      const { items, NextMarker } = page(those, p);
      return { TargetGroups: items.map(showGroup), NextMarker };
    },
    ModifyTargetGroup(p) {
      const group = groupOf(p['TargetGroupArn']);
      group.check = checkOf(p, !group.protocol.startsWith('HTTP'), group.check);
      return { TargetGroups: [showGroup(group)] };
    },
    DeleteTargetGroup(p) {
      const group = state.targetGroups.get(String(p['TargetGroupArn']));
      if (!group) return {};
      if (usersOf(state, group.arn).length > 0)
        throw new AwsFault('ResourceInUse', `Target group '${group.arn}' is currently in use by a listener or a rule`);
      targets.forget(group);
      state.targetGroups.delete(group.arn);
      return {};
    },
    DescribeTargetGroupAttributes: (p) => ({ Attributes: attributesOf(groupOf(p['TargetGroupArn']).attributes) }),
    ModifyTargetGroupAttributes(p) {
      const { attributes } = groupOf(p['TargetGroupArn']);
      setAttributes(attributes, p['Attributes'], knownTargetGroupAttributes);
      return { Attributes: attributesOf(attributes) };
    },
    RegisterTargets(p) {
      const group = groupOf(p['TargetGroupArn']);
      const list = (p['Targets'] ?? []) as { Id: string; Port?: string }[];
      if (group.targets.size + list.length > quotas.targets)
        throw new AwsFault('TooManyTargets', 'You have reached the maximum number of targets');
      for (const { Id, Port } of list) {
        if (group.targetType === 'ip' && !/^[\d.]+$|:/.test(Id))
          throw new AwsFault('InvalidTarget', `The IP address '${Id}' is not a valid IP address`);
        targets.register(group, Id, number(Port, group.port));
      }
      return {};
    },
    DeregisterTargets(p) {
      const group = groupOf(p['TargetGroupArn']);
      for (const { Id, Port } of (p['Targets'] ?? []) as { Id: string; Port?: string }[])
        targets.deregister(group, Id, number(Port, group.port));
      return {};
    },
    DescribeTargetHealth(p) {
      const group = groupOf(p['TargetGroupArn']);
      return {
        TargetHealthDescriptions: [...group.targets.values()].map((target) => ({
          Target: { Id: target.id, Port: target.port },
          HealthCheckPort: String(target.port),
          TargetHealth: targets.health(group, target),
        })),
      };
    },

    CreateListener(p) {
      const lb = lbOf(p['LoadBalancerArn']);
      const port = Number(p['Port']);
      const protocol = String(p['Protocol']);
      const actions = checkActions(p['DefaultActions'], lb);
      const certificate = checkCertificates(p['Certificates']);
      if ((protocol === 'TLS' || protocol === 'HTTPS') && !certificate)
        throw new AwsFault('ValidationError', `A certificate must be specified for ${protocol} listeners`);
      const mine = [...state.listeners.values()].filter((one) => one.loadBalancerArn === lb.arn);
      const same = mine.find((one) => one.port === port);
      if (same) {
        if (same.protocol === protocol && JSON.stringify(same.actions) === JSON.stringify(actions))
          return { Listeners: [showListener(same)] };
        throw new AwsFault('DuplicateListener', 'A listener already exists on this port for this load balancer');
      }
      if (mine.length >= quotas.listeners)
        throw new AwsFault('TooManyListeners', 'You have reached the maximum number of listeners');
      const listener: Listener = {
        arn: `${lb.arn.replace(':loadbalancer/', ':listener/')}/${id()}`,
        loadBalancerArn: lb.arn,
        port,
        protocol,
        sslPolicy: text(p['SslPolicy']) ?? (certificate ? 'ELBSecurityPolicy-2016-08' : undefined),
        certificate,
        moreCertificates: new Set(),
        alpn: strings(p['AlpnPolicy']),
        actions,
        tags: tagsOf(p['Tags']),
      };
      state.listeners.set(listener.arn, listener);
      options.listenersChanged();
      return { Listeners: [showListener(listener)] };
    },
    DescribeListeners(p) {
      const arns = strings(p['ListenerArns']);
      if (arns.length > 0) return { Listeners: arns.map((arn) => showListener(listenerOf(arn))) };
      const lb = lbOf(p['LoadBalancerArn']);
      const mine = [...state.listeners.values()].filter((one) => one.loadBalancerArn === lb.arn);
      const { items, NextMarker } = page(mine, p);
      return { Listeners: items.map(showListener), NextMarker };
    },
    ModifyListener(p) {
      const listener = listenerOf(p['ListenerArn']);
      const lb = lbOf(listener.loadBalancerArn);
      const actions = p['DefaultActions'] === undefined ? listener.actions : checkActions(p['DefaultActions'], lb);
      const certificate = checkCertificates(p['Certificates']);
      listener.actions = actions;
      listener.protocol = text(p['Protocol']) ?? listener.protocol;
      listener.port = number(p['Port'], listener.port);
      listener.sslPolicy = text(p['SslPolicy']) ?? listener.sslPolicy;
      listener.certificate = certificate ?? listener.certificate;
      if (!['TLS', 'HTTPS'].includes(listener.protocol)) {
        listener.certificate = undefined;
        listener.sslPolicy = undefined;
        listener.moreCertificates.clear();
      }
      if (p['AlpnPolicy'] !== undefined) listener.alpn = strings(p['AlpnPolicy']);
      options.listenersChanged();
      return { Listeners: [showListener(listener)] };
    },
    DeleteListener(p) {
      const listener = listenerOf(p['ListenerArn']);
      removeListener(listener);
      options.listenersChanged();
      return {};
    },
    DescribeListenerCertificates(p) {
      const listener = listenerOf(p['ListenerArn']);
      return {
        Certificates: [
          ...(listener.certificate ? [{ CertificateArn: listener.certificate, IsDefault: true }] : []),
          ...[...listener.moreCertificates].map((arn) => ({ CertificateArn: arn, IsDefault: false })),
        ],
      };
    },
    AddListenerCertificates(p) {
      const listener = listenerOf(p['ListenerArn']);
      checkCertificates(p['Certificates']);
      for (const { CertificateArn } of (p['Certificates'] ?? []) as { CertificateArn: string }[])
        listener.moreCertificates.add(CertificateArn);
      return { Certificates: p['Certificates'] };
    },
    RemoveListenerCertificates(p) {
      const listener = listenerOf(p['ListenerArn']);
      for (const { CertificateArn } of (p['Certificates'] ?? []) as { CertificateArn: string }[])
        listener.moreCertificates.delete(CertificateArn);
      return {};
    },

    CreateRule(p) {
      const listener = listenerOf(p['ListenerArn']);
      const lb = lbOf(listener.loadBalancerArn);
      const priority = Number(p['Priority']);
      const mine = [...state.rules.values()].filter((rule) => rule.listenerArn === listener.arn);
      if (mine.some((rule) => rule.priority === priority))
        throw new AwsFault('PriorityInUse', `Priority '${priority}' is currently in use`);
      if (mine.length >= quotas.rules)
        throw new AwsFault('TooManyRules', 'You have reached the maximum number of rules');
      const rule = {
        arn: `${listener.arn.replace(':listener/', ':listener-rule/')}/${id()}`,
        listenerArn: listener.arn,
        priority,
        conditions: (p['Conditions'] ?? []) as never[],
        actions: checkActions(p['Actions'], lb),
        tags: tagsOf(p['Tags']),
      };
      state.rules.set(rule.arn, rule);
      return { Rules: [showRule(rule)] };
    },
    DescribeRules(p) {
      const listener = listenerOf(p['ListenerArn']);
      const mine = [...state.rules.values()].filter((rule) => rule.listenerArn === listener.arn);
      const { items, NextMarker } = page(
        mine.toSorted((a, b) => a.priority - b.priority),
        p,
      );
      return {
        Rules: [
          ...items.map(showRule),
          ...(NextMarker
            ? []
            : [
                {
                  RuleArn: `${listener.arn.replace(':listener/', ':listener-rule/')}/default`,
                  Priority: 'default',
                  Actions: listener.actions,
                  IsDefault: true,
                },
              ]),
        ],
        NextMarker,
      };
    },
    ModifyRule(p) {
      const rule = need(state.rules, p['RuleArn'], 'RuleNotFound', 'Rule');
      const lb = lbOf(listenerOf(rule.listenerArn).loadBalancerArn);
      if (p['Actions'] !== undefined) rule.actions = checkActions(p['Actions'], lb);
      if (p['Conditions'] !== undefined) rule.conditions = p['Conditions'] as never[];
      return { Rules: [showRule(rule)] };
    },
    DeleteRule(p) {
      need(state.rules, p['RuleArn'], 'RuleNotFound', 'Rule');
      state.rules.delete(String(p['RuleArn']));
      return {};
    },
    SetRulePriorities(p) {
      const wanted = (p['RulePriorities'] ?? []) as { RuleArn: string; Priority: string }[];
      const moved = wanted.map(({ RuleArn, Priority }) => ({
        rule: need(state.rules, RuleArn, 'RuleNotFound', 'Rule'),
        priority: Number(Priority),
      }));
      for (const { rule, priority } of moved)
        for (const other of state.rules.values())
          if (
            other.listenerArn === rule.listenerArn &&
            other.priority === priority &&
            !moved.some((m) => m.rule === other)
          )
            throw new AwsFault('PriorityInUse', `Priority '${priority}' is currently in use`);
      for (const { rule, priority } of moved) rule.priority = priority;
      return { Rules: moved.map(({ rule }) => showRule(rule)) };
    },

    AddTags(p) {
      for (const arn of strings(p['ResourceArns'])) {
        const tags = taggable(arn);
        for (const [key, value] of tagsOf(p['Tags'])) tags.set(key, value);
      }
      return {};
    },
    RemoveTags(p) {
      for (const arn of strings(p['ResourceArns'])) for (const key of strings(p['TagKeys'])) taggable(arn).delete(key);
      return {};
    },
    DescribeTags(p) {
      const arns = strings(p['ResourceArns']);
      if (arns.length > 20) throw new AwsFault('ValidationError', 'Member must have length less than or equal to 20');
      return {
        TagDescriptions: arns.map((arn) => ({
          ResourceArn: arn,
          Tags: [...taggable(arn)].map(([Key, Value]) => ({ Key, Value })),
        })),
      };
    },
  };
}

const showRule = (rule: {
  arn: string;
  priority: number;
  conditions: readonly unknown[];
  actions: readonly Action[];
}): object => ({
  RuleArn: rule.arn,
  Priority: String(rule.priority),
  Conditions: rule.conditions,
  Actions: rule.actions,
  IsDefault: false,
});

const knownLoadBalancerAttributes = new Set([
  'deletion_protection.enabled',
  'access_logs.s3.enabled',
  'access_logs.s3.bucket',
  'access_logs.s3.prefix',
  'load_balancing.cross_zone.enabled',
  'dns_record.client_routing_policy',
  'zonal_shift.config.enabled',
  'idle_timeout.timeout_seconds',
  'routing.http2.enabled',
  'routing.http.drop_invalid_header_fields.enabled',
]);
const knownTargetGroupAttributes = new Set([
  'deregistration_delay.timeout_seconds',
  'deregistration_delay.connection_termination.enabled',
  'stickiness.enabled',
  'stickiness.type',
  'stickiness.lb_cookie.duration_seconds',
  'preserve_client_ip.enabled',
  'proxy_protocol_v2.enabled',
  'load_balancing.cross_zone.enabled',
  'load_balancing.algorithm.type',
  'slow_start.duration_seconds',
  'target_health_state.unhealthy.connection_termination.enabled',
]);
