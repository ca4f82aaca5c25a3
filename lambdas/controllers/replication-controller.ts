import type {
  ReplicationController,
  ReplicationControllerStatus,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { type Labels, matchesSet } from '@nodeless/apimachinery/labels';
import { pods, replicationControllers } from '@nodeless/client/resource-types';
import { perform, performOne, updateStatus } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';
import { claim, isControlledBy, ownerRequests } from './ownership.ts';
import { applyReplicaPlan, failureCondition, sameStatus } from './replica-set.ts';
import { countReplicas, isActive, planReplicas } from './replicas.ts';

const selects = (controller: ReplicationController) => (labels: Labels | undefined) =>
  matchesSet(controller.spec?.selector, labels);

export const replicationControllerController: Controller = {
  name: 'replication-controller',
  watches: [
    watchRule({
      type: replicationControllers,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
    watchRule({
      type: pods,
      async requests(change, lookup) {
        const owners = ownerRequests('ReplicationController', '')(change);
        if (owners.length > 0 || change.object.metadata?.ownerReferences?.some((o) => o.controller)) return owners;
        const namespace = change.object.metadata?.namespace;
        const all = await lookup.list(replicationControllers, namespace);
        return all
          .filter((rc) => selects(rc)(change.object.metadata?.labels ?? {}))
          .map((rc) => ({ namespace, name: rc.metadata?.name ?? '' }));
      },
    }),
  ],
  async reconcile(request, context) {
    const { cache, clock } = context;
    const controller = await cache.get(replicationControllers, request);
    if (!controller) return;
    const { namespace, uid = '', deletionTimestamp } = controller.metadata ?? {};
    const candidates = [...(await cache.ownedBy(pods, uid, namespace)), ...(await cache.ownedBy(pods, '', namespace))];
    const { owned, actions } = claim(controller, pods, candidates, selects(controller));
    await perform(actions, context);
    const plan = deletionTimestamp
      ? { create: 0, remove: [] }
      : planReplicas(controller.spec?.replicas ?? 1, owned.filter(isActive));
    const { failure, error } = await applyReplicaPlan(controller, plan, controller.spec?.template, context);

    const current = (await cache.ownedBy(pods, uid, namespace)).filter(
      (pod) => isControlledBy(pod, controller) && isActive(pod),
    );
    const { nextAvailableMs, ...counts } = countReplicas(
      current,
      controller.spec?.template,
      controller.spec?.minReadySeconds ?? 0,
      clock.now(),
    );
    const conditions = failureCondition(controller.status?.conditions, failure, clock.now());
    const { replicas, ...others } = counts;
    const status: ReplicationControllerStatus = {
      replicas,
      ...Object.fromEntries(Object.entries(others).filter(([, count]) => count > 0)),
      observedGeneration: controller.metadata?.generation,
      ...(conditions.length > 0 ? { conditions } : {}),
    };
    if (!sameStatus(controller.status, status))
      await performOne(updateStatus(replicationControllers, { ...controller, status }), context);
    if (error) throw error;
    return nextAvailableMs === undefined ? {} : { requeueAfterMs: nextAvailableMs };
  },
};
