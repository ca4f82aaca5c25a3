import { describe, expect, it } from 'vitest';
import type { CronJob, CronJobSpec, CronJobStatus, Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import { planCronJob } from '@nodeless/controllers/cron-job/plan';

const at = (time: string): number => Date.parse(`2030-01-01T${time}Z`);
const cron = (spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): CronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { namespace: 'default', name: 'c', uid: 'cron', creationTimestamp: '2030-01-01T00:00:00Z' },
  spec: {
    schedule: '*/10 * * * *',
    concurrencyPolicy: 'Allow',
    jobTemplate: { spec: { template: { spec: { containers: [] } } } },
    ...spec,
  },
  status,
});
const job = (name: string, ended?: 'Complete' | 'Failed', startTime = '2030-01-01T00:00:00Z'): Job => ({
  metadata: { name, uid: name, namespace: 'default' },
  spec: { template: {} },
  status: ended
    ? { startTime, completionTime: '2030-01-01T00:05:00Z', conditions: [{ type: ended, status: 'True' }] }
    : { startTime },
});
const ref = (name: string) => ({ name, uid: name });
const nameAt = (time: string): string => `c-${Math.floor(at(time) / 60_000)}`;

describe('a step of a CronJob', () => {
  it.each<{ name: string; cron: CronJob; now: string; starts: string | undefined; again: number | undefined }>([
    { name: 'nothing is due', cron: cron(), now: '00:05:00', starts: undefined, again: 300_100 },
    { name: 'a start is due', cron: cron(), now: '00:10:01', starts: '00:10:00', again: 599_100 },
    {
      name: 'it was made already',
      cron: cron({}, { lastScheduleTime: '2030-01-01T00:10:00Z' }),
      now: '00:10:01',
      starts: undefined,
      again: 599_100,
    },
    { name: 'several were missed', cron: cron(), now: '00:35:00', starts: '00:30:00', again: 300_100 },
    {
      name: 'it is too late',
      cron: cron({ startingDeadlineSeconds: 60 }),
      now: '00:12:00',
      starts: undefined,
      again: 480_100,
    },
    {
      name: 'it is late, but not too late',
      cron: cron({ startingDeadlineSeconds: 180 }),
      now: '00:12:00',
      starts: '00:10:00',
      again: 480_100,
    },
    { name: 'it is suspended', cron: cron({ suspend: true }), now: '00:10:01', starts: undefined, again: undefined },
    {
      name: 'the one before runs and may',
      cron: cron({}, { active: [ref('x')] }),
      now: '00:10:01',
      starts: '00:10:00',
      again: 599_100,
    },
    {
      name: 'the one before runs and may not',
      cron: cron({ concurrencyPolicy: 'Forbid' }, { active: [ref('x')] }),
      now: '00:10:01',
      starts: undefined,
      again: 599_100,
    },
  ])('when $name', ({ cron: of, now, starts, again }) => {
    const plan = planCronJob(of, of.status?.active ? [job('x')] : [], at(now));
    expect(plan.create?.job.metadata?.name).toBe(starts && nameAt(starts));
    expect(plan.requeueAfterMs).toBe(again);
  });

  it('replaces what runs, if it is told to', () => {
    const plan = planCronJob(
      cron({ concurrencyPolicy: 'Replace' }, { active: [ref('x')] }),
      [job('x')],
      at('00:10:01'),
    );
    expect(plan.remove.map((j) => j.metadata?.name)).toEqual(['x']);
    expect(plan.status.active).toBeUndefined();
    expect(plan.create).toBeDefined();
  });

  it('keeps account of its jobs', () => {
    const plan = planCronJob(
      cron({}, { active: [ref('done'), ref('lost')] }),
      [job('done', 'Complete'), job('stranger')],
      at('00:05:00'),
    );
    expect(plan.status).toEqual({ lastSuccessfulTime: '2030-01-01T00:05:00Z' });
    expect(plan.events).toEqual([
      { type: 'Normal', reason: 'SawCompletedJob', message: 'Saw completed job: done, condition: Complete' },
      {
        type: 'Warning',
        reason: 'UnexpectedJob',
        message: 'Saw a job that the controller did not create or forgot: stranger',
      },
      { type: 'Normal', reason: 'MissingJob', message: 'Active job went missing: lost' },
    ]);
  });

  it('removes the oldest of those that have ended', () => {
    const jobs = [
      job('a', 'Complete', '2030-01-01T00:00:03Z'),
      job('b', 'Complete', '2030-01-01T00:00:01Z'),
      job('f', 'Failed'),
      job('g'),
    ];
    const plan = planCronJob(cron({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 }), jobs, at('00:05:00'));
    expect(plan.remove.map((j) => j.metadata?.name)).toEqual(['b', 'f']);
  });

  it.each([
    {
      spec: { timeZone: 'Nowhere/Land' },
      reason: 'UnknownTimeZone',
      message: 'invalid timeZone: "Nowhere/Land": unknown time zone Nowhere/Land',
    },
    {
      spec: { schedule: 'x' },
      reason: 'UnparseableSchedule',
      message: 'unparseable schedule: "x" : expected exactly 5 fields, found 1: [x]',
    },
    {
      spec: { startingDeadlineSeconds: undefined, schedule: '* * * * *' },
      reason: 'TooManyMissedTimes',
      message: 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    },
  ])('says: $message', ({ spec, reason, message }) => {
    expect(planCronJob(cron(spec), [], at('02:00:00')).events).toContainEqual({ type: 'Warning', reason, message });
  });
});
