/** What a Service wants of a network load balancer. Pure. */
import {
  type LoadBalancerModel,
  type LoadBalancerNotice,
  type LoadBalancerPort,
  LoadBalancerProblem,
} from '../load-balancer.ts';
import type {
  DesiredHealthCheck,
  DesiredListener,
  DesiredStack,
  DesiredSubnet,
  DesiredTargetGroup,
  SecurityRule,
  StackOwner,
} from './desired-stack.ts';
import { backendTag, loadBalancerName, securityGroupName, stackTags, tagValue, targetGroupName } from './names.ts';
import { type NetworkSettings, annotationPrefix, readNetworkAnnotations } from './network-annotations.ts';

export interface Surroundings {
  readonly cluster: string;
  /** Of load balancers: subnet ids by what they face. Where there are no private ones, public ones serve. */
  readonly subnets: { readonly public: readonly string[]; readonly private: readonly string[] };
  /** On every load balancer; the one that pods take traffic from. */
  readonly backendSecurityGroup: string;
  /** Address ranges of the VPC: who may reach internal load balancers. */
  readonly vpcCidrs: readonly string[];
  readonly defaultScheme: 'internal' | 'internet-facing';
}

/** So long a target that has been deregistered keeps its connections; pods that are behind it stop no earlier. */
export const defaultDrainSeconds = 15;
export const defaultSslPolicy = 'ELBSecurityPolicy-TLS13-1-2-2021-06';

export interface NetworkModel {
  readonly stack: DesiredStack;
  readonly notices: readonly LoadBalancerNotice[];
}

const warning = (reason: string, message: string): LoadBalancerNotice => ({ type: 'Warning', reason, message });
const invalid = (message: string): never => {
  throw new LoadBalancerProblem('InvalidLoadBalancer', message, { retryAfterMs: 10 * 60_000 });
};

/** Throws LoadBalancerProblem for what cannot be had at all. */
export function buildNetworkModel(
  model: LoadBalancerModel,
  around: Surroundings,
  fixed: { readonly kind?: StackOwner['kind']; readonly subnets?: readonly DesiredSubnet[] } = {},
): NetworkModel {
  const id = `${model.owner.namespace}/${model.owner.name}`;
  const owner: StackOwner = { kind: fixed.kind ?? 'service', id, uid: model.owner.uid };
  const { settings, problems } = readNetworkAnnotations(fixed.kind === 'cluster-ip' ? {} : model.annotations);
  const notices = problems.map(({ annotation, kind, message }) =>
    warning(
      kind === 'unknown' ? 'UnknownAnnotation' : kind === 'refused' ? 'UnsupportedAnnotation' : 'InvalidAnnotation',
      `${annotation}: ${message}`,
    ),
  );
  if (model.requestedIp !== '' && fixed.kind !== 'cluster-ip')
    notices.push(
      warning(
        'LoadBalancerIPIgnored',
        `spec.loadBalancerIP has no effect; use ${annotationPrefix}private-ipv4-addresses or ${annotationPrefix}eip-allocations`,
      ),
    );
  const scheme = settings.scheme ?? (fixed.kind === 'cluster-ip' ? 'internal' : around.defaultScheme);
  const subnets = fixed.subnets ?? subnetsOf(settings, scheme, around);
  // What cannot be changed on a network load balancer: another value makes another one, with target groups of its own.
  const variant = ['network', scheme, ...subnets.flatMap((s) => [s.privateAddress ?? '', s.allocationId ?? ''])];
  const name = settings.name ?? loadBalancerName(around.cluster, owner, variant);
  const ports = portsOf(model);
  const groups = ports.map((port) => targetGroup(port, { model, settings, around, owner, variant, notices, ports }));
  const ranges = sourceRanges(model, settings, scheme, around);
  const own = settings.securityGroups.length === 0;
  if (!own && model.sourceRanges.length > 0)
    notices.push(warning('SourceRangesIgnored', 'source ranges have no effect beside security groups of your own'));
  return {
    notices,
    stack: {
      owner,
      tags: stackTags(around.cluster, owner, settings.tags),
      loadBalancer: {
        name,
        type: 'network',
        scheme,
        ipAddressType: settings.ipAddressType,
        subnets,
        securityGroups: [
          ...settings.securityGroups,
          ...(own || settings.manageBackendRules === true ? [around.backendSecurityGroup] : []),
        ],
        // A client in one zone is to reach pods in every zone, as Services have it.
        attributes: { 'load_balancing.cross_zone.enabled': 'true', ...settings.attributes },
      },
      securityGroup: own
        ? { name: securityGroupName(around.cluster, owner), ingress: securityRules(ports, ranges) }
        : undefined,
      targetGroups: groups,
      listeners: ports.map((port, i) => listener(port, settings, (groups[i] as DesiredTargetGroup).name)),
    },
  };
}

