import type Docker from 'dockerode';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { refOf } from '../../pod-names.ts';
import { ProviderError, type ResolvedPod } from '../provider.ts';
import { label, podLabels } from './labels.ts';
import type { HostPort } from './host-ports.ts';

export interface SandboxContext {
  readonly cluster: string;
  readonly nodeName: string;
  readonly image: string;
  readonly network: string;
  /** Of the node's helper, whose namespace host-network pods share. */
  readonly helperId: string;
  readonly attempt: number;
  readonly podIps: readonly string[];
  /** hosts and resolv.conf, and volumes that exist only while something mounts them. */
  readonly binds: readonly string[];
}

export const sandboxName = (cluster: string, uid: string, attempt: number): string =>
  `nodeless-${cluster}.sandbox.${uid}.${attempt}`;

/** Sysctls that are namespaced and safe, as the kubelet lists them; others would reach beyond the pod. */
const safeSysctls: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

export function forbiddenSysctl(pod: Pod): string | undefined {
  return pod.spec?.securityContext?.sysctls?.map((s) => dotted(s.name)).find((name) => !safeSysctls.has(name));
}

const dotted = (name: string): string => (name.includes('/') && !name.includes('.') ? name.replaceAll('/', '.') : name);

/** The container that owns the pod's namespaces. It does nothing but stay, and reaps processes where they are shared. */
export function sandboxSpec(resolved: ResolvedPod, context: SandboxContext): Docker.ContainerCreateOptions {
  const pod = resolved.pod;
  const spec = pod.spec;
  const ref = refOf(pod);
  const hostNetwork = spec?.hostNetwork === true;
  const address = context.podIps[0];
  if (!hostNetwork && address === undefined) throw new ProviderError('capacity', 'no pod address is free on this node');
  const sysctls = Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((s) => [dotted(s.name), s.value]));
  return {
    name: sandboxName(context.cluster, ref.uid, context.attempt),
    Image: context.image,
    ...(hostNetwork ? {} : { Hostname: resolved.hostname.slice(0, 63) }),
    Labels: {
      ...podLabels(context.cluster, 'sandbox', context.nodeName, ref),
      [label.attempt]: String(context.attempt),
      [label.addresses]: context.podIps.join(','),
      [label.hostPorts]: JSON.stringify(hostPortsOf(pod)),
    },
    HostConfig: {
      NetworkMode: hostNetwork ? `container:${context.helperId}` : context.network,
      IpcMode: spec?.hostIPC ? 'host' : 'shareable',
      ...(spec?.hostPID ? { PidMode: 'host' } : {}),
      Binds: [...context.binds],
      Sysctls: sysctls,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      CpuShares: 2,
      LogConfig: { Type: 'none', Config: {} },
    },
    ...(hostNetwork
      ? {}
      : {
          NetworkingConfig: {
            EndpointsConfig: { [context.network]: { IPAMConfig: { IPv4Address: address as string } } },
          },
        }),
  };
}

/** Ports of the node that lead to the pod. A host-network pod binds them itself. */
function hostPortsOf(pod: Pod): HostPort[] {
  if (pod.spec?.hostNetwork) return [];
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'),
  ];
  return containers.flatMap((c) =>
    (c.ports ?? []).flatMap((p) =>
      p.hostPort
        ? [
            {
              hostIp: p.hostIP ?? '',
              hostPort: p.hostPort,
              port: p.containerPort,
              protocol: (p.protocol ?? 'TCP').toLowerCase(),
            },
          ]
        : [],
    ),
  );
}
