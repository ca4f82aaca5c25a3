import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import { jobs } from '@nodeless/client/resource-types';
import { type Action, perform, remove, requeue } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';

/** A finished Job goes spec.ttlSecondsAfterFinished after it ended, with its pods. */
export function planTtl(job: Job, now: number): Action[] {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const finished = job.status?.conditions?.find(
    (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
  );
  if (ttl === undefined || !finished || job.metadata?.deletionTimestamp) return [];
  const left = Date.parse(finished.lastTransitionTime ?? '') + ttl * 1000 - now;
  if (left > 0) return [requeue(left)];
  const { namespace, name = '', uid } = job.metadata ?? {};
  return [remove(jobs, { namespace, name }, { propagationPolicy: 'Foreground', preconditions: { uid } })];
}

export const ttlAfterFinishedController: Controller = {
  name: 'ttl-after-finished-controller',
  watches: [
    watchRule({
      type: jobs,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
  ],
  async reconcile(request, context) {
    const job = await context.cache.get(jobs, request);
    return job ? perform(planTtl(job, context.clock.now()), context) : {};
  },
};
