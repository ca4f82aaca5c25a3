import type { TopologySpreadConstraint } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { filterPlugin, ok, scorePlugin, unfit } from '../framework.ts';
import type { PodSet } from '../matching-counts.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';
import type { PodInfo } from '../pod-info.ts';
import { untolerated } from '../tolerations.ts';
import { matchesRequired } from './node-affinity.ts';

interface Spread {
  readonly constraint: TopologySpreadConstraint;
  /** Matching pods in each domain that counts. */
  readonly counts: ReadonlyMap<string, number>;
  readonly selfMatch: number;
  readonly minimum: number;
}

const mismatch = "node(s) didn't match pod topology spread constraints";

function constraintsOf(pod: PodInfo, when: string): TopologySpreadConstraint[] {
  return (pod.pod.spec?.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === when);
}

/** The selector with matchLabelKeys joined in: the pod's own values of these labels. */
function setOf(constraint: TopologySpreadConstraint, pod: PodInfo): PodSet {
  const own = Object.fromEntries(
    (constraint.matchLabelKeys ?? []).filter((k) => k in pod.labels).map((k) => [k, pod.labels[k] as string]),
  );
  const selector = constraint.labelSelector && {
    ...constraint.labelSelector,
    matchLabels: { ...constraint.labelSelector.matchLabels, ...own },
  };
  return { namespace: pod.namespace, matches: matcherOf(selector), key: JSON.stringify(selector) ?? '' };
}

/** nodeAffinityPolicy (Honor by default) and nodeTaintsPolicy (Ignore by default). */
function counts(node: NodeInfo, pod: PodInfo, constraint: TopologySpreadConstraint): boolean {
  if ((constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesRequired(pod, node)) return false;
  return (
    constraint.nodeTaintsPolicy !== 'Honor' ||
    !untolerated(node.node.spec?.taints, pod.pod.spec?.tolerations, ['NoSchedule', 'NoExecute'])
  );
}

function prepareSpreads(pod: PodInfo, snapshot: Snapshot, constraints: readonly TopologySpreadConstraint[]): Spread[] {
  const complete = snapshot.nodes.filter((node) => constraints.every((c) => c.topologyKey in node.labels));
  return constraints.map((constraint) => {
    const set = setOf(constraint, pod);
    const found = new Map<string, number>();
    for (const node of complete) {
      if (!counts(node, pod, constraint)) continue;
      const domain = node.labels[constraint.topologyKey] as string;
      found.set(domain, (found.get(domain) ?? 0) + snapshot.countMatching(node, set));
    }
    const tooFew = found.size < (constraint.minDomains ?? 1);
    return {
      constraint,
      counts: found,
      selfMatch: set.matches(pod.labels) ? 1 : 0,
      minimum: tooFew ? 0 : Math.min(...found.values()),
    };
  });
}

export const podTopologySpread = filterPlugin({
  name: 'PodTopologySpread',
  prepare(pod, snapshot: Snapshot) {
    const constraints = constraintsOf(pod, 'DoNotSchedule');
    return constraints.length === 0 ? ('skip' as const) : prepareSpreads(pod, snapshot, constraints);
  },
  filter(_pod, node, spreads) {
    for (const { constraint, counts: found, selfMatch, minimum } of spreads) {
      const domain = node.labels[constraint.topologyKey];
      if (domain === undefined) return unfit(`${mismatch} (missing required label)`, false);
      const least = Number.isFinite(minimum) ? minimum : 0;
      if ((found.get(domain) ?? 0) + selfMatch - least > constraint.maxSkew) return unfit(mismatch, true);
    }
    return ok;
  },
  looksAtPods: true,
  retryOn: ['node-added', 'node-labels', 'pod-assigned', 'pod-deleted', 'pod-labels', 'pod-updated'],
});

/** What pods get that name no constraint of their own (upstream's system defaults), counted over their own labels. */
const defaultConstraints = [
  { topologyKey: 'kubernetes.io/hostname', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

export const podTopologySpreadScore = scorePlugin({
  name: 'PodTopologySpread',
  prepare(pod, snapshot: Snapshot) {
    const own = constraintsOf(pod, 'ScheduleAnyway');
    if (own.length > 0) return prepareSpreads(pod, snapshot, own);
    // Only pods of a controller have brothers to keep away from.
    if (
      (pod.pod.spec?.topologySpreadConstraints ?? []).length > 0 ||
      !pod.pod.metadata?.ownerReferences?.some((o) => o.controller)
    )
      return 'skip' as const;
    const labels = Object.fromEntries(Object.entries(pod.labels).filter(([key]) => key !== 'pod-template-generation'));
    if (Object.keys(labels).length === 0) return 'skip' as const;
    return defaultConstraints.flatMap((c) =>
      prepareSpreads(pod, snapshot, [
        { ...c, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: labels } },
      ]),
    );
  },
  score(_pod, node, spreads) {
    let sum = 0;
    for (const { constraint, counts: found } of spreads) {
      const domain = node.labels[constraint.topologyKey];
      // Weighted by the number of domains, as upstream does, so that hostname does not drown zone.
      if (domain !== undefined) sum += (found.get(domain) ?? 0) * Math.log(found.size + 2) + (constraint.maxSkew - 1);
    }
    return sum;
  },
  normalize(scores) {
    const max = Math.max(...scores);
    const min = Math.min(...scores);
    for (let i = 0; i < scores.length; i++)
      scores[i] = max === 0 ? 100 : Math.floor((100 * (max + min - (scores[i] as number))) / max);
  },
});
