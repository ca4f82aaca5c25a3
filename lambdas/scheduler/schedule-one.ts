import type { Profile } from './framework.ts';
import type { PodInfo } from './pod-info.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Placement =
  | { readonly nodeName: string }
  | {
      readonly nodeName: undefined;
      /** `0/3 nodes are available: …`, the text of the FailedScheduling event and the PodScheduled condition. */
      readonly message: string;
      /** Names of the plugins that turned a node down: their events bring the pod back. */
      readonly rejectedBy: ReadonlySet<string>;
    };

/** Finds the best node for one pod. Pure over the snapshot: equal scores are settled by `random`, as upstream does. */
export function scheduleOne(pod: PodInfo, snapshot: Snapshot, profile: Profile, random: () => number): Placement {
  const filters = profile.filters
    .map((plugin) => ({ plugin, state: plugin.prepare?.(pod, snapshot) }))
    .filter(({ state }) => state !== 'skip');
  const feasible: NodeInfo[] = [];
  const reasons = new Map<string, number>();
  const rejectedBy = new Set<string>();
  let unresolvable = 0;
  for (const node of snapshot.nodes) {
    let good = true;
    for (const { plugin, state } of filters) {
      const fit = plugin.filter(pod, node, state);
      if (fit.fits) continue;
      good = false;
      rejectedBy.add(plugin.name);
      if (!fit.resolvable) unresolvable += 1;
      for (const reason of fit.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      break;
    }
    if (good) feasible.push(node);
  }
  if (feasible.length === 0) return { nodeName: undefined, message: failureMessage(snapshot.nodes.length, reasons, unresolvable), rejectedBy };
  if (feasible.length === 1) return { nodeName: (feasible[0] as NodeInfo).name };
  return { nodeName: best(pod, feasible, snapshot, profile, random).name };
}

function best(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot, profile: Profile, random: () => number): NodeInfo {
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

/** Upstream's FitError text, with the answers of its PostFilter plugins (dynamic resources, preemption). */
function failureMessage(total: number, reasons: ReadonlyMap<string, number>, unresolvable: number): string {
  if (total === 0) return 'no nodes available to schedule pods';
  const counted = [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted();
  const preemption = [
    ...(total > unresolvable ? [`${total - unresolvable} No preemption victims found for incoming pod`] : []),
    ...(unresolvable > 0 ? [`${unresolvable} Preemption is not helpful for scheduling`] : []),
  ].toSorted();
  return `0/${total} nodes are available: ${counted.join(', ')}. no new claims to deallocate, preemption: 0/${total} nodes are available: ${preemption.join(', ')}.`;
}
