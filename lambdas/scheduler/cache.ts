import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import type { Labels } from '@nodeless/apimachinery/labels';
import { createMatchingCounts } from './matching-counts.ts';
import { type PodInfo, podInfo } from './pod-info.ts';
import { emptyNode, type MutableNode, setNodeObject, type Snapshot } from './snapshot.ts';

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
  /** Room is kept for this pod, which is not bound yet; undefined = no longer. */
  nominate(pod: PodInfo, nodeName: string | undefined): void;
}

export interface ClusterFacts {
  budgets(): readonly PodDisruptionBudget[];
  namespaceLabels(namespace: string): Labels | undefined;
}

const noFacts: ClusterFacts = { budgets: () => [], namespaceLabels: () => undefined };

export function createSchedulerCache(facts: ClusterFacts = noFacts): SchedulerCache {
  const nodes = new Map<string, MutableNode>();
  const homes = new Map<string, string>();
  const nominations = new Map<string, { pod: PodInfo; nodeName: string }>();
  const matching = createMatchingCounts();
  let list: MutableNode[] | undefined;

  const nodeFor = (name: string): MutableNode => {
    let found = nodes.get(name);
    if (!found) {
      found = emptyNode(name);
      nodes.set(name, found);
    }
    return found;
  };
  const remove = (uid: string): void => {
    const home = homes.get(uid);
    if (home === undefined) return;
    homes.delete(uid);
    const node = nodes.get(home) as MutableNode;
    const pod = node.pods.get(uid);
    if (pod) matching.removed(pod, home);
    node.remove(uid);
    if (!node.known && node.pods.size === 0) nodes.delete(home);
  };
  const place = (pod: PodInfo, nodeName: string): void => {
    remove(pod.uid);
    nominations.delete(pod.uid);
    nodeFor(nodeName).add(pod);
    matching.added(pod, nodeName);
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
    nominated(nodeName) {
      if (nominations.size === 0) return [];
      return [...nominations.values()].filter((one) => one.nodeName === nodeName).map((one) => one.pod);
    },
    countMatching: (node, set) => matching.count(node, set),
    ...facts,
    setNode(object) {
      setNodeObject(nodeFor(object.metadata?.name ?? ''), object);
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
      // Status writes are frequent and change nothing that is counted here, but for the mark of a pod on its way out.
      if (known === nodeName) {
        const held = nodes.get(known)?.pods.get(uid)?.pod;
        if (held && countsTheSame(held, pod)) return;
      }
      place(podInfo(pod), nodeName);
    },
    removePod(uid) {
      nominations.delete(uid);
      remove(uid);
    },
    assume: place,
    nodeOf: (uid) => homes.get(uid),
    nominate(pod, nodeName) {
      if (nodeName === undefined) nominations.delete(pod.uid);
      else nominations.set(pod.uid, { pod, nodeName });
    },
  };
}

function countsTheSame(a: Readonly<Pod>, b: Readonly<Pod>): boolean {
  return (
    a.metadata?.generation === b.metadata?.generation &&
    a.metadata?.deletionTimestamp === b.metadata?.deletionTimestamp &&
    a.status?.startTime === b.status?.startTime &&
    sameLabels(a.metadata?.labels, b.metadata?.labels)
  );
}

export function sameLabels(a: Labels | undefined, b: Labels | undefined): boolean {
  if (a === b) return true;
  const keys = Object.keys(a ?? {});
  return keys.length === Object.keys(b ?? {}).length && keys.every((key) => a?.[key] === b?.[key]);
}
