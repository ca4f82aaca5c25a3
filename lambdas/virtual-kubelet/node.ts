import { createHash } from 'node:crypto';
import type { Node, NodeCondition, NodeStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { NodeCapacity } from './providers/provider.ts';

export interface NodeHealth {
  /** undefined = all is well; otherwise why pods cannot be run. */
  readonly problem: string | undefined;
}

export interface NodeIdentity {
  readonly name: string;
  /** `v1.36.3` */
  readonly kubeletVersion: string;
}

const kubeletPort = 10250;

/** The labels that a node describes itself with. */
export function nodeLabels(identity: NodeIdentity, capacity: NodeCapacity): Record<string, string> {
  const { architecture, operatingSystem } = capacity.info;
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': operatingSystem,
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': identity.name,
    'kubernetes.io/os': operatingSystem,
    ...capacity.labels,
  };
}

/** The Node object as it is registered. */
export function newNode(identity: NodeIdentity, capacity: NodeCapacity, health: NodeHealth, now: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: identity.name,
      labels: nodeLabels(identity, capacity),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {
      ...(capacity.podCidr ? { podCIDR: capacity.podCidr, podCIDRs: [capacity.podCidr] } : {}),
      providerID: `nodeless://${identity.name}`,
      ...(capacity.taints?.length ? { taints: capacity.taints.map((t) => ({ ...t })) } : {}),
    },
    status: nodeStatus(identity, capacity, health, undefined, now),
  };
}

/** What the kubelet says of its node; the rest of the status belongs to others. */
export function nodeStatus(
  identity: NodeIdentity,
  capacity: NodeCapacity,
  health: NodeHealth,
  previous: NodeStatus | undefined,
  now: string,
): NodeStatus {
  const id = createHash('sha256').update(identity.name).digest('hex').slice(0, 32);
  return {
    capacity: { ...capacity.capacity },
    allocatable: { ...capacity.allocatable },
    conditions: nodeConditions(health, previous?.conditions ?? [], now),
    addresses: capacity.addresses.map((a) => ({ ...a })),
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      machineID: id,
      systemUUID: id,
      bootID: id,
      kubeletVersion: identity.kubeletVersion,
      kubeProxyVersion: '',
      ...capacity.info,
    },
  };
}

/** The kubelet's part of the status put into the whole: resources and conditions that others have added stay. */
export function mergeStatus(known: NodeStatus | undefined, said: NodeStatus): NodeStatus {
  const own = said.conditions ?? [];
  return {
    ...known,
    ...said,
    capacity: { ...known?.capacity, ...said.capacity },
    allocatable: { ...known?.allocatable, ...said.allocatable },
    conditions: [...(known?.conditions ?? []).filter((c) => !own.some((o) => o.type === c.type)), ...own],
  };
}

function nodeConditions(health: NodeHealth, previous: readonly NodeCondition[], now: string): NodeCondition[] {
  const said: [string, string, string, string][] = [
    ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    health.problem === undefined
      ? ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status']
      : ['Ready', 'False', 'KubeletNotReady', `container runtime is down: ${health.problem}`],
  ];
  return said.map(([type, status, reason, message]) => {
    const before = previous.find((c) => c.type === type);
    const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message };
  });
}

/** Whether a heartbeat would say anything new beside its time. */
export function saysMore(said: NodeStatus, known: NodeStatus | undefined): boolean {
  if (!known) return true;
  for (const condition of said.conditions ?? []) {
    const before = known.conditions?.find((c) => c.type === condition.type);
    if (
      !before ||
      before.status !== condition.status ||
      before.reason !== condition.reason ||
      before.message !== condition.message
    )
      return true;
  }
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, quantity] of Object.entries(said[list] ?? {})) if (known[list]?.[name] !== quantity) return true;
  }
  return !semanticEqual(said.addresses, known.addresses) || !semanticEqual(said.nodeInfo, known.nodeInfo);
}