interface Port {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'TCP_UDP';
  readonly names: readonly string[];
  readonly tls: boolean;
  readonly targetPort: number | undefined;
  readonly candidates: NonNullable<LoadBalancerPort['candidates']>;
}

/** Ports by number: TCP and UDP on one number share a listener. */
function portsOf(model: LoadBalancerModel): Port[] {
  const { settings } = readNetworkAnnotations(model.annotations);
  const byNumber = new Map<number, LoadBalancerPort[]>();
  for (const port of model.ports) {
    if (port.protocol === 'SCTP')
      invalid(`port ${port.port}: network load balancers do not carry SCTP; use TCP or UDP`);
    byNumber.set(port.port, [...(byNumber.get(port.port) ?? []), port]);
  }
  if (byNumber.size > 50)
    invalid(`${byNumber.size} ports: a network load balancer has at most 50 listeners; use several Services`);
  return [...byNumber].map(([number, those]): Port => {
    const names = those.map(({ name }) => name).filter((name) => name !== '');
    const both = those.length > 1;
    const [first] = those as [LoadBalancerPort];
    if (both && !sameTargets(those))
      invalid(
        `port ${number}: TCP and UDP on one port need one targetPort; give them the same one, or different ports`,
      );
    const listed =
      settings.sslPorts === undefined || [String(number), ...names].some((name) => settings.sslPorts?.includes(name));
    const tls = settings.certificates.length > 0 && listed && first.protocol === 'TCP';
    if (tls && both) invalid(`port ${number}: TLS and UDP cannot share a port`);
    return {
      port: number,
      protocol: both ? 'TCP_UDP' : (first.protocol as 'TCP' | 'UDP'),
      names,
      tls,
      targetPort: first.targetPort,
      candidates: first.candidates ?? first.targets,
    };
  });
}

function sameTargets(ports: readonly LoadBalancerPort[]): boolean {
  const [first, ...others] = ports.map((port) => JSON.stringify([port.targetPort, port.candidates ?? port.targets]));
  return others.every((one) => one === first);
}

function subnetsOf(settings: NetworkSettings, scheme: string, around: Surroundings): DesiredSubnet[] {
  const usual =
    scheme === 'internal' && around.subnets.private.length > 0 ? around.subnets.private : around.subnets.public;
  const ids = settings.subnets.length > 0 ? settings.subnets : usual;
  if (ids.length === 0)
    invalid(
      `there is no ${scheme === 'internal' ? 'private' : 'public'} subnet for load balancers; name some with ${annotationPrefix}subnets`,
    );
  const wrong = ids.find((id) => !id.startsWith('subnet-'));
  if (wrong !== undefined) invalid(`${annotationPrefix}subnets: ${JSON.stringify(wrong)} is not a subnet id`);
  const fits = (list: readonly string[], what: string, wanted: 'internal' | 'internet-facing' | undefined): void => {
    if (list.length === 0) return;
    if (wanted && scheme !== wanted) invalid(`${annotationPrefix}${what}: only for load balancers of scheme ${wanted}`);
    if (list.length !== ids.length)
      invalid(`${annotationPrefix}${what}: ${list.length} given for ${ids.length} subnets; give one for each`);
  };
  fits(settings.eipAllocations, 'eip-allocations', 'internet-facing');
  fits(settings.privateAddresses, 'private-ipv4-addresses', 'internal');
  fits(settings.ipv6Addresses, 'ipv6-addresses', undefined);
  return ids.map((id, i) => ({
    id,
    ...(settings.eipAllocations[i] ? { allocationId: settings.eipAllocations[i] } : {}),
    ...(settings.privateAddresses[i] ? { privateAddress: settings.privateAddresses[i] } : {}),
    ...(settings.ipv6Addresses[i] ? { ipv6Address: settings.ipv6Addresses[i] } : {}),
  }));
}

function sourceRanges(
  model: LoadBalancerModel,
  settings: NetworkSettings,
  scheme: string,
  around: Surroundings,
): readonly string[] {
  if (model.sourceRanges.length > 0) return model.sourceRanges;
  if (scheme === 'internal') return around.vpcCidrs;
  return settings.ipAddressType === 'dualstack' ? ['0.0.0.0/0', '::/0'] : ['0.0.0.0/0'];
}

