import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { randomSuffix } from '@nodeless/apimachinery/names';
import { isNotFound } from '@nodeless/apimachinery/status';
import { jobs, pods } from '@nodeless/client/resource-types';
import { perform, performOne, remove, slowStart, updateStatus } from '@nodeless/controller-runtime/actions';
import { type Controller, type ReconcileContext, watchRule } from '@nodeless/controller-runtime/controller';
import { claim, isControlledBy, ownerRequests } from '../ownership.ts';
import { sameStatus } from '../replica-set.ts';
import { podFromTemplate } from '../replicas.ts';
import { indexAnnotation } from './indexes.ts';
import { planJob, trackingFinalizer } from './plan.ts';

const indexFailures = 'batch.kubernetes.io/job-index-failure-count';
const keyOf = ({ metadata }: { metadata?: { namespace?: string; name?: string } }): { namespace: string | undefined; name: string } => ({ namespace: metadata?.namespace, name: metadata?.name ?? '' });

function podFor(job: Job, index: number | undefined, failures: number): Pod {
  const pod = podFromTemplate(job.spec?.template ?? {}, job);
  const metadata = { ...pod.metadata, finalizers: [...(pod.metadata?.finalizers ?? []), trackingFinalizer] };
  if (index === undefined) return { ...pod, metadata };
  const annotations: Record<string, string> = { ...metadata.annotations, [indexAnnotation]: String(index) };
  if (job.spec?.backoffLimitPerIndex !== undefined) annotations[indexFailures] = String(failures);
  const { generateName: _, ...rest } = metadata;
  const base = `${job.metadata?.name}-${index}`;
  const env = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } } };
  const withIndex = <C extends { env?: { name: string }[] }>(container: C): C => (container.env?.some((e) => e.name === env.name) ? container : { ...container, env: [...(container.env ?? []), env] });
  return {
    ...pod,
    metadata: { ...rest, name: `${base}-${randomSuffix(5)}`, annotations, labels: { ...metadata.labels, [indexAnnotation]: String(index) } },
    spec: {
      ...pod.spec,
      hostname: base,
      containers: (pod.spec?.containers ?? []).map(withIndex),
      ...(pod.spec?.initContainers ? { initContainers: pod.spec.initContainers.map(withIndex) } : {}),
    },
  };
}

async function releasePod(pod: Pod, { client }: ReconcileContext): Promise<void> {
  const finalizers = (pod.metadata?.finalizers ?? []).filter((name) => name !== trackingFinalizer);
  const patch = { metadata: { uid: pod.metadata?.uid, resourceVersion: pod.metadata?.resourceVersion, finalizers: finalizers.length > 0 ? finalizers : null } };
  try {
    await client.patch(pods, keyOf(pod), 'merge', patch);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export const jobController: Controller = {
  name: 'job-controller',
  watches: [
    watchRule({ type: jobs, requests: ({ object }) => [keyOf(object)] }),
    watchRule({ type: pods, requests: ownerRequests('Job', 'batch') }),
  ],
  async reconcile(request, context) {
    const { cache, client, clock, events } = context;
    const job = await cache.get(jobs, request);
    if (!job) return;
    const { namespace, uid = '' } = job.metadata ?? {};
    if (job.spec?.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller') return;
    if (job.metadata?.deletionTimestamp) {
      for (const pod of await cache.ownedBy(pods, uid, namespace)) if (pod.metadata?.finalizers?.includes(trackingFinalizer)) await releasePod(pod, context);
      return;
    }
    const candidates = [...(await cache.ownedBy(pods, uid, namespace)), ...(await cache.ownedBy(pods, '', namespace))];
    const { actions } = claim(job, pods, candidates, matcherOf(job.spec?.selector));
    await perform(actions, context);
    const owned = (await cache.ownedBy(pods, uid, namespace)).filter((pod) => isControlledBy(pod, job));
    const plan = planJob(job, owned, clock.now());

    await Promise.all(
      plan.remove.map(async (pod) => {
        await performOne(remove(pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid } }), context);
        events.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`);
      }),
    );
    const failures = (index: number | undefined): number => Math.max(0, ...owned.filter((pod) => index !== undefined && pod.metadata?.annotations?.[indexAnnotation] === String(index)).map((pod) => Number(pod.metadata?.annotations?.[indexFailures] ?? 0) + 1));
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
