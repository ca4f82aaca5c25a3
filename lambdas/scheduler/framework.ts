/** The scheduler's extension points: filters say where a pod may run, scores say where it should. Both are pure. */
import type { NodeInfo, Snapshot } from './snapshot.ts';
import type { PodInfo } from './pod-info.ts';

export const ok: Fit = { fits: true };

export type Fit =
  | { readonly fits: true }
  | {
      readonly fits: false;
      /** User-visible, counted over nodes in FailedScheduling: upstream's wording. */
      readonly reasons: readonly string[];
      /** False where removing pods from the node could not help (UnschedulableAndUnresolvable). */
      readonly resolvable: boolean;
    };

export const unfit = (reasons: string | readonly string[], resolvable: boolean): Fit => ({
  fits: false,
  reasons: typeof reasons === 'string' ? [reasons] : reasons,
  resolvable,
});

/** What can happen in the cluster that may make an unschedulable pod schedulable. */
export type ClusterEvent =
  | 'node-added'
  | 'node-taints'
  | 'node-labels'
  | 'node-allocatable'
  | 'node-unschedulable'
  | 'pod-deleted'
  | 'pod-labels'
  | 'pod-assigned'
  | 'pod-updated';

export interface FilterPlugin<State = unknown> {
  readonly name: string;
  /** Work that is the same for every node, once a pod. `skip` = nothing to filter for this pod. */
  prepare?(pod: PodInfo, snapshot: Snapshot): State | 'skip';
  filter(pod: PodInfo, node: NodeInfo, state: State): Fit;
  /** Events after which a pod that this plugin turned down is tried again. */
  readonly retryOn: readonly ClusterEvent[];
  /** `prepare` depends on the pods of all nodes, so that it is to be done again where some are thought away. */
  readonly looksAtPods?: boolean;
}

export interface ScorePlugin<State = unknown> {
  readonly name: string;
  prepare?(pod: PodInfo, snapshot: Snapshot, nodes: readonly NodeInfo[]): State | 'skip';
  /** Any number; higher is better. */
  score(pod: PodInfo, node: NodeInfo, state: State): number;
  /** Brings the scores of all nodes into 0..100 in place. */
  normalize?(scores: number[], state: State, nodes: readonly NodeInfo[]): void;
}

export interface Profile {
  /** spec.schedulerName that this profile serves. */
  readonly schedulerName: string;
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly { readonly plugin: ScorePlugin; readonly weight: number }[];
}

/** A plugin with its state typed, as the lists of a profile hold it. */
export const filterPlugin = <S>(plugin: FilterPlugin<S>): FilterPlugin => plugin as unknown as FilterPlugin;
export const scorePlugin = <S>(plugin: ScorePlugin<S>): ScorePlugin => plugin as unknown as ScorePlugin;

/** Scales so that the best node has 100; `reverse` where a low score is the better one. */
export function normalizeTo100(scores: number[], reverse = false): void {
  const max = Math.max(0, ...scores);
  for (let i = 0; i < scores.length; i++) {
    const scaled = max === 0 ? 0 : Math.floor(((scores[i] as number) * 100) / max);
    scores[i] = reverse ? 100 - scaled : scaled;
  }
}
