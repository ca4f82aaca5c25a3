import type { DesiredStack } from '@nodeless/controllers/load-balancers/elbv2/desired-stack';
import { type Surroundings, buildNetworkModel } from '@nodeless/controllers/load-balancers/elbv2/network-model';
import type { LoadBalancerModel, LoadBalancerPort } from '@nodeless/controllers/load-balancers/load-balancer';
import { describe, expect, it } from 'vitest';

const around: Surroundings = {
  cluster: 'test',
  subnets: { public: ['subnet-p1', 'subnet-p2'], private: ['subnet-i1', 'subnet-i2'] },
  backendSecurityGroup: 'sg-backend',
  vpcCidrs: ['10.0.0.0/16'],
  defaultScheme: 'internal',
};
const prefix = 'service.beta.kubernetes.io/aws-load-balancer-';
const targets = [{ address: '10.0.0.1', port: 8080, nodeName: 'n' }];
const port = (number: number, more: Partial<LoadBalancerPort> = {}): LoadBalancerPort => ({
  name: '',
  protocol: 'TCP',
  port: number,
  nodePort: undefined,
  targets,
  candidates: targets,
  targetPort: 8080,
  ...more,
});
const model = (annotations: Record<string, string> = {}, more: Partial<LoadBalancerModel> = {}): LoadBalancerModel => ({
  owner: { namespace: 'default', name: 'web', uid: 'u1' },
  ports: [port(80)],
  sourceRanges: [],
  affinitySeconds: undefined,
  requestedIp: '',
  previous: [],
  previousElsewhere: '',
  annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [prefix + key, value])),
  ...more,
});
const stack = (annotations?: Record<string, string>, more?: Partial<LoadBalancerModel>): DesiredStack =>
  buildNetworkModel(model(annotations, more), around).stack;
const told = (annotations?: Record<string, string>, more?: Partial<LoadBalancerModel>): string[] =>
  buildNetworkModel(model(annotations, more), around).notices.map(({ reason, message }) => `${reason} ${message}`);
