import type { CronJob, CronJobStatus, Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { isAlreadyExists } from '@nodeless/apimachinery/status';
import { cronJobs, jobs } from '@nodeless/client/resource-types';
import { performOne, remove, updateStatus } from '@nodeless/controller-runtime/actions';
import { type Controller, type ReconcileContext, watchRule } from '@nodeless/controller-runtime/controller';
import { isControlledBy, ownerRequests } from '../ownership.ts';
import { timestamp } from '../time.ts';
import { type CronPlan, planCronJob } from './plan.ts';

/** Starts the Job; undefined where somebody else has its name. */
async function start(cronJob: CronJob, job: Job, { client, events }: ReconcileContext): Promise<Job | undefined> {
  try {
    const made = await client.create(jobs, job);
    events.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${made.metadata?.name}`);
    return made;
  } catch (error) {
    if (!isAlreadyExists(error)) {
      events.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
    const existing = await client.get(jobs, { namespace: job.metadata?.namespace, name: job.metadata?.name ?? '' });
    // Made by us just before a crash, or not ours at all.
    return isControlledBy(existing, cronJob) ? existing : undefined;
  }
}

async function statusAfter(
  cronJob: CronJob,
  { status, create }: CronPlan,
  context: ReconcileContext,
): Promise<CronJobStatus> {
  if (!create) return status;
  const job = await start(cronJob, create.job, context);
  if (!job) return status;
  const { name, namespace, uid, resourceVersion } = job.metadata ?? {};
  return {
    ...status,
    active: [...(status.active ?? []), { kind: 'Job', namespace, name, uid, apiVersion: 'batch/v1', resourceVersion }],
    lastScheduleTime: timestamp(create.time),
  };
}

export const cronJobController: Controller = {
  name: 'cronjob-controller',
  watches: [
    watchRule({
      type: cronJobs,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
    watchRule({ type: jobs, requests: ownerRequests('CronJob', 'batch') }),
  ],
  async reconcile(request, context) {
    const { cache, clock, events } = context;
    const cronJob = await cache.get(cronJobs, request);
    if (!cronJob) return;
    const { namespace, uid = '' } = cronJob.metadata ?? {};
    const owned = (await cache.ownedBy(jobs, uid, namespace)).filter((job) => isControlledBy(job, cronJob));
    const plan = planCronJob(cronJob, owned, clock.now());
    for (const job of plan.remove) {
      await performOne(
        remove(
          jobs,
          { namespace, name: job.metadata?.name ?? '' },
          { propagationPolicy: 'Background', preconditions: { uid: job.metadata?.uid } },
        ),
        context,
      );
      events.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata?.name}`);
    }
    const status = await statusAfter(cronJob, plan, context);
    for (const { type, reason, message } of plan.events) events.event(cronJob, type, reason, message);
    if (!semanticEqual(cronJob.status ?? {}, status))
      await performOne(updateStatus(cronJobs, { ...cronJob, status }), context);
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  },
};
