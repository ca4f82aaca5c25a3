import type { LabelMatcher } from '@nodeless/apimachinery/labels';
import type { PodInfo } from './pod-info.ts';
import type { NodeInfo } from './snapshot.ts';

/** Pods of one namespace that a selector matches. */
export interface PodSet {
  readonly namespace: string;
  readonly matches: LabelMatcher;
  /** Equal for equal selectors. */
  readonly key: string;
}

/** How many pods of a set are on each node: kept up to date pod by pod, since pods of one workload come in numbers. */
export interface MatchingCounts {
  count(node: NodeInfo, set: PodSet): number;
  added(pod: PodInfo, nodeName: string): void;
  removed(pod: PodInfo, nodeName: string): void;
}

const maxSets = 64;

export function isIn({ namespace, matches }: PodSet, pod: PodInfo): boolean {
  return pod.namespace === namespace && pod.pod.metadata?.deletionTimestamp === undefined && matches(pod.labels);
}

export function countOn(node: NodeInfo, set: PodSet): number {
  let count = 0;
  for (const pod of node.pods.values()) if (isIn(set, pod)) count += 1;
  return count;
}

export function createMatchingCounts(): MatchingCounts {
  const sets = new Map<string, { set: PodSet; byNode: Map<string, number> }>();
  const change = (pod: PodInfo, nodeName: string, by: number): void => {
    for (const { set, byNode } of sets.values()) {
      const known = byNode.get(nodeName);
      if (known !== undefined && isIn(set, pod)) byNode.set(nodeName, known + by);
    }
  };
  return {
    count(node, set) {
      const id = `${set.namespace}\n${set.key}`;
      let found = sets.get(id);
      if (!found) {
        found = { set, byNode: new Map() };
        sets.set(id, found);
        // The oldest goes: what is asked for again is counted again.
        if (sets.size > maxSets) sets.delete(sets.keys().next().value as string);
      }
      let count = found.byNode.get(node.name);
      if (count === undefined) found.byNode.set(node.name, (count = countOn(node, set)));
      return count;
    },
    added: (pod, nodeName) => change(pod, nodeName, 1),
    removed: (pod, nodeName) => change(pod, nodeName, -1),
  };
}
