/** Whom a pod that fits nowhere may put aside: upstream's DefaultPreemption. Pure over the snapshot. */
import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { fitOnTrial, type PreparedFilter, type Verdict } from './feasibility.ts';
import type { Profile } from './framework.ts';
import type { PodInfo } from './pod-info.ts';
import { cloneNode, type NodeInfo, type Snapshot } from './snapshot.ts';

export interface Candidate {
  readonly nodeName: string;
  /** Most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of them their disruption budgets would rather keep. */
  readonly violations: number;
}

export type Preemption =
  | { readonly type: 'candidate'; readonly candidate: Candidate }
  /** This pod preempts nobody: why. */
  | { readonly type: 'ineligible'; readonly message: string }
  /** No node can be freed: why not, by node. */
  | { readonly type: 'none'; readonly reasons: readonly string[] };

/** Nodes that are looked at before the best of what was found is taken. */
const maxCandidates = 100;
const preemptedReason = 'PreemptionByScheduler';

/** `helpful`: the nodes that turned the pod down for reasons that removing pods could change. */
export function planPreemption(
  pod: PodInfo,
  helpful: readonly NodeInfo[],
  filters: readonly PreparedFilter[],
  snapshot: Snapshot,
  profile: Profile,
): Preemption {
  if (pod.pod.spec?.preemptionPolicy === 'Never')
    return { type: 'ineligible', message: 'not eligible due to preemptionPolicy=Never.' };
  const nominated = snapshot.node(pod.pod.status?.nominatedNodeName ?? '');
  if (
    nominated &&
    [...nominated.pods.values()].some((other) => other.priority < pod.priority && isBeingPreempted(other))
  ) {
    return { type: 'ineligible', message: 'not eligible due to a terminating pod on the nominated node.' };
  }
  const candidates: Candidate[] = [];
  const reasons: string[] = [];
  for (const node of helpful) {
    const found = victimsOn(pod, node, filters, snapshot, profile);
    if (!('victims' in found)) reasons.push(...found.reasons);
    else if (candidates.push(found) >= maxCandidates) break;
  }
  const [best] = candidates.toSorted(compareCandidates);
  return best ? { type: 'candidate', candidate: best } : { type: 'none', reasons };
}

const isBeingPreempted = ({ pod }: PodInfo): boolean =>
  pod.metadata?.deletionTimestamp !== undefined &&
  pod.status?.conditions?.some(
    (c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === preemptedReason,
  ) === true;

/** Takes everybody less important away, then lets back whoever fits, budgets and importance first. */
function victimsOn(
  pod: PodInfo,
  node: NodeInfo,
  filters: readonly PreparedFilter[],
  snapshot: Snapshot,
  profile: Profile,
): Candidate | { readonly reasons: readonly string[] } {
  const lesser = [...node.pods.values()].filter((other) => other.priority < pod.priority).toSorted(moreImportantFirst);
  if (lesser.length === 0) return { reasons: ['No preemption victims found for incoming pod'] };
  const freed = cloneNode(node);
  for (const other of lesser) freed.remove(other.uid);
  const fits = (): Verdict => fitOnTrial(pod, freed, filters, snapshot, profile);
  const alone = fits();
  if (!alone.fits) return { reasons: alone.reasons };
  const { violating, others } = byBudgets(lesser, snapshot.budgets());
  const victims: PodInfo[] = [];
  const tryToKeep = (other: PodInfo): boolean => {
    freed.add(other);
    if (fits().fits) return true;
    freed.remove(other.uid);
    victims.push(other);
    return false;
  };
  const violations = violating.filter((other) => !tryToKeep(other)).length;
  for (const other of others) tryToKeep(other);
  return { nodeName: node.name, victims: victims.toSorted(moreImportantFirst), violations };
}

/** Pods that would break a budget if they went, each budget giving what it allows to the most important ones' cost last. */
function byBudgets(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const allowed = budgets.map((budget) => ({
    budget,
    matches: matcherOf(budget.spec?.selector),
    left: budget.status?.disruptionsAllowed ?? 0,
  }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const one of pods) {
    let violates = false;
    for (const each of allowed) {
      const { budget } = each;
      if (
        Object.keys(one.labels).length === 0 ||
        budget.metadata?.namespace !== one.namespace ||
        isEmptySelector(budget) ||
        !each.matches(one.labels)
      )
        continue;
      // Its eviction was granted already.
      if (budget.status?.disruptedPods?.[one.pod.metadata?.name ?? ''] !== undefined) continue;
      each.left -= 1;
      if (each.left < 0) violates = true;
    }
    (violates ? violating : others).push(one);
  }
  return { violating, others };
}

function isEmptySelector({ spec }: PodDisruptionBudget): boolean {
  return (
    Object.keys(spec?.selector?.matchLabels ?? {}).length === 0 && (spec?.selector?.matchExpressions ?? []).length === 0
  );
}

const startOf = ({ pod }: PodInfo): number =>
  pod.status?.startTime === undefined ? Infinity : Date.parse(pod.status.startTime);
const moreImportantFirst = (a: PodInfo, b: PodInfo): number =>
  b.priority - a.priority || (startOf(a) === startOf(b) ? 0 : startOf(a) - startOf(b));

/** Fewest broken budgets, least important victims, smallest sum of importance, fewest victims, the one whose best victim started last. */
function compareCandidates(a: Candidate, b: Candidate): number {
  const highest = ({ victims }: Candidate): number => victims[0]?.priority ?? -Infinity;
  // Offset as upstream's, so that many pods of negative priority do not look cheaper than few.
  const sum = ({ victims }: Candidate): number =>
    victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  const earliest = (candidate: Candidate): number =>
    Math.min(...candidate.victims.filter((v) => v.priority === highest(candidate)).map(startOf));
  return (
    a.violations - b.violations ||
    compare(highest(a), highest(b)) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    compare(earliest(b), earliest(a))
  );
}

const compare = (a: number, b: number): number => (a === b ? 0 : a - b);
