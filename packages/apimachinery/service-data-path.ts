/**
 * How a Service's ClusterIP carries traffic in AWS, where no machine of ours is in between. One choice for everybody who has to
 * know: names (the DNS controller), agents in tasks, load balancers.
 *
 * - `names`: there is no ClusterIP to carry; records say all there is (headless, ExternalName).
 * - `dns`: the name leads to the ready pods themselves. Ports cannot be translated, clients are not remembered.
 * - `agent`: the name leads to a loopback address that stands for the ClusterIP (service-loopback.ts); the agent beside each client
 *   listens there and passes on.
 * - `nlb`: the name leads to the ClusterIP, which a load balancer has as its own address.
 */
import type { Service } from './generated/types/core/v1.ts';

export type DataPath = 'names' | 'dns' | 'agent' | 'nlb';

export const dataPathAnnotation = 'nodeless.dev/data-path';
/** `true` on a Service whose ClusterIP is carried by a load balancer that takes traffic. */
export const dataPathReadyAnnotation = 'nodeless.dev/data-path-ready';

export interface DataPathSettings {
  /** Of Services that do not say; `auto`: dns where it serves, else agent. */
  readonly byDefault: 'auto' | 'dns' | 'agent' | 'nlb';
  /** Tasks have agents that carry Services. */
  readonly agents: boolean;
  /** Load balancers can have ClusterIPs: the service range has subnets of its own. */
  readonly loadBalancers: boolean;
}

/** Of clusters in AWS: names and agents have to decide alike. */
export const awsDataPaths: DataPathSettings = { byDefault: 'auto', agents: true, loadBalancers: true };

export interface DataPathNotice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface ChosenDataPath {
  readonly path: DataPath;
  /** For the user: what does not work on this path, and what would. */
  readonly notices: readonly DataPathNotice[];
}

/** Ports that pods have for each port of the Service, by the port's name: needed where targetPort is a name. */
export type EndpointPorts = ReadonlyMap<string, readonly number[]>;

const choices: ReadonlySet<string> = new Set(['auto', 'dns', 'agent', 'nlb']);

/** Pure. `endpoints`: absent = not known; named target ports then count as different. */
export function chooseDataPath(
  service: Service,
  settings: DataPathSettings,
  endpoints?: EndpointPorts,
): ChosenDataPath {
  const { spec, metadata } = service;
  if (spec?.type === 'ExternalName' || spec?.clusterIP === 'None') return { path: 'names', notices: [] };
  const notices: DataPathNotice[] = [];
  const warn = (reason: string, message: string): void => void notices.push({ type: 'Warning', reason, message });
  const said = metadata?.annotations?.[dataPathAnnotation];
  if (said !== undefined && !choices.has(said))
    warn(
      'InvalidDataPath',
      `${dataPathAnnotation}: ${JSON.stringify(said)} is none of auto, dns, agent, nlb; ${settings.byDefault} is used`,
    );
  if (spec?.internalTrafficPolicy === 'Local')
    warn('TrafficPolicyIgnored', 'internalTrafficPolicy Local has no effect: every pod is a machine of its own');
  if (spec?.type === 'NodePort')
    warn(
      'NodePortUnsupported',
      'there are no nodes to have the port: use type LoadBalancer, or an Ingress; within the cluster the Service works like a ClusterIP',
    );
  let wanted = said !== undefined && choices.has(said) ? said : settings.byDefault;
  if (wanted === 'nlb' && !settings.loadBalancers) {
    warn(
      'DataPathUnavailable',
      'a load balancer cannot have the ClusterIP: the service range has no subnets of its own; type LoadBalancer with scheme internal is the alternative',
    );
    wanted = 'auto';
  }
  if (wanted === 'agent' && !settings.agents) {
    warn('DataPathUnavailable', 'tasks have no agents that carry Services; dns is used');
    wanted = 'dns';
  }
  const obstacles = obstaclesToDns(service, endpoints);
  if (wanted === 'auto') wanted = obstacles.length === 0 || !settings.agents ? 'dns' : 'agent';
  if (wanted === 'dns')
    for (const { reason, message } of obstacles)
      warn(
        reason,
        `${message}; ${settings.agents ? `remove the annotation ${dataPathAnnotation}, or set it to agent` : settings.loadBalancers ? `or set the annotation ${dataPathAnnotation} to nlb` : 'or use type LoadBalancer with scheme internal'}`,
      );
  return { path: wanted as DataPath, notices };
}

function obstaclesToDns(
  { spec }: Service,
  endpoints: EndpointPorts | undefined,
): { reason: string; message: string }[] {
  const found: { reason: string; message: string }[] = [];
  for (const { name = '', port, targetPort } of spec?.ports ?? []) {
    const targets = typeof targetPort === 'string' ? endpoints?.get(name) : [targetPort || port];
    // Nothing is behind the name yet, so nothing is wrong with it.
    if (targets?.length === 0 || targets?.every((target) => target === port)) continue;
    found.push({
      reason: 'PortNotTranslated',
      message: `port ${port} leads to port ${targets?.[0] ?? targetPort} of the pods, and names lead to pods as they are: give the Service the port of its pods`,
    });
  }
  if (spec?.sessionAffinity === 'ClientIP')
    found.push({ reason: 'AffinityIgnored', message: 'sessionAffinity ClientIP is not to be had by names' });
  return found;
}
