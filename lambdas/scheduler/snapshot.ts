import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import type { Labels } from '@nodeless/apimachinery/labels';
import { countOn, type PodSet } from './matching-counts.ts';
import { type HostPort, type PodInfo, type Resources, toResources } from './pod-info.ts';

/** A node and what runs on it, kept up to date pod by pod. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Readonly<Node>;
  readonly labels: Readonly<Record<string, string>>;
  readonly allocatable: Resources;
  readonly allowedPods: number;
  readonly requested: Resources;
  /** As requested, but pods without requests count with the scoring defaults. */
  readonly nonZeroRequested: Resources;
  readonly pods: ReadonlyMap<string, PodInfo>;
  /** Those of `pods` that keep others away from them, and those that ask for a port of the node. */
  readonly withAntiAffinity: ReadonlySet<PodInfo>;
  readonly withHostPorts: ReadonlySet<PodInfo>;
  hostPorts(): Iterable<HostPort>;
}

/** What scheduleOne sees. Nodes without a Node object (only pods) are not in it. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
  /** Pods that are to come to the node once those are gone that were removed for them. */
  nominated(nodeName: string): readonly PodInfo[];
  budgets(): readonly PodDisruptionBudget[];
  /** Pods of this set on one of the snapshot's nodes, those left out that are being deleted. */
  countMatching(node: NodeInfo, set: PodSet): number;
  /** undefined where the namespace is not known. */
  namespaceLabels(namespace: string): Labels | undefined;
}

/** A node that can be changed without anybody else seeing it. */
export interface TrialNode extends NodeInfo {
  add(pod: PodInfo): void;
  remove(uid: string): void;
}

const scoringDefaults: Record<string, number> = { cpu: 100, memory: 200 * 1024 * 1024 };

/** What the cache itself changes. */
export interface MutableNode extends TrialNode {
  node: Readonly<Node>;
  known: boolean;
  labels: Readonly<Record<string, string>>;
  allocatable: Resources;
  allowedPods: number;
}

export function cloneNode(from: NodeInfo): TrialNode {
  const copy = emptyNode(from.name);
  for (const pod of from.pods.values()) copy.add(pod);
  return Object.assign(copy, {
    node: from.node,
    known: true,
    labels: from.labels,
    allocatable: from.allocatable,
    allowedPods: from.allowedPods,
  });
}

/** The snapshot with another node in the place of the one of its name. */
export function withNode(snapshot: Snapshot, node: NodeInfo): Snapshot {
  return {
    nodes: snapshot.nodes.map((one) => (one.name === node.name ? node : one)),
    node: (name) => (name === node.name ? node : snapshot.node(name)),
    nominated: snapshot.nominated,
    budgets: snapshot.budgets,
    countMatching: (one, set) => (one === node ? countOn(one, set) : snapshot.countMatching(one, set)),
    namespaceLabels: snapshot.namespaceLabels,
  };
}

export function setNodeObject(info: MutableNode, node: Readonly<Node>): void {
  info.node = node;
  info.known = true;
  info.labels = node.metadata?.labels ?? {};
  info.allocatable = toResources(node.status?.allocatable);
  info.allowedPods = info.allocatable['pods'] ?? 0;
}

export function emptyNode(name: string): MutableNode {
  const pods = new Map<string, PodInfo>();
  const requested: Record<string, number> = {};
  const nonZeroRequested: Record<string, number> = {};
  const withAntiAffinity = new Set<PodInfo>();
  const withHostPorts = new Set<PodInfo>();
  const account = (pod: PodInfo, sign: 1 | -1): void => {
    for (const resource of Object.keys(pod.requests))
      requested[resource] = (requested[resource] ?? 0) + sign * (pod.requests[resource] as number);
    for (const resource of ['cpu', 'memory'])
      nonZeroRequested[resource] =
        (nonZeroRequested[resource] ?? 0) + sign * (pod.requests[resource] || (scoringDefaults[resource] as number));
  };
  return {
    name,
    node: { metadata: { name } },
    known: false,
    labels: {},
    allocatable: {},
    allowedPods: 0,
    requested,
    nonZeroRequested,
    pods,
    withAntiAffinity,
    withHostPorts,
    *hostPorts() {
      for (const pod of withHostPorts) yield* pod.hostPorts;
    },
    add(pod) {
      pods.set(pod.uid, pod);
      account(pod, 1);
      if (pod.pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
        withAntiAffinity.add(pod);
      if (pod.hostPorts.length > 0) withHostPorts.add(pod);
    },
    remove(uid) {
      const pod = pods.get(uid);
      if (!pod) return;
      pods.delete(uid);
      account(pod, -1);
      withAntiAffinity.delete(pod);
      withHostPorts.delete(pod);
    },
  };
}
