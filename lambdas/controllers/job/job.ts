import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { isNotFound } from '@nodeless/apimachinery/status';
import { jobs, pods } from '@nodeless/client/resource-types';
import { perform, performOne, remove, slowStart, updateStatus } from '@nodeless/controller-runtime/actions';
import {
  type Change,
  type Controller,
  type Lister,
  type ReconcileContext,
  type Request,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { claim, controllerOf, isControlledBy, ownerRequests } from '../ownership.ts';
import { sameStatus } from '../replica-set.ts';
import { podFromTemplate } from '../replicas.ts';
import { indexAnnotation } from './indexes.ts';
import { planJob, trackingFinalizer } from './plan.ts';

const indexFailures = 'batch.kubernetes.io/job-index-failure-count';
const keyOf = ({
  metadata,
}: {
  metadata?: { namespace?: string; name?: string };
}): { namespace: string | undefined; name: string } => ({ namespace: metadata?.namespace, name: metadata?.name ?? '' });

function podFor(job: Job, index: number | undefined, failures: number): Pod {
  const pod = podFromTemplate(job.spec?.template ?? {}, job);
  const metadata = { ...pod.metadata, finalizers: [...(pod.metadata?.finalizers ?? []), trackingFinalizer] };
  if (index === undefined) return { ...pod, metadata };
  const annotations: Record<string, string> = { ...metadata.annotations, [indexAnnotation]: String(index) };
  if (job.spec?.backoffLimitPerIndex !== undefined) annotations[indexFailures] = String(failures);
  const { generateName: _, ...rest } = metadata;
  const env = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } },
  };
  const withIndex = <C extends { env?: { name: string }[] }>(container: C): C =>
    container.env?.some((e) => e.name === env.name)
      ? container
      : { ...container, env: [...(container.env ?? []), env] };
  return {
    ...pod,
    metadata: {
      ...rest,
      generateName: indexedPrefix(job.metadata?.name ?? '', index),
      annotations,
      labels: { ...metadata.labels, [indexAnnotation]: String(index) },
    },
    spec: {
      ...pod.spec,
      hostname: `${job.metadata?.name}-${index}`,
      containers: (pod.spec?.containers ?? []).map(withIndex),
      ...(pod.spec?.initContainers ? { initContainers: pod.spec.initContainers.map(withIndex) } : {}),
    },
  };
}

/** Cut before the index, so that five random letters still fit into a label. */
function indexedPrefix(name: string, index: number): string {
  const suffix = `-${index}-`;
  return `${name.slice(0, 58 - suffix.length)}${suffix}`;
}

const isTracked = (pod: Pod): boolean => pod.metadata?.finalizers?.includes(trackingFinalizer) === true;

/** Requests about a pod whose Job is gone or let go of it, told from Jobs by the slash. */
const orphanPrefix = 'pod/';
const orphanRequest = (pod: Pod): Request => ({
  namespace: pod.metadata?.namespace,
  name: `${orphanPrefix}${pod.metadata?.name}`,
});