function securityRules(ports: readonly Port[], ranges: readonly string[]): SecurityRule[] {
  return ports.flatMap(({ port, protocol }) =>
    (protocol === 'TCP_UDP' ? (['tcp', 'udp'] as const) : [protocol.toLowerCase() as 'tcp' | 'udp']).flatMap((one) =>
      ranges.map((cidr) => ({ protocol: one, port, cidr })),
    ),
  );
}

function targetGroup(
  port: Port,
  context: {
    readonly model: LoadBalancerModel;
    readonly settings: NetworkSettings;
    readonly around: Surroundings;
    readonly owner: StackOwner;
    readonly variant: readonly string[];
    readonly notices: LoadBalancerNotice[];
    readonly ports: readonly Port[];
  },
): DesiredTargetGroup {
  const { model, settings, around, owner, variant } = context;
  const protocol = port.tls && settings.backendTls ? 'TLS' : port.protocol;
  const sticky = model.affinitySeconds !== undefined;
  if (sticky && (port.tls || protocol === 'TLS'))
    context.notices.push(
      warning('AffinityIgnored', `port ${port.port}: sessionAffinity ClientIP is not to be had with TLS listeners`),
    );
  const backend = owner.id;
  return {
    name: targetGroupName(around.cluster, owner, backend, [...variant, protocol, String(port.port)]),
    protocol,
    protocolVersion: undefined,
    port: port.port,
    ipAddressType: 'ipv4',
    healthCheck: healthCheck(port, context),
    attributes: {
      'deregistration_delay.timeout_seconds': String(defaultDrainSeconds),
      // Flows of UDP would stay with a target for as long as they last.
      'deregistration_delay.connection_termination.enabled': String(protocol !== 'TCP' && protocol !== 'TLS'),
      'stickiness.enabled': String(sticky && !port.tls && protocol !== 'TLS'),
      'proxy_protocol_v2.enabled': 'false',
      // With UDP it is always so.
      ...(protocol === 'TCP' || protocol === 'TLS'
        ? { 'preserve_client_ip.enabled': String(model.keepsSource === true) }
        : {}),
      ...settings.targetGroupAttributes,
      ...(settings.proxyProtocol ? { 'proxy_protocol_v2.enabled': 'true' } : {}),
    },
    tags: { [backendTag]: tagValue(backend) },
    targets: port.candidates.map(({ address, port: targetPort }) => ({ address, port: targetPort })),
  };
}

function healthCheck(
  { protocol, port }: Port,
  {
    settings,
    notices,
    ports,
  }: { readonly settings: NetworkSettings; readonly notices: LoadBalancerNotice[]; readonly ports: readonly Port[] },
): DesiredHealthCheck {
  const check = settings.checkProtocol ?? 'TCP';
  const http = check !== 'TCP';
  let checkPort = settings.checkPort;
  if (checkPort === undefined && protocol === 'UDP') {
    // UDP cannot be checked by itself: a TCP port of the same pods tells whether they live.
    checkPort = ports.find((one) => one.protocol !== 'UDP' && one.targetPort !== undefined)?.targetPort?.toString();
    if (checkPort === undefined)
      notices.push(
        warning(
          'UnhealthyUDP',
          `port ${port}: targets of UDP are checked by TCP, and no TCP port is known; name one with ${annotationPrefix}healthcheck-port`,
        ),
      );
  }
  const timeout = settings.checkTimeoutSeconds ?? (check === 'HTTP' ? 6 : 10);
  return {
    protocol: check,
    port: checkPort ?? 'traffic-port',
    path: http ? settings.checkPath : '',
    intervalSeconds: settings.checkIntervalSeconds,
    timeoutSeconds: Math.min(timeout, settings.checkIntervalSeconds),
    healthyThreshold: settings.checkHealthyThreshold,
    unhealthyThreshold: settings.checkUnhealthyThreshold,
    successCodes: http ? settings.checkSuccessCodes : '',
  };
}

function listener(port: Port, settings: NetworkSettings, group: string): DesiredListener {
  return {
    port: port.port,
    protocol: port.tls ? 'TLS' : port.protocol,
    certificates: port.tls ? settings.certificates : [],
    sslPolicy: port.tls ? settings.sslPolicy || defaultSslPolicy : '',
    alpnPolicy: port.tls ? settings.alpnPolicy : '',
    action: { do: 'forward', groups: [{ name: group, weight: 1 }] },
    rules: [],
  };
}