const refusal = (annotations?: Record<string, string>, more?: Partial<LoadBalancerModel>): string => {
  try {
    buildNetworkModel(model(annotations, more), around);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a network load balancer', () => {
  it('is internal, in private subnets, for the VPC, as it comes', () => {
    const { loadBalancer, securityGroup, listeners, targetGroups, tags } = stack();
    expect(loadBalancer).toMatchObject({
      scheme: 'internal',
      type: 'network',
      subnets: [{ id: 'subnet-i1' }, { id: 'subnet-i2' }],
      securityGroups: ['sg-backend'],
      attributes: { 'load_balancing.cross_zone.enabled': 'true' },
    });
    expect(securityGroup?.ingress).toEqual([{ protocol: 'tcp', port: 80, cidr: '10.0.0.0/16' }]);
    expect(listeners).toMatchObject([{ port: 80, protocol: 'TCP', certificates: [] }]);
    expect(targetGroups).toMatchObject([
      {
        protocol: 'TCP',
        port: 80,
        targets: [{ address: '10.0.0.1', port: 8080 }],
        healthCheck: {
          protocol: 'TCP',
          port: 'traffic-port',
          intervalSeconds: 10,
          timeoutSeconds: 10,
          healthyThreshold: 3,
        },
        attributes: { 'deregistration_delay.timeout_seconds': '15', 'stickiness.enabled': 'false' },
      },
    ]);
    expect(tags).toEqual({
      'nodeless.dev/cluster': 'test',
      'nodeless.dev/service': 'default/web',
      'nodeless.dev/uid': 'u1',
    });
  });

  it.each<[string, Record<string, string>, (made: DesiredStack) => unknown, unknown]>([
    [
      'scheme',
      { scheme: 'internet-facing' },
      (s) => [s.loadBalancer.scheme, s.loadBalancer.subnets[0]?.id, s.securityGroup?.ingress[0]?.cidr],
      ['internet-facing', 'subnet-p1', '0.0.0.0/0'],
    ],
    ['internal', { internal: 'false' }, (s) => s.loadBalancer.scheme, 'internet-facing'],
    [
      'scheme before internal',
      { internal: 'true', scheme: 'internet-facing' },
      (s) => s.loadBalancer.scheme,
      'internet-facing',
    ],
    ['name', { name: 'shop' }, (s) => s.loadBalancer.name, 'shop'],
    [
      'subnets',
      { subnets: 'subnet-x, subnet-y' },
      (s) => s.loadBalancer.subnets,
      [{ id: 'subnet-x' }, { id: 'subnet-y' }],
    ],
    [
      'eip-allocations',
      { scheme: 'internet-facing', 'eip-allocations': 'eipalloc-1,eipalloc-2' },
      (s) => s.loadBalancer.subnets[1],
      { id: 'subnet-p2', allocationId: 'eipalloc-2' },
    ],
    [
      'private-ipv4-addresses',
      { 'private-ipv4-addresses': '10.0.1.5, 10.0.2.5' },
      (s) => s.loadBalancer.subnets[0],
      { id: 'subnet-i1', privateAddress: '10.0.1.5' },
    ],
    [
      'ip-address-type',
      { 'ip-address-type': 'dualstack', scheme: 'internet-facing' },
      (s) => s.securityGroup?.ingress.map((r) => r.cidr),
      ['0.0.0.0/0', '::/0'],
    ],
    [
      'security-groups',
      { 'security-groups': 'sg-1,sg-2' },
      (s) => [s.securityGroup, s.loadBalancer.securityGroups],
      [undefined, ['sg-1', 'sg-2']],
    ],
    [
      'manage-backend-security-group-rules',
      { 'security-groups': 'sg-1', 'manage-backend-security-group-rules': 'true' },
      (s) => s.loadBalancer.securityGroups,
      ['sg-1', 'sg-backend'],
    ],
    [
      'ssl-cert',
      { 'ssl-cert': 'arn:1, arn:2' },
      (s) => [s.listeners[0]?.protocol, s.listeners[0]?.certificates, s.targetGroups[0]?.protocol],
      ['TLS', ['arn:1', 'arn:2'], 'TCP'],
    ],
    ['ssl-ports', { 'ssl-cert': 'arn:1', 'ssl-ports': '443' }, (s) => s.listeners[0]?.protocol, 'TCP'],
    ['backend-protocol', { 'ssl-cert': 'arn:1', 'backend-protocol': 'ssl' }, (s) => s.targetGroups[0]?.protocol, 'TLS'],
    [
      'ssl-negotiation-policy',
      { 'ssl-cert': 'arn:1', 'ssl-negotiation-policy': 'P' },
      (s) => s.listeners[0]?.sslPolicy,
      'P',
    ],
    [
      'alpn-policy',
      { 'ssl-cert': 'arn:1', 'alpn-policy': 'HTTP2Preferred' },
      (s) => s.listeners[0]?.alpnPolicy,
      'HTTP2Preferred',
    ],
    [
      'proxy-protocol',
      { 'proxy-protocol': '*', 'target-group-attributes': 'proxy_protocol_v2.enabled=false' },
      (s) => s.targetGroups[0]?.attributes['proxy_protocol_v2.enabled'],
      'true',
    ],
    [
      'attributes',
      { attributes: 'deletion_protection.enabled=true' },
      (s) => s.loadBalancer.attributes['deletion_protection.enabled'],
      'true',
    ],
    [
      'cross-zone',
      { 'cross-zone-load-balancing-enabled': 'false', attributes: 'load_balancing.cross_zone.enabled=true' },
      (s) => s.loadBalancer.attributes['load_balancing.cross_zone.enabled'],
      'false',
    ],
    [
      'target-group-attributes',
      { 'target-group-attributes': 'deregistration_delay.timeout_seconds=120' },
      (s) => s.targetGroups[0]?.attributes['deregistration_delay.timeout_seconds'],
      '120',
    ],
    [
      'additional-resource-tags',
      { 'additional-resource-tags': 'Team=a,nodeless.dev/cluster=x' },
      (s) => [s.tags['Team'], s.tags['nodeless.dev/cluster']],
      ['a', 'test'],
    ],
    [
      'healthcheck',
      {
        'healthcheck-protocol': 'http',
        'healthcheck-port': '9000',
        'healthcheck-path': '/up',
        'healthcheck-interval': '5',
        'healthcheck-timeout': '3',
        'healthcheck-healthy-threshold': '2',
        'healthcheck-unhealthy-threshold': '4',
        'healthcheck-success-codes': '200',
      },
      (s) => s.targetGroups[0]?.healthCheck,
      {
        protocol: 'HTTP',
        port: '9000',
        path: '/up',
        intervalSeconds: 5,
        timeoutSeconds: 3,
        healthyThreshold: 2,
        unhealthyThreshold: 4,
        successCodes: '200',
      },
    ],
    ['type and target type', { type: 'external', 'nlb-target-type': 'ip' }, (s) => s.loadBalancer.type, 'network'],
  ])('takes %s', (_what, annotations, look, expected) => {
    expect(look(stack(annotations))).toEqual(expected);
    expect(told(annotations)).toEqual([]);
  });

  it.each<[string, Record<string, string>, Partial<LoadBalancerModel>, RegExp]>([
    ['an unknown annotation', { colour: 'red' }, {}, /^UnknownAnnotation .*colour: there is no such annotation/],
    ['one that is not served', { 'target-node-labels': 'a=b' }, {}, /^UnsupportedAnnotation .*targets are pods/],
    [
      'instance targets',
      { 'nlb-target-type': 'instance' },
      {},
      /^InvalidAnnotation .*there are no instances; got "instance"/,
    ],
    ['a number out of range', { 'healthcheck-interval': '1' }, {}, /^InvalidAnnotation .*from 5 to 300; got "1"/],
    ['a map that is none', { attributes: 'x' }, {}, /^InvalidAnnotation .*key=value/],
    ['affinity with TLS', { 'ssl-cert': 'arn:1' }, { affinitySeconds: 10 }, /^AffinityIgnored/],
    ['an address that was asked for', {}, { requestedIp: '10.0.0.1' }, /^LoadBalancerIPIgnored/],
    ['UDP that cannot be checked', {}, { ports: [port(53, { protocol: 'UDP' })] }, /^UnhealthyUDP/],
    [
      'source ranges beside own security groups',
      { 'security-groups': 'sg-1' },
      { sourceRanges: ['10.0.0.0/8'] },
      /^SourceRangesIgnored/,
    ],
  ])('tells of %s', (_what, annotations, more, expected) => {
    expect(told(annotations, more)).toEqual([expect.stringMatching(expected)]);
  });

  it.each<[string, Record<string, string>, Partial<LoadBalancerModel>, RegExp]>([
    ['SCTP', {}, { ports: [port(80, { protocol: 'SCTP' })] }, /do not carry SCTP/],
    [
      'TCP and UDP to different ports',
      {},
      { ports: [port(53), port(53, { protocol: 'UDP', targetPort: 1 })] },
      /need one targetPort/,
    ],
    [
      'TLS and UDP on one port',
      { 'ssl-cert': 'arn:1' },
      { ports: [port(53), port(53, { protocol: 'UDP' })] },
      /TLS and UDP/,
    ],
    ['more than fifty ports', {}, { ports: Array.from({ length: 51 }, (_, i) => port(i + 1)) }, /at most 50 listeners/],
    ['elastic addresses inside', { 'eip-allocations': 'a,b' }, {}, /only for load balancers of scheme internet-facing/],
    ['too few addresses', { 'private-ipv4-addresses': '10.0.0.5' }, {}, /1 given for 2 subnets/],
    ['names of subnets', { subnets: 'mine' }, {}, /"mine" is not a subnet id/],
  ])('refuses %s', (_what, annotations, more, expected) => {
    expect(refusal(annotations, more)).toMatch(expected);
  });

  it('carries TCP and UDP of one port together, checked by TCP', () => {
    const made = stack({}, { ports: [port(53), port(53, { protocol: 'UDP' })] });
    expect(made.listeners).toMatchObject([{ port: 53, protocol: 'TCP_UDP' }]);
    expect(made.targetGroups).toMatchObject([
      { protocol: 'TCP_UDP', healthCheck: { protocol: 'TCP', port: 'traffic-port' } },
    ]);
    expect(made.securityGroup?.ingress.map((r) => r.protocol)).toEqual(['tcp', 'udp']);
  });

  it('checks UDP by a TCP port of the same pods', () => {
    const made = stack({}, { ports: [port(53, { protocol: 'UDP' }), port(8081, { targetPort: 9090 })] });
    expect(made.targetGroups[0]?.healthCheck.port).toBe('9090');
    expect(made.targetGroups[0]?.attributes['deregistration_delay.connection_termination.enabled']).toBe('true');
  });

  it('keeps clients with their target', () => {
    expect(stack({}, { affinitySeconds: 10_800 }).targetGroups[0]?.attributes['stickiness.enabled']).toBe('true');
  });

  it('shows pods the addresses of clients where traffic is to be local', () => {
    const kept = (more: Partial<LoadBalancerModel>) =>
      stack({}, more).targetGroups[0]?.attributes['preserve_client_ip.enabled'];
    expect(kept({})).toBe('false');
    expect(kept({ keepsSource: true })).toBe('true');
    expect(kept({ ports: [port(53, { protocol: 'UDP' })] }), 'always so, and not to be set').toBeUndefined();
  });

  it('lets in source ranges only', () => {
    expect(stack({ scheme: 'internet-facing' }, { sourceRanges: ['192.0.2.0/24'] }).securityGroup?.ingress).toEqual([
      { protocol: 'tcp', port: 80, cidr: '192.0.2.0/24' },
    ]);
  });

  it('has other names for another scheme, the same for another target', () => {
    const names = (made: DesiredStack) => [made.loadBalancer.name, ...made.targetGroups.map(({ name }) => name)];
    const first = names(stack());
    expect(names(stack({}, { ports: [port(80, { candidates: [] })] }))).toEqual(first);
    for (const name of names(stack({ scheme: 'internet-facing' }))) expect(first).not.toContain(name);
    for (const name of names(stack({}, { owner: { namespace: 'x'.repeat(63), name: 'y'.repeat(63), uid: '' } })))
      expect(name).toMatch(/^[a-z][a-z0-9-]{1,30}[a-z0-9]$/);
  });

  it('is not led astray by hostile keys', () => {
    const made = stack({ 'additional-resource-tags': '__proto__=x,a=b', __proto__: 'x' });
    expect(made.tags['a']).toBe('b');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