/** Takes the finalizer off a pod that a Job left behind: only this controller does. */
async function releaseOrphan(namespace: string | undefined, name: string, context: ReconcileContext): Promise<void> {
  const { cache, client } = context;
  const pod = await cache.get(pods, { namespace, name });
  if (!pod || !isTracked(pod)) return;
  const owner = controllerOf(pod);
  if (!owner) {
    const all = await cache.list(jobs, namespace);
    const wanted = all.some(
      (job) => !job.metadata?.deletionTimestamp && matcherOf(job.spec?.selector)(pod.metadata?.labels ?? {}),
    );
    // A Job that wants it will adopt it.
    if (!wanted || pod.metadata?.deletionTimestamp) await releasePod(pod, context);
    return;
  }
  if (owner.kind !== 'Job') return;
  try {
    if ((await client.get(jobs, { namespace, name: owner.name })).metadata?.uid === owner.uid) return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await releasePod(pod, context);
}

async function podRequests(change: Change<Pod>, lookup: Lister): Promise<Request[]> {
  const requests: Request[] = ownerRequests('Job', 'batch')(change);
  const pod = change.object;
  if (change.type === 'deleted') return requests;
  const owner = controllerOf(pod);
  if (!owner) {
    const all = await lookup.list(jobs, pod.metadata?.namespace);
    requests.push(...all.filter((job) => matcherOf(job.spec?.selector)(pod.metadata?.labels ?? {})).map(keyOf));
  }
  const left =
    isTracked(pod) &&
    (!owner ||
      (owner.kind === 'Job' &&
        (await lookup.get(jobs, { namespace: pod.metadata?.namespace, name: owner.name }))?.metadata?.uid !==
          owner.uid));
  return left ? [...requests, orphanRequest(pod)] : requests;
}

async function jobRequests({ type, object }: Change<Job>, lookup: Lister): Promise<Request[]> {
  if (type !== 'deleted') return [keyOf(object)];
  return (await lookup.ownedBy(pods, object.metadata?.uid ?? '', object.metadata?.namespace))
    .filter(isTracked)
    .map(orphanRequest);
}

async function releasePod(pod: Pod, { client }: ReconcileContext): Promise<void> {
  const finalizers = (pod.metadata?.finalizers ?? []).filter((name) => name !== trackingFinalizer);
  const patch = {
    metadata: {
      uid: pod.metadata?.uid,
      resourceVersion: pod.metadata?.resourceVersion,
      finalizers: finalizers.length > 0 ? finalizers : null,
    },
  };
  try {
    await client.patch(pods, keyOf(pod), 'merge', patch);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export const jobController: Controller = {
  name: 'job-controller',
  watches: [watchRule({ type: jobs, requests: jobRequests }), watchRule({ type: pods, requests: podRequests })],
  async reconcile(request, context) {
    const { cache, client, clock, events } = context;
    if (request.name.startsWith(orphanPrefix))
      return releaseOrphan(request.namespace, request.name.slice(orphanPrefix.length), context);
    const job = await cache.get(jobs, request);
    if (!job) return;
    const { namespace, uid = '' } = job.metadata ?? {};
    if (job.spec?.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller') return;
    if (job.metadata?.deletionTimestamp) {
      for (const pod of await cache.ownedBy(pods, uid, namespace)) if (isTracked(pod)) await releasePod(pod, context);
      return;
    }
    const candidates = [...(await cache.ownedBy(pods, uid, namespace)), ...(await cache.ownedBy(pods, '', namespace))];
    const { actions } = claim(job, pods, candidates, matcherOf(job.spec?.selector), trackingFinalizer);
    await perform(actions, context);
    const owned = (await cache.ownedBy(pods, uid, namespace)).filter((pod) => isControlledBy(pod, job));
    const plan = planJob(job, owned, clock.now());

    await Promise.all(
      plan.remove.map(async (pod) => {
        await performOne(remove(pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid } }), context);
        events.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`);
      }),
    );
    const failures = (index: number | undefined): number =>
      Math.max(
        0,
        ...owned
          .filter((pod) => index !== undefined && pod.metadata?.annotations?.[indexAnnotation] === String(index))
          .map((pod) => Number(pod.metadata?.annotations?.[indexFailures] ?? 0) + 1),
      );
    const { succeeded, error } = await slowStart(plan.create.length, async (i) => {
      const made = await client.create(pods, podFor(job, plan.create[i], failures(plan.create[i])));
      events.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata?.name}`);
    });
    if (error) events.event(job, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    const status = { ...plan.status, active: (plan.status.active ?? 0) + succeeded || undefined };
    if (!sameStatus(job.status, status)) await performOne(updateStatus(jobs, { ...job, status }), context);
    // Only now: a crash before this line finds the pods again, still uncounted or already listed.
    await Promise.all(plan.release.map((pod) => releasePod(pod, context)));
    for (const { type, reason, message } of plan.events) events.event(job, type, reason, message);
    if (error) throw error;
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  },
};
