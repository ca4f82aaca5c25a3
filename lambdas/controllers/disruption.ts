import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '@nodeless/apimachinery/generated/types/policy/v1';
import type { Condition } from '@nodeless/apimachinery/generated/types/meta/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { scaledValue } from '@nodeless/apimachinery/int-or-string';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '@nodeless/client/resource-types';
import { type Action, perform, requeue, updateStatus } from '@nodeless/controller-runtime/actions';
import { type Controller, type Lister, watchRule } from '@nodeless/controller-runtime/controller';
import { controllerOf } from './ownership.ts';
import { timestamp } from './time.ts';

/** An eviction that has not led to a deletion by then is given back. */
const evictionTimeoutMs = 120_000;

/** `expected`: how many pods their controllers want in all; undefined where a pod has no controller with a scale. */
export function planBudget(
  budget: PodDisruptionBudget,
  matching: readonly Pod[],
  expected: number | undefined,
  now: number,
): Action[] {
  const { spec, metadata, status } = budget;
  const live = matching.filter((pod) => !isPodTerminal(pod));
  // A percentage, and maxUnavailable, are of what the controllers want; a plain minAvailable is of what is there.
  const byController = spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
  const expectedPods = byController ? (expected ?? 0) : live.length;
  const desiredHealthy =
    spec?.maxUnavailable !== undefined
      ? Math.max(0, expectedPods - scaledValue(spec.maxUnavailable, expectedPods, 'up'))
      : scaledValue(spec?.minAvailable, expectedPods, 'up');
  const disruptedPods: Record<string, string> = {};
  let soonest = Infinity;
  for (const [name, time] of Object.entries(status?.disruptedPods ?? {})) {
    const pod = live.find((p) => p.metadata?.name === name);
    const left = Date.parse(time) + evictionTimeoutMs - now;
    if (!pod || pod.metadata?.deletionTimestamp || left <= 0) continue;
    disruptedPods[name] = time;
    soonest = Math.min(soonest, left);
  }
  const currentHealthy = live.filter(
    (pod) =>
      isPodReady(pod) && !pod.metadata?.deletionTimestamp && !Object.hasOwn(disruptedPods, pod.metadata?.name ?? ''),
  ).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const wanted: PodDisruptionBudgetStatus = {
    observedGeneration: metadata?.generation,
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: [condition(status?.conditions, disruptionsAllowed > 0, metadata?.generation, now)],
  };
  return [
    ...(semanticEqual(status ?? {}, wanted) ? [] : [updateStatus(podDisruptionBudgets, { ...budget, status: wanted })]),
    ...(Number.isFinite(soonest) ? [requeue(soonest)] : []),
  ];
}

function condition(
  known: readonly Condition[] | undefined,
  allowed: boolean,
  generation: number | undefined,
  now: number,
): Condition {
  const status = allowed ? 'True' : 'False';
  const before = known?.find((c) => c.type === 'DisruptionAllowed');
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(now);
  return {
    type: 'DisruptionAllowed',
    status,
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    lastTransitionTime,
    observedGeneration: generation,
  } as Condition;
}

/** The replicas that the controllers of these pods want, each controller once; a ReplicaSet of a Deployment counts as the Deployment. */
async function expectedReplicas(matching: readonly Pod[], cache: Lister): Promise<number | undefined> {
  const counted = new Map<string, number>();
  for (const pod of matching) {
    const owner = controllerOf(pod);
    const key = { namespace: pod.metadata?.namespace, name: owner?.name ?? '' };
    if (owner?.kind === 'ReplicaSet') {
      const rs = await cache.get(replicaSets, key);
      const parent = rs && controllerOf(rs);
      const deployment =
        parent?.kind === 'Deployment'
          ? await cache.get(deployments, { namespace: key.namespace, name: parent.name })
          : undefined;
      const scaled = deployment ?? rs;
      if (scaled) counted.set(scaled.metadata?.uid ?? '', scaled.spec?.replicas ?? 1);
    } else if (owner?.kind === 'StatefulSet' || owner?.kind === 'ReplicationController') {
      const scaled =
        owner.kind === 'StatefulSet'
          ? await cache.get(statefulSets, key)
          : await cache.get(replicationControllers, key);
      if (scaled) counted.set(scaled.metadata?.uid ?? '', scaled.spec?.replicas ?? 1);
    }
  }
  return counted.size === 0 ? undefined : [...counted.values()].reduce((sum, replicas) => sum + replicas, 0);
}

export const disruptionController: Controller = {
  name: 'disruption-controller',
  watches: [
    watchRule({
      type: podDisruptionBudgets,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
    watchRule({
      type: pods,
      async requests({ object, previous }, lookup) {
        const namespace = object.metadata?.namespace;
        const budgets = await lookup.list(podDisruptionBudgets, namespace);
        if (budgets.length === 0) return [];
        const labels = [object, previous].map((pod) => pod?.metadata?.labels ?? {});
        return budgets
          .filter((budget) => labels.some(matcherOf(budget.spec?.selector)))
          .map((budget) => ({ namespace, name: budget.metadata?.name ?? '' }));
      },
    }),
  ],
  async reconcile(request, context) {
    const budget = await context.cache.get(podDisruptionBudgets, request);
    if (!budget) return;
    const matches = matcherOf(budget.spec?.selector);
    const matching = (await context.cache.list(pods, request.namespace)).filter((pod) =>
      matches(pod.metadata?.labels ?? {}),
    );
    return perform(
      planBudget(budget, matching, await expectedReplicas(matching, context.cache), context.clock.now()),
      context,
    );
  },
};
