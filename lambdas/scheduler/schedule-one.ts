import { fitBesideNominated, prepareFilters } from './feasibility.ts';
import { explainFailure } from './failure-message.ts';
import type { Profile } from './framework.ts';
import type { PodInfo } from './pod-info.ts';
import { type Candidate, planPreemption } from './preemption.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Placement =
  | { readonly nodeName: string }
  | {
      readonly nodeName: undefined;
      /** `0/3 nodes are available: …`, the text of the FailedScheduling event and the PodScheduled condition. */
      readonly message: string;
      /** Names of the plugins that turned a node down: their events bring the pod back. */
      readonly rejectedBy: ReadonlySet<string>;
      /** Who must go so that the pod fits, and where. */
      readonly preempt: Candidate | undefined;
    };

/** Finds the best node for one pod. Pure over the snapshot: equal scores are settled by `random`, as upstream does. */
export function scheduleOne(pod: PodInfo, snapshot: Snapshot, profile: Profile, random: () => number): Placement {
  const filters = prepareFilters(pod, snapshot, profile);
  const nominated = snapshot.node(pod.pod.status?.nominatedNodeName ?? '');
  if (nominated && fitBesideNominated(pod, nominated, filters, snapshot, profile).fits)
    return { nodeName: nominated.name };

  const feasible: NodeInfo[] = [];
  const helpful: NodeInfo[] = [];
  const reasons: string[] = [];
  const rejectedBy = new Set<string>();
  for (const node of snapshot.nodes) {
    const fit = fitBesideNominated(pod, node, filters, snapshot, profile);
    if (fit.fits) {
      feasible.push(node);
      continue;
    }
    if (fit.by !== undefined) rejectedBy.add(fit.by);
    if (fit.resolvable) helpful.push(node);
    reasons.push(...fit.reasons);
  }
  if (feasible.length === 0) {
    const total = snapshot.nodes.length;
    const preemption = planPreemption(pod, helpful, filters, snapshot, profile);
    const message = explainFailure(total, reasons, total - helpful.length, preemption);
    return {
      nodeName: undefined,
      message,
      rejectedBy,
      preempt: preemption.type === 'candidate' ? preemption.candidate : undefined,
    };
  }
  if (feasible.length === 1) return { nodeName: (feasible[0] as NodeInfo).name };
  return { nodeName: best(pod, feasible, snapshot, profile, random).name };
}

function best(
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  snapshot: Snapshot,
  profile: Profile,
  random: () => number,
): NodeInfo {
  const totals = new Array<number>(nodes.length).fill(0);
  for (const { plugin, weight } of profile.scores) {
    const state = plugin.prepare?.(pod, snapshot, nodes);
    if (state === 'skip') continue;
    const scores = nodes.map((node) => plugin.score(pod, node, state));
    plugin.normalize?.(scores, state, nodes);
    for (let i = 0; i < totals.length; i++) totals[i] = (totals[i] as number) + weight * (scores[i] as number);
  }
  const top = Math.max(...totals);
  const ties = nodes.filter((_, i) => totals[i] === top);
  return ties[Math.floor(random() * ties.length)] as NodeInfo;
}
