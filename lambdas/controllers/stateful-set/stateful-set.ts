import type { ControllerRevision, StatefulSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { PersistentVolumeClaim, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '@nodeless/client/resource-types';
import { type Action, perform, performOne, updateStatus } from '@nodeless/controller-runtime/actions';
import {
  type Change,
  type Controller,
  type Lister,
  type ReconcileContext,
  type Request,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { isCollision, planHistory, planHistoryCleanup } from '../controller-revisions.ts';
import { claim, isControlledBy, ownerRequests } from '../ownership.ts';
import { sameStatus } from '../replica-set.ts';
import { ordinalOf, revisionOf } from './identity.ts';
import { planStatefulSet } from './plan.ts';
import { statefulSetStatus } from './status.ts';

const keyOf = ({ metadata }: { metadata?: { namespace?: string; name?: string } }): Request => ({
  namespace: metadata?.namespace,
  name: metadata?.name ?? '',
});
const hashLabel = 'controller.kubernetes.io/hash';

/** A pod's own set, or those that would have it. */
async function podRequests(change: Change<Pod>, lookup: Lister): Promise<readonly Request[]> {
  const owners = ownerRequests('StatefulSet', 'apps')(change);
  const { metadata } = change.object;
  if (owners.length > 0 || metadata?.ownerReferences?.some((o) => o.controller)) return owners;
  const all = await lookup.list(statefulSets, metadata?.namespace);
  return all
    .filter(
      (set) => ordinalOf(set, change.object) !== undefined && matcherOf(set.spec?.selector)(metadata?.labels ?? {}),
    )
    .map(keyOf);
}

async function ownedRevisions(
  set: StatefulSet,
  { cache }: ReconcileContext,
): Promise<{ owned: readonly ControllerRevision[]; actions: readonly Action[] }> {
  const { namespace, uid = '' } = set.metadata ?? {};
  const candidates = [
    ...(await cache.ownedBy(controllerRevisions, uid, namespace)),
    ...(await cache.ownedBy(controllerRevisions, '', namespace)),
  ];
  const name = `${set.metadata?.name}-`;
  return claim(
    set,
    controllerRevisions,
    candidates.filter((r) => r.metadata?.name?.startsWith(name)),
    matcherOf(set.spec?.selector),
  );
}

/** Claims that the set's pods may use, by name. */
async function claimsByName(
  set: StatefulSet,
  { cache }: ReconcileContext,
): Promise<ReadonlyMap<string, PersistentVolumeClaim>> {
  if ((set.spec?.volumeClaimTemplates ?? []).length === 0) return new Map();
  const all = await cache.list(persistentVolumeClaims, set.metadata?.namespace);
  return new Map(all.map((one) => [one.metadata?.name ?? '', one]));
}

/** Performs in order; the first failure is told of, and returned: the status is written all the same. */
async function performTelling(
  set: StatefulSet,
  actions: readonly Action[],
  context: ReconcileContext,
): Promise<unknown> {
  for (const action of actions) {
    try {
      await performOne(action, context);
    } catch (error) {
      const told =
        action.do === 'create' || action.do === 'update'
          ? {
              verb: action.do,
              reason: action.do === 'create' ? 'FailedCreate' : 'FailedUpdate',
              what: action.object.kind === 'Pod' ? 'Pod' : 'Claim',
              name: action.object.metadata?.name,
            }
          : undefined;
      if (told)
        context.events.event(
          set,
          'Warning',
          told.reason,
          `${told.verb} ${told.what} ${told.name} in StatefulSet ${set.metadata?.name} failed error: ${(error as Error).message}`,
        );
      return error;
    }
  }
  return undefined;
}

export const statefulSetController: Controller = {
  name: 'statefulset-controller',
  watches: [
    watchRule({ type: statefulSets, requests: ({ object }) => [keyOf(object)] }),
    watchRule({ type: pods, requests: podRequests }),
    watchRule({ type: controllerRevisions, requests: ownerRequests('StatefulSet', 'apps') }),
    watchRule({ type: persistentVolumeClaims, requests: () => [] }),
  ],
  async reconcile(request, context) {
    const { cache, clock } = context;
    const set = await cache.get(statefulSets, request);
    if (!set) return;
    const { namespace, uid = '' } = set.metadata ?? {};
    const history = await ownedRevisions(set, context);
    await perform(history.actions, context);
    const candidates = [...(await cache.ownedBy(pods, uid, namespace)), ...(await cache.ownedBy(pods, '', namespace))];
    const claimed = claim(
      set,
      pods,
      candidates.filter((pod) => ordinalOf(set, pod) !== undefined),
      matcherOf(set.spec?.selector),
    );
    await perform(claimed.actions, context);

    const { collisionCount } = set.status ?? {};
    const labels = (hash: string): Record<string, string> => ({
      ...set.spec?.template.metadata?.labels,
      [hashLabel]: hash,
    });
    const plan = planHistory(history.owned, {
      owner: set,
      template: set.spec?.template,
      collisionCount,
      labels,
      annotations: set.metadata?.annotations,
    });
    try {
      await perform(plan.actions, context);
    } catch (error) {
      if (!(await isCollision(error, plan.actions[0], set, context))) throw error;
      await performOne(
        updateStatus(statefulSets, {
          ...set,
          status: { replicas: 0, ...set.status, collisionCount: (collisionCount ?? 0) + 1 },
        }),
        context,
      );
      throw error;
    }
    const current =
      plan.known.find((revision) => revision.metadata?.name === set.status?.currentRevision) ?? plan.current;
    const owned = claimed.owned;
    const status = statefulSetStatus(set, owned, current, plan.current, clock.now());

    const actions = planStatefulSet(
      { set, pods: owned, claims: await claimsByName(set, context), current, update: plan.current },
      clock.now(),
    );
    const failure = await performTelling(set, actions, context);
    if (!sameStatus(set.status, status)) await performOne(updateStatus(statefulSets, { ...set, status }), context);
    if (failure) throw failure as Error;
    const used = new Set([
      status.currentRevision,
      status.updateRevision,
      ...(await cache.ownedBy(pods, uid, namespace)).filter((pod) => isControlledBy(pod, set)).map(revisionOf),
    ]);
    await perform(
      planHistoryCleanup(plan.known, set.spec?.revisionHistoryLimit, (revision) =>
        used.has(revision.metadata?.name ?? ''),
      ),
      context,
    );
    return perform(
      actions.filter((action) => action.do === 'requeue'),
      context,
    );
  },
};
