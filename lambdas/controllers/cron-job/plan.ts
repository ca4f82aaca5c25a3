/** One step of a CronJob. Pure. */
import type { CronJob, CronJobStatus, Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { ObjectReference } from '@nodeless/apimachinery/generated/types/core/v1';
import { controllerReference } from '../ownership.ts';
import { parseSchedule, type Schedule } from './schedule.ts';
import { dueStart, untilNextMs } from './times.ts';
import { createZone } from './zone.ts';

const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

export interface CronEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface CronPlan {
  /** As it should be written, but for what becomes of `create`: its reference and time are the caller's to add. */
  readonly status: CronJobStatus;
  readonly create: { readonly job: Job; readonly time: number } | undefined;
  /** Finished ones that are too many, and with Replace those that still run. */
  readonly remove: readonly Job[];
  readonly events: readonly CronEvent[];
  readonly requeueAfterMs: number | undefined;
}

/** The condition with which a Job ended. */
export function finishedAs(job: Job): 'Complete' | 'Failed' | undefined {
  return job.status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True')
    ?.type as 'Complete' | 'Failed' | undefined;
}

/** `jobs`: those that the CronJob controls. */
export function planCronJob(cronJob: CronJob, jobs: readonly Job[], now: number): CronPlan {
  const { metadata, spec, status } = cronJob;
  const events: CronEvent[] = [];
  const warn = (reason: string, message: string): void => void events.push({ type: 'Warning', reason, message });
  const say = (reason: string, message: string): void => void events.push({ type: 'Normal', reason, message });
  let active: ObjectReference[] = [...(status?.active ?? [])];
  let lastSuccessfulTime = status?.lastSuccessfulTime;
  for (const job of jobs) {
    const { uid, name } = job.metadata ?? {};
    const ended = finishedAs(job);
    const known = active.some((ref) => ref.uid === uid);
    if (!known && !ended) warn('UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`);
    else if (known && ended) {
      active = active.filter((ref) => ref.uid !== uid);
      say('SawCompletedJob', `Saw completed job: ${name}, condition: ${ended}`);
    }
    const completed = ended === 'Complete' ? job.status?.completionTime : undefined;
    if (
      completed !== undefined &&
      (lastSuccessfulTime === undefined || Date.parse(completed) > Date.parse(lastSuccessfulTime))
    )
      lastSuccessfulTime = completed;
  }
  for (const ref of active) {
    if (jobs.some((job) => job.metadata?.uid === ref.uid)) continue;
    say('MissingJob', `Active job went missing: ${ref.name}`);
    active = active.filter((one) => one.uid !== ref.uid);
  }
  const surplus = tooMany(jobs, spec?.successfulJobsHistoryLimit, 'Complete').concat(
    tooMany(jobs, spec?.failedJobsHistoryLimit, 'Failed'),
  );
  const done = (
    requeueAfterMs: number | undefined,
    create?: CronPlan['create'],
    replaced: readonly Job[] = [],
  ): CronPlan => ({
    status: {
      ...(active.length > 0 ? { active } : {}),
      ...(status?.lastScheduleTime === undefined ? {} : { lastScheduleTime: status.lastScheduleTime }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    },
    create,
    remove: [...surplus, ...replaced],
    events,
    requeueAfterMs,
  });
  if (metadata?.deletionTimestamp || spec?.suspend || !spec) return done(undefined);
  let schedule: Schedule;
  try {
    schedule = parseSchedule(spec.schedule, spec.timeZone);
  } catch (error) {
    if (error instanceof RangeError)
      warn('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(spec.timeZone)}: unknown time zone ${spec.timeZone}`);
    else
      warn(
        'UnparseableSchedule',
        `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${(error as Error).message}`,
      );
    return done(undefined);
  }
  const { due, missed } = dueStart(cronJob, schedule, now);
  const again = untilNextMs(cronJob, schedule, now);
  if (missed === 'many')
    warn(
      'TooManyMissedTimes',
      'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    );
  if (due === undefined) return done(again);
  if (spec.startingDeadlineSeconds !== undefined && due + spec.startingDeadlineSeconds * 1000 < now) {
    warn(
      'MissSchedule',
      `Missed scheduled time to start a job: ${new Date(due).toUTCString().replace('GMT', '+0000')}`,
    );
    return done(again);
  }
  const name = `${metadata?.name}-${Math.floor(due / 60_000)}`;
  if (active.some((ref) => ref.name === name) || Date.parse(status?.lastScheduleTime ?? '') === due) return done(again);
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    say('JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid');
    return done(again);
  }
  const replaced =
    spec.concurrencyPolicy === 'Replace'
      ? jobs.filter((job) => active.some((ref) => ref.uid === job.metadata?.uid))
      : [];
  if (replaced.length > 0) active = [];
  return done(again, { job: jobOf(cronJob, name, due), time: due }, replaced);
}

function jobOf(cronJob: CronJob, name: string, time: number): Job {
  const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
  const annotations = {
    ...metadata?.annotations,
    [scheduledAnnotation]: createZone(cronJob.spec?.timeZone ?? 'UTC').format(time),
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: cronJob.metadata?.namespace,
      ...(metadata?.labels && { labels: metadata.labels }),
      annotations,
      ownerReferences: [controllerReference(cronJob)],
    },
    spec,
  };
}

/** Ended ones beyond the limit, those that started first. */
function tooMany(jobs: readonly Job[], limit: number | undefined, outcome: 'Complete' | 'Failed'): Job[] {
  if (limit === undefined) return [];
  const started = (job: Job): number => Date.parse(job.status?.startTime ?? '') || Infinity;
  const ended = jobs
    .filter((job) => finishedAs(job) === outcome && !job.metadata?.deletionTimestamp)
    .toSorted((a, b) => started(a) - started(b) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
  return ended.slice(0, Math.max(0, ended.length - limit));
}
