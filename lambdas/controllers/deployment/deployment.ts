import type { Deployment, DeploymentStatus, ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { isAlreadyExists } from '@nodeless/apimachinery/status';
import { deployments, pods, replicaSets } from '@nodeless/client/resource-types';
import {
  type Action,
  create,
  event,
  perform,
  performOne,
  remove,
  requeue,
  update,
  updateStatus,
} from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Request,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { claim, controllerReference, isControlledBy, ownerRequests } from '../ownership.ts';
import { sameStatus } from '../replica-set.ts';
import { maxSurge } from './limits.ts';
import * as revision from './revision.ts';
import { newReplicas, planRolling, planScaling, replicasOf, type Scale, wasScaled } from './scaling.ts';
import { deploymentStatus, type NewCondition, progress, setCondition } from './status.ts';

export interface ObservedDeployment {
  readonly deployment: Deployment;
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods of old ReplicaSets that still run: what Recreate waits for. */
  readonly oldPodsRunning: boolean;
}

/** One step towards the desired state. Creating a ReplicaSet that exists already is the caller's hash collision. */
export function planDeployment(
  { deployment, replicaSets: all, oldPodsRunning }: ObservedDeployment,
  now: number,
): Action[] {
  if (deployment.metadata?.deletionTimestamp)
    return finish(deployment, all, revision.newReplicaSet(deployment, all), [], undefined, now, false);
  const found = revision.newReplicaSet(deployment, all);
  const old = all.filter((rs) => rs !== found);
  if (deployment.spec?.paused || wasScaled(deployment, all)) {
    const scales = planScaling(deployment, old, found);
    const cleanup = deployment.spec?.paused ? cleanUp(deployment, old) : [];
    const condition = deployment.spec?.paused
      ? { reason: 'DeploymentPaused', message: 'Deployment is paused' }
      : undefined;
    return finish(
      deployment,
      all,
      found,
      [...scales.flatMap((s) => scaleActions(deployment, s)), ...cleanup],
      condition && { type: 'Progressing', status: 'Unknown', ...condition },
      now,
      false,
      scales,
    );
  }
  const resumed = deployment.status?.conditions?.some(
    (c) => c.type === 'Progressing' && c.reason === 'DeploymentPaused',
  );
  const resumedCondition: NewCondition | undefined = resumed
    ? { type: 'Progressing', status: 'Unknown', reason: 'DeploymentResumed', message: 'Deployment is resumed' }
    : undefined;
  if (deployment.spec?.strategy?.type === 'Recreate') {
    const scales = old.filter((rs) => replicasOf(rs) > 0).map((replicaSet) => ({ replicaSet, to: 0 }));
    if (scales.length > 0 || oldPodsRunning)
      return finish(
        deployment,
        all,
        found,
        scales.flatMap((s) => scaleActions(deployment, s)),
        resumedCondition,
        now,
        true,
        scales,
      );
  }
  if (!found) return introduce(deployment, all, resumedCondition, now);
  const annotations = revision.replicaSetAnnotations(
    deployment,
    found.metadata?.annotations,
    Math.max(revision.revisionOf(found), 1 + Math.max(0, ...old.map(revision.revisionOf))),
  );
  const { minReadySeconds = 0 } = deployment.spec ?? {};
  const actions: Action[] = [];
  let fresh = found;
  if (
    !semanticEqual(annotations, found.metadata?.annotations ?? {}) ||
    (found.spec?.minReadySeconds ?? 0) !== minReadySeconds
  ) {
    fresh = {
      ...found,
      metadata: { ...found.metadata, annotations },
      spec: { ...found.spec, minReadySeconds } as ReplicaSet['spec'],
    };
    actions.push(update(replicaSets, fresh));
    // The write changes the ReplicaSet's revision: scaling follows with the event that it makes.
    return finish(
      deployment,
      [...old, fresh],
      fresh,
      actions,
      resumedCondition ?? foundCondition(deployment, fresh),
      now,
      true,
    );
  }
  const scales =
    deployment.spec?.strategy?.type === 'Recreate'
      ? replicasOf(fresh) === (deployment.spec.replicas ?? 1)
        ? []
        : [{ replicaSet: fresh, to: deployment.spec.replicas ?? 1 }]
      : planRolling(deployment, old, fresh);
  actions.push(...scales.flatMap((s) => scaleActions(deployment, s)));
  return finish(
    deployment,
    all,
    fresh,
    actions,
    resumedCondition ?? foundCondition(deployment, fresh),
    now,
    true,
    scales,
  );
}

function foundCondition(deployment: Deployment, fresh: ReplicaSet): NewCondition | undefined {
  if (
    deployment.spec?.progressDeadlineSeconds === undefined ||
    deployment.status?.conditions?.some((c) => c.type === 'Progressing')
  )
    return undefined;
  return {
    type: 'Progressing',
    status: 'True',
    reason: 'FoundNewReplicaSet',
    message: `Found new replica set "${fresh.metadata?.name}"`,
  };
}

/** Makes the ReplicaSet of a new template. */
function introduce(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  condition: NewCondition | undefined,
  now: number,
): Action[] {
  const template = deployment.spec?.template;
  if (!template) return [];
  const hash = revision.templateHash(template, deployment.status?.collisionCount);
  const { name = '', namespace } = deployment.metadata ?? {};
  const labels = { ...template.metadata?.labels, [revision.templateHashLabel]: hash };
  const to = newReplicas(deployment, old, undefined);
  const next = 1 + Math.max(0, ...old.map(revision.revisionOf));
  const fresh: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: { ...revision.replicaSetAnnotations(deployment, undefined, next), ...sizeAnnotations(deployment) },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: to,
      ...(deployment.spec?.minReadySeconds ? { minReadySeconds: deployment.spec.minReadySeconds } : {}),
      selector: {
        ...deployment.spec?.selector,
        matchLabels: { ...deployment.spec?.selector.matchLabels, [revision.templateHashLabel]: hash },
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  const actions = [create(replicaSets, fresh), ...(to > 0 ? [scaled(deployment, fresh, 0, to)] : [])];
  const created =
    deployment.spec?.progressDeadlineSeconds === undefined
      ? undefined
      : {
          type: 'Progressing',
          status: 'True',
          reason: 'NewReplicaSetCreated',
          message: `Created new replica set "${fresh.metadata?.name}"`,
        };
  return finish(deployment, [...old, fresh], fresh, actions, created ?? condition, now, true);
}

const sizeAnnotations = (deployment: Deployment): Record<string, string> => ({
  [revision.desiredReplicasAnnotation]: String(deployment.spec?.replicas ?? 1),
  [revision.maxReplicasAnnotation]: String((deployment.spec?.replicas ?? 1) + maxSurge(deployment)),
});

function scaled(deployment: Deployment, rs: ReplicaSet, from: number, to: number): Action {
  return event(
    deployment,
    'Normal',
    'ScalingReplicaSet',
    `Scaled ${to > from ? 'up' : 'down'} replica set ${rs.metadata?.name} from ${from} to ${to}`,
  );
}

function scaleActions(deployment: Deployment, { replicaSet, to }: Scale): Action[] {
  const annotations = { ...replicaSet.metadata?.annotations, ...sizeAnnotations(deployment) };
  const changed = {
    ...replicaSet,
    metadata: { ...replicaSet.metadata, annotations },
    spec: { ...replicaSet.spec, replicas: to } as ReplicaSet['spec'],
  };
  return [update(replicaSets, changed), scaled(deployment, replicaSet, replicasOf(replicaSet), to)];
}

/** Old ReplicaSets beyond revisionHistoryLimit, once nothing of them is left. */
function cleanUp(deployment: Deployment, old: readonly ReplicaSet[]): Action[] {
  const limit = deployment.spec?.revisionHistoryLimit;
  if (limit === undefined || limit === 2_147_483_647) return [];
  const idle = old.filter((rs) => !rs.metadata?.deletionTimestamp);
  const surplus = idle
    .toSorted((a, b) => revision.revisionOf(a) - revision.revisionOf(b))
    .slice(0, Math.max(0, idle.length - limit));
  return surplus
    .filter(
      (rs) =>
        replicasOf(rs) === 0 &&
        (rs.status?.replicas ?? 0) === 0 &&
        rs.metadata?.generation === rs.status?.observedGeneration,
    )
    .map((rs) =>
      remove(
        replicaSets,
        { namespace: rs.metadata?.namespace, name: rs.metadata?.name ?? '' },
        { preconditions: { uid: rs.metadata?.uid } },
      ),
    );
}

/** Adds revision, status and conditions to the actions of a step. */
function finish(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  actions: readonly Action[],
  condition: NewCondition | undefined,
  now: number,
  rollout: boolean,
  scales: readonly Scale[] = [],
): Action[] {
  const result = [...actions];
  const after = all.map((rs) => {
    const to = scales.find((s) => s.replicaSet === rs)?.to;
    return to === undefined ? rs : { ...rs, spec: { ...rs.spec, replicas: to } as ReplicaSet['spec'] };
  });
  const base = deploymentStatus(
    deployment,
    after,
    after.find((rs) => rs.metadata?.name === fresh?.metadata?.name),
    now,
  );
  const status: DeploymentStatus = {
    ...base,
    conditions: condition ? setCondition(base.conditions, condition, now) : base.conditions,
  };
  if (rollout) {
    const { conditions, checkAfterMs } = progress(deployment, status, after, fresh, now);
    status.conditions = conditions;
    if (checkAfterMs !== undefined) result.push(requeue(checkAfterMs));
    if (conditions.some((c) => c.type === 'Progressing' && c.reason === 'NewReplicaSetAvailable')) {
      result.push(
        ...cleanUp(
          deployment,
          all.filter((rs) => rs.metadata?.name !== fresh?.metadata?.name),
        ),
      );
    }
  }
  const current = fresh?.metadata?.annotations?.[revision.revisionAnnotation];
  const revised = current !== undefined && deployment.metadata?.annotations?.[revision.revisionAnnotation] !== current;
  // The status door takes annotations too, so that a watcher of observedGeneration sees the revision with it.
  const metadata = revised
    ? {
        ...deployment.metadata,
        annotations: { ...deployment.metadata?.annotations, [revision.revisionAnnotation]: current },
      }
    : deployment.metadata;
  if (revised || !sameStatus(deployment.status, status))
    result.push(updateStatus(deployments, { ...deployment, metadata, status }));
  return result;
}

const keyOf = (object: Deployment | ReplicaSet): { namespace: string | undefined; name: string } => ({
  namespace: object.metadata?.namespace,
  name: object.metadata?.name ?? '',
});

async function reconcile(request: Request, context: ReconcileContext): Promise<Result | void> {
  const { cache, clock } = context;
  const deployment = await cache.get(deployments, request);
  if (!deployment) return;
  const { namespace, uid = '' } = deployment.metadata ?? {};
  const selector = deployment.spec?.selector;
  if (
    !selector ||
    (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0)
  ) {
    context.events.event(
      deployment,
      'Warning',
      'SelectingAll',
      'This deployment is selecting all pods. A non-empty selector is required.',
    );
    return;
  }
  const candidates = [
    ...(await cache.ownedBy(replicaSets, uid, namespace)),
    ...(await cache.ownedBy(replicaSets, '', namespace)),
  ];
  const { owned, actions } = claim(deployment, replicaSets, candidates, matcherOf(selector));
  await perform(actions, context);
  const oldPodsRunning = await hasOldPods(deployment, owned, context);
  const plan = planDeployment({ deployment, replicaSets: owned, oldPodsRunning }, clock.now());
  return performPlan(plan, deployment, context);
}

async function hasOldPods(
  deployment: Deployment,
  owned: readonly ReplicaSet[],
  { cache }: ReconcileContext,
): Promise<boolean> {
  if (deployment.spec?.strategy?.type !== 'Recreate') return false;
  const fresh = revision.newReplicaSet(deployment, owned);
  const old = owned.filter((rs) => rs !== fresh);
  const lists = await Promise.all(
    old.map(async (rs) => cache.ownedBy(pods, rs.metadata?.uid ?? '', rs.metadata?.namespace)),
  );
  return lists.flat().some((pod: Pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed');
}

/** A ReplicaSet whose name is taken by another template counts up collisionCount, which gives the next try another hash. */
async function performPlan(
  plan: readonly Action[],
  deployment: Deployment,
  context: ReconcileContext,
): Promise<Result> {
  try {
    return await perform(plan, context);
  } catch (error) {
    const made = plan.find((action) => action.do === 'create');
    if (!isAlreadyExists(error) || !made) throw error;
    const existing = await context.client.get(replicaSets, {
      namespace: made.object.metadata?.namespace,
      name: made.object.metadata?.name ?? '',
    });
    // Ours already, made a moment ago: its event is on the way.
    if (
      isControlledBy(existing, deployment) &&
      revision.sameTemplate(existing.spec?.template, deployment.spec?.template)
    )
      return {};
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await performOne(
      updateStatus(deployments, { ...deployment, status: { ...deployment.status, collisionCount } }),
      context,
    );
    throw error;
  }
}

export const deploymentController: Controller = {
  name: 'deployment-controller',
  watches: [
    watchRule({ type: deployments, requests: ({ object }) => [keyOf(object)] }),
    watchRule({
      type: replicaSets,
      async requests(change, lookup) {
        const owners = ownerRequests('Deployment', 'apps')(change);
        if (owners.length > 0 || change.object.metadata?.ownerReferences?.some((o) => o.controller)) return owners;
        const all = await lookup.list(deployments, change.object.metadata?.namespace);
        return all.filter((d) => matcherOf(d.spec?.selector)(change.object.metadata?.labels ?? {})).map(keyOf);
      },
    }),
    watchRule({
      type: pods,
      // Only Recreate waits for pods to be gone.
      async requests({ type, object }, lookup) {
        if (type !== 'deleted') return [];
        const owner = object.metadata?.ownerReferences?.find((o) => o.controller && o.kind === 'ReplicaSet');
        const rs =
          owner && (await lookup.get(replicaSets, { namespace: object.metadata?.namespace, name: owner.name }));
        const deployment = rs?.metadata?.ownerReferences?.find((o) => o.controller && o.kind === 'Deployment');
        return deployment ? [{ namespace: object.metadata?.namespace, name: deployment.name }] : [];
      },
    }),
  ],
  reconcile,
};
