/** The virtual nodes: one a zone, architecture and kind of capacity. Pure. */
import { createHash } from 'node:crypto';
import type { NodeCapacity } from '../provider.ts';
import type { Architecture, CapacityType, FargateSettings } from './settings.ts';

export interface FargateNode {
  readonly name: string;
  readonly zone: string;
  readonly architecture: Architecture;
  readonly capacity: CapacityType;
}

export const capacityLabel = 'nodeless.dev/capacity-type';
const architectures: readonly Architecture[] = ['amd64', 'arm64'];
const capacities: readonly CapacityType[] = ['on-demand', 'spot'];
const prefix = 'fargate-';

export function nodeName({ zone, architecture, capacity }: Omit<FargateNode, 'name'>): string {
  return `${prefix}${zone}-${architecture}-${capacity}`;
}

/** undefined = not the name of a virtual node. */
export function parseNodeName(name: string): FargateNode | undefined {
  const match = /^fargate-(.+)-(amd64|arm64)-(on-demand|spot)$/.exec(name);
  if (!match) return undefined;
  return { name, zone: match[1] as string, architecture: match[2] as Architecture, capacity: match[3] as CapacityType };
}

export function fargateNodes(settings: FargateSettings): ReadonlyMap<string, NodeCapacity> {
  const nodes = new Map<string, NodeCapacity>();
  for (const zone of [...new Set(settings.subnets.map((s) => s.zone))].sort())
    for (const architecture of architectures)
      for (const capacity of capacities) {
        const name = nodeName({ zone, architecture, capacity });
        nodes.set(name, nodeCapacity({ name, zone, architecture, capacity }, settings));
      }
  return nodes;
}

// As much as an account can be given; what it has been given shows when a task is started, in an event that names the quota.
const resources = { cpu: '40k', memory: '320Ti', 'ephemeral-storage': '200Ti', pods: '10k' };

function nodeCapacity(node: FargateNode, settings: FargateSettings): NodeCapacity {
  return {
    capacity: resources,
    allocatable: resources,
    labels: {
      'topology.kubernetes.io/zone': node.zone,
      'topology.kubernetes.io/region': settings.region,
      'node.kubernetes.io/instance-type': 'fargate',
      [capacityLabel]: node.capacity,
    },
    addresses: [
      { type: 'InternalIP', address: placeholderAddress(node.name) },
      { type: 'Hostname', address: node.name },
    ],
    info: {
      architecture: node.architecture,
      operatingSystem: 'linux',
      osImage: 'AWS Fargate',
      kernelVersion: 'unknown',
      containerRuntimeVersion: 'ecs://1.4.0',
    },
    taints: taintsOf(node, settings.defaultArchitecture),
  };
}

/** Pods come to such a node only when they ask for it: by a selector, which admission completes with the toleration. */
export function taintsOf(node: FargateNode, defaultArchitecture: Architecture): NonNullable<NodeCapacity['taints']> {
  return [
    ...(node.architecture === defaultArchitecture
      ? []
      : [{ key: 'kubernetes.io/arch', value: node.architecture, effect: 'NoSchedule' }]),
    ...(node.capacity === 'on-demand' ? [] : [{ key: capacityLabel, value: node.capacity, effect: 'NoSchedule' }]),
  ];
}

/** There is no machine to have an address; this one is of a range that is never routed (RFC 2544). */
function placeholderAddress(name: string): string {
  const digest = createHash('sha256').update(name).digest();
  return `198.${18 + ((digest[0] ?? 0) & 1)}.${digest[1]}.${1 + ((digest[2] ?? 0) % 254)}`;
}
