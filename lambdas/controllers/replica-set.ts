import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import { pods, replicaSets } from '@nodeless/client/resource-types';
import { perform, performOne, remove, slowStart, updateStatus } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Request,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { claim, isControlledBy, ownerRequests } from './ownership.ts';
import {
  countReplicas,
  isActive,
  planReplicas,
  podFromTemplate,
  type ReplicaCounts,
  type ReplicaPlan,
} from './replicas.ts';
import { timestamp } from './time.ts';

/** What to do for one ReplicaSet, given the pods that it owns. `siblings`: pods of all ReplicaSets of the same owner, for spreading deletes. */
export function planReplicaSet(replicaSet: ReplicaSet, owned: readonly Pod[], siblings?: readonly Pod[]): ReplicaPlan {
  if (replicaSet.metadata?.deletionTimestamp) return { create: 0, remove: [] };
  return planReplicas(replicaSet.spec?.replicas ?? 1, owned.filter(isActive), siblings);
}

/** The status that the owned pods amount to. `failure`: what kept the last sync from making or removing pods. */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  owned: readonly Pod[],
  counts: ReplicaCounts,
  failure: Failure | undefined,
  now: number,
): ReplicaSetStatus {
  const { nextAvailableMs: _, ...numbers } = counts;
  const conditions = failureCondition(replicaSet.status?.conditions, failure, now);
  return {
    replicas: numbers.replicas,
    ...(numbers.fullyLabeledReplicas ? { fullyLabeledReplicas: numbers.fullyLabeledReplicas } : {}),
    ...(numbers.readyReplicas ? { readyReplicas: numbers.readyReplicas } : {}),
    ...(numbers.availableReplicas ? { availableReplicas: numbers.availableReplicas } : {}),
    terminatingReplicas: owned.filter(
      (pod) => pod.metadata?.deletionTimestamp && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed',
    ).length,
    observedGeneration: replicaSet.metadata?.generation,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

export interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

export function failureCondition<C extends ReplicaSetCondition>(
  known: readonly C[] | undefined,
  failure: Failure | undefined,
  now: number,
): ReplicaSetCondition[] {
  const others = (known ?? []).filter((c) => c.type !== 'ReplicaFailure');
  if (!failure) return others;
  // The first failure stays: the message names another pod each time, and writing that would go on for ever.
  if (known?.some((c) => c.type === 'ReplicaFailure')) return [...known];
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timestamp(now), ...failure }];
}

async function reconcile(request: Request, context: ReconcileContext): Promise<Result | void> {
  const { cache, clock } = context;
  const replicaSet = await cache.get(replicaSets, request);
  if (!replicaSet) return;
  const { namespace, uid = '' } = replicaSet.metadata ?? {};
  const candidates = [...(await cache.ownedBy(pods, uid, namespace)), ...(await cache.ownedBy(pods, '', namespace))];
  const { owned, actions } = claim(replicaSet, pods, candidates, matcherOf(replicaSet.spec?.selector));
  await perform(actions, context);

  const plan = planReplicaSet(replicaSet, owned, await siblingPods(replicaSet, owned, context));
  const { failure, error } = await applyReplicaPlan(replicaSet, plan, replicaSet.spec?.template, context);

  // What was just made or removed is in the cache already: a write is delivered before it is acknowledged.
  const current = (await cache.ownedBy(pods, uid, namespace)).filter((pod) => isControlledBy(pod, replicaSet));
  const counts = countReplicas(
    current.filter(isActive),
    replicaSet.spec?.template,
    replicaSet.spec?.minReadySeconds ?? 0,
    clock.now(),
  );
  const status = replicaSetStatus(replicaSet, current, counts, failure, clock.now());
  if (!sameStatus(replicaSet.status, status))
    await performOne(updateStatus(replicaSets, { ...replicaSet, status }), context);
  if (error) throw error;
  return counts.nextAvailableMs === undefined ? {} : { requeueAfterMs: counts.nextAvailableMs };
}

async function siblingPods(
  replicaSet: ReplicaSet,
  owned: readonly Pod[],
  { cache }: ReconcileContext,
): Promise<readonly Pod[]> {
  const owner = replicaSet.metadata?.ownerReferences?.find((o) => o.controller);
  if (!owner) return owned;
  const related = await cache.ownedBy(replicaSets, owner.uid, replicaSet.metadata?.namespace);
  return (
    await Promise.all(related.map(async (one) => cache.ownedBy(pods, one.metadata?.uid ?? '', one.metadata?.namespace)))
  ).flat();
}

/** Creates and removes pods of a plan, with upstream's events; used by ReplicationControllers too. */
export async function applyReplicaPlan(
  owner: KubernetesObject,
  plan: ReplicaPlan,
  template: Parameters<typeof podFromTemplate>[0] | undefined,
  context: ReconcileContext,
): Promise<{ failure: Failure | undefined; error: unknown }> {
  const { client, events } = context;
  if (plan.create > 0 && template) {
    const pod = podFromTemplate(template, owner);
    const { error } = await slowStart(plan.create, async () => {
      try {
        const made = await client.create(pods, pod);
        events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata?.name}`);
      } catch (cause) {
        events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(cause as Error).message}`);
        throw cause;
      }
    });
    if (error) return { failure: { reason: 'FailedCreate', message: (error as Error).message }, error };
  }
  const deletions = await Promise.allSettled(
    plan.remove.map(async (pod) => {
      const { namespace, name = '', uid } = pod.metadata ?? {};
      try {
        await performOne(remove(pods, { namespace, name }, { preconditions: { uid } }), context);
        events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (cause) {
        if (isNotFound(cause)) return;
        events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(cause as Error).message}`);
        throw cause;
      }
    }),
  );
  const failed = deletions.find((d) => d.status === 'rejected');
  return {
    failure: failed && { reason: 'FailedDelete', message: (failed.reason as Error).message },
    error: failed?.reason,
  };
}

export function sameStatus(a: object | undefined, b: object): boolean {
  const left = (a ?? {}) as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  // Zero and absent are one value on the wire.
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => JSON.stringify(left[key] ?? 0) === JSON.stringify(right[key] ?? 0));
}

export const replicaSetController: Controller = {
  name: 'replicaset-controller',
  watches: [
    watchRule({
      type: replicaSets,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
    watchRule({
      type: pods,
      async requests(change, lookup) {
        const owners = ownerRequests('ReplicaSet', 'apps')(change);
        if (owners.length > 0 || change.object.metadata?.ownerReferences?.some((o) => o.controller)) return owners;
        // An orphan may be what a ReplicaSet of its namespace is looking for.
        const namespace = change.object.metadata?.namespace;
        const all = await lookup.list(replicaSets, namespace);
        const labels = change.object.metadata?.labels ?? {};
        return all
          .filter((rs) => matcherOf(rs.spec?.selector)(labels))
          .map((rs) => ({ namespace, name: rs.metadata?.name ?? '' }));
      },
    }),
  ],
  reconcile,
};
