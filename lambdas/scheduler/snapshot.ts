import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { type HostPort, type PodInfo, podInfo, type Resources, toResources } from './pod-info.ts';

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
  hostPorts(): Iterable<HostPort>;
}

/** What scheduleOne sees. Nodes without a Node object (only pods) are not in it. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
}

interface MutableNode extends NodeInfo {
  node: Readonly<Node>;
  known: boolean;
  labels: Readonly<Record<string, string>>;
  allocatable: Resources;
  allowedPods: number;
  requested: Record<string, number>;
  nonZeroRequested: Record<string, number>;
  pods: Map<string, PodInfo>;
}

/**
 * The scheduler's view of the cluster: nodes, the pods bound to them, and pods that it has just placed (assumed) and whose
 * binding has not been seen yet. One cache is also the snapshot: scheduling is synchronous, so nothing changes under it.
 */
export interface SchedulerCache extends Snapshot {
  setNode(node: Readonly<Node>): void;
  removeNode(name: string): void;
  /** A bound pod as the cluster has it; replaces an assumed one of the same UID. */
  setPod(pod: Readonly<Pod>): void;
  removePod(uid: string): void;
  assume(pod: PodInfo, nodeName: string): void;
  /** The node that a pod is counted on. */
  nodeOf(uid: string): string | undefined;
}

const scoringDefaults: Record<string, number> = { cpu: 100, memory: 200 * 1024 * 1024 };

export function createSchedulerCache(): SchedulerCache {
  const nodes = new Map<string, MutableNode>();
  const homes = new Map<string, string>();
  let list: MutableNode[] | undefined;

  const nodeFor = (name: string): MutableNode => {
    let found = nodes.get(name);
    if (!found) {
      found = emptyNode(name);
      nodes.set(name, found);
    }
    return found;
  };
  const account = (node: MutableNode, pod: PodInfo, sign: 1 | -1): void => {
    for (const [name, value] of Object.entries(pod.requests)) node.requested[name] = (node.requested[name] ?? 0) + sign * value;
    for (const name of ['cpu', 'memory']) {
      node.nonZeroRequested[name] = (node.nonZeroRequested[name] ?? 0) + sign * (pod.requests[name] || (scoringDefaults[name] as number));
    }
  };
  const remove = (uid: string): void => {
    const home = homes.get(uid);
    if (home === undefined) return;
    homes.delete(uid);
    const node = nodes.get(home) as MutableNode;
    const pod = node.pods.get(uid) as PodInfo;
    node.pods.delete(uid);
    account(node, pod, -1);
    if (!node.known && node.pods.size === 0) nodes.delete(home);
  };
  const place = (pod: PodInfo, nodeName: string): void => {
    remove(pod.uid);
    const node = nodeFor(nodeName);
    node.pods.set(pod.uid, pod);
    account(node, pod, 1);
    homes.set(pod.uid, nodeName);
  };

  return {
    get nodes() {
      list ??= [...nodes.values()].filter((node) => node.known);
      return list;
    },
    node: (name) => {
      const found = nodes.get(name);
      return found?.known ? found : undefined;
    },
    setNode(object) {
      const name = object.metadata?.name ?? '';
      const node = nodeFor(name);
      node.node = object;
      node.known = true;
      node.labels = object.metadata?.labels ?? {};
      node.allocatable = toResources(object.status?.allocatable);
      node.allowedPods = node.allocatable['pods'] ?? 0;
      list = undefined;
    },
    removeNode(name) {
      const node = nodes.get(name);
      if (!node) return;
      node.known = false;
      if (node.pods.size === 0) nodes.delete(name);
      list = undefined;
    },
    setPod(pod) {
      const uid = pod.metadata?.uid ?? '';
      const known = homes.get(uid);
      const nodeName = pod.spec?.nodeName as string;
      // Status writes are frequent and change nothing that is counted here.
      if (known === nodeName) {
        const held = nodes.get(known)?.pods.get(uid);
        if (held && held.pod.metadata?.generation === pod.metadata?.generation && held.pod.metadata?.labels === pod.metadata?.labels) return;
      }
      place(podInfo(pod), nodeName);
    },
    removePod: remove,
    assume: place,
    nodeOf: (uid) => homes.get(uid),
  };
}

function emptyNode(name: string): MutableNode {
  const pods = new Map<string, PodInfo>();
  return {
    name,
    node: { metadata: { name } },
    known: false,
    labels: {},
    allocatable: {},
    allowedPods: 0,
    requested: {},
    nonZeroRequested: {},
    pods,
    *hostPorts() {
      for (const pod of pods.values()) yield* pod.hostPorts;
    },
  };
}
