import { describe, expect, it } from 'vitest';
import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatIndexes, parseIndexes } from '@nodeless/controllers/job/indexes';
import { type JobPlan, planJob, trackingFinalizer } from '@nodeless/controllers/job/plan';
import { aJob, aPod } from '../../builders/objects.ts';

const now = Date.parse('2030-01-01T01:00:00Z');
const pod = (
  name: string,
  phase: string,
  options: { index?: number; finalizer?: boolean; status?: PodStatus; deleted?: boolean } = {},
): Pod =>
  aPod(name, {
    metadata: {
      ...(options.finalizer === false ? {} : { finalizers: [trackingFinalizer] }),
      ...(options.index === undefined
        ? {}
        : { annotations: { 'batch.kubernetes.io/job-completion-index': String(options.index) } }),
      ...(options.deleted ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}),
    },
    status: { phase, ...options.status },
  });
const exited = (code: number, at = '2030-01-01T00:59:59Z'): PodStatus => ({
  containerStatuses: [
    {
      name: 'c',
      image: '',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode: code, finishedAt: at } },
    },
  ],
});
const condition = (plan: JobPlan, type: string) => plan.status.conditions?.find((c) => c.type === type);

/** Plays plan after plan as the controller would, with pods that lose their finalizer when they are released. */
function settle(job: Job, pods: Pod[]): JobPlan {
  let current = job;
  for (let step = 0; step < 10; step++) {
    const plan = planJob(current, pods, now);
    const released = new Set(plan.release);
    const removed = new Set(plan.remove);
    const before = JSON.stringify(current.status);
    pods = pods
      .filter((p) => !removed.has(p))
      .map((p) => (released.has(p) ? { ...p, metadata: { ...p.metadata, finalizers: [] } } : p));
    current = { ...current, status: plan.status };
    if (released.size === 0 && removed.size === 0 && before === JSON.stringify(plan.status)) return plan;
  }
  throw new Error('the job does not settle');
}

describe('a Job', () => {
  it('starts as many pods as parallelism and completions allow', () => {
    expect(planJob(aJob('j', { parallelism: 3, completions: 2 }), [], now).create).toHaveLength(2);
    expect(planJob(aJob('j', { parallelism: 3, completions: undefined }), [], now).create).toHaveLength(3);
    expect(planJob(aJob('j', { parallelism: 2, completions: 5 }), [pod('a', 'Running')], now).create).toHaveLength(1);
  });

  it('lists a finished pod before it counts it, and counts it once', () => {
    const job = aJob('j', { completions: 2 });
    const first = planJob(job, [pod('a', 'Succeeded')], now);
    expect(first.status).toMatchObject({ uncountedTerminatedPods: { succeeded: ['uid-a'] } });
    expect(first.status.succeeded).toBeUndefined();
    expect(first.release.map((p) => p.metadata?.name)).toEqual(['a']);
    const again = planJob({ ...job, status: first.status }, [pod('a', 'Succeeded')], now);
    expect(again.status).toEqual(first.status);
    const counted = planJob({ ...job, status: first.status }, [pod('a', 'Succeeded', { finalizer: false })], now);
    expect(counted.status).toMatchObject({ succeeded: 1, uncountedTerminatedPods: {} });
  });

  it('is complete only when every pod is counted', () => {
    const job = aJob('j');
    const first = planJob(job, [pod('a', 'Succeeded')], now);
    expect(condition(first, 'SuccessCriteriaMet')).toMatchObject({ status: 'True', reason: 'CompletionsReached' });
    expect(condition(first, 'Complete')).toBeUndefined();
    const done = settle(job, [pod('a', 'Succeeded')]);
    expect(condition(done, 'Complete')).toMatchObject({
      status: 'True',
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    });
    expect(done.status).toMatchObject({ succeeded: 1, completionTime: '2030-01-01T01:00:00Z' });
  });

  it('fails when it has reached its backoff limit, and stops what still runs', () => {
    const done = settle(aJob('j', { backoffLimit: 1, parallelism: 3, completions: 3 }), [
      pod('a', 'Failed'),
      pod('b', 'Failed'),
      pod('c', 'Running'),
    ]);
    expect(condition(done, 'Failed')).toMatchObject({
      status: 'True',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    });
    expect(done.status.failed).toBe(2);
  });

  it('waits longer after each failure', () => {
    const failed = (name: string): Pod => pod(name, 'Failed', { finalizer: false, status: exited(1) });
    expect(planJob(aJob('j', {}, { failed: 1 }), [failed('a')], now)).toMatchObject({
      create: [],
      requeueAfterMs: 9_000,
    });
    expect(planJob(aJob('j', {}, { failed: 2 }), [failed('a'), failed('b')], now)).toMatchObject({
      create: [],
      requeueAfterMs: 19_000,
    });
    expect(planJob(aJob('j', {}, { failed: 1 }), [failed('a')], now + 9_000).create).toHaveLength(1);
  });

  it('fails at its deadline', () => {
    const job = aJob('j', { activeDeadlineSeconds: 60 }, { startTime: '2030-01-01T00:58:00Z' });
    const plan = planJob(job, [pod('a', 'Running')], now);
    expect(condition(plan, 'FailureTarget')).toMatchObject({ reason: 'DeadlineExceeded' });
    expect(plan.remove).toHaveLength(1);
    expect(
      planJob(
        aJob('j', { activeDeadlineSeconds: 300 }, { startTime: '2030-01-01T00:58:00Z' }),
        [pod('a', 'Running')],
        now,
      ).requeueAfterMs,
    ).toBe(180_000);
  });

  it('is suspended and resumed', () => {
    const suspended = settle(aJob('j', { suspend: true }, { startTime: '2030-01-01T00:00:00Z' }), [
      pod('a', 'Running'),
    ]);
    expect(condition(suspended, 'Suspended')).toMatchObject({
      status: 'True',
      reason: 'JobSuspended',
      message: 'Job suspended',
    });
    expect(suspended.status.startTime).toBeUndefined();
    const resumed = planJob(aJob('j', { suspend: false }, suspended.status), [], now);
    expect(condition(resumed, 'Suspended')).toMatchObject({ status: 'False', reason: 'JobResumed' });
    expect(resumed).toMatchObject({ create: [undefined], status: { startTime: '2030-01-01T01:00:00Z' } });
  });

  it('with a failure policy ends at once, ignores or counts', () => {
    const rules = [
      { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    ];
    const job = aJob('j', { backoffLimit: 0, podFailurePolicy: { rules } });
    const failed = settle(job, [pod('a', 'Failed', { status: exited(42) })]);
    expect(condition(failed, 'Failed')).toMatchObject({
      reason: 'PodFailurePolicy',
      message: 'Container c for pod default/a failed with exit code 42 matching FailJob rule at index 0',
    });
    const ignored = planJob(
      job,
      [pod('a', 'Failed', { status: { conditions: [{ type: 'DisruptionTarget', status: 'True' }] } })],
      now,
    );
    expect(condition(ignored, 'FailureTarget')).toBeUndefined();
    expect(condition(planJob(job, [pod('a', 'Failed', { status: exited(1) })], now), 'FailureTarget')).toMatchObject({
      reason: 'BackoffLimitExceeded',
    });
  });

  it('with indexes makes each once and keeps which are done', () => {
    const job = aJob('j', { completionMode: 'Indexed', completions: 4, parallelism: 4 });
    const plan = planJob(
      job,
      [pod('a', 'Succeeded', { index: 0 }), pod('b', 'Succeeded', { index: 1 }), pod('c', 'Running', { index: 2 })],
      now,
    );
    expect(plan).toMatchObject({ create: [3], status: { completedIndexes: '0,1', succeeded: 2 } });
  });

  it('with a success policy is complete when its rule is met', () => {
    const job = aJob('j', {
      completionMode: 'Indexed',
      completions: 4,
      parallelism: 4,
      successPolicy: { rules: [{ succeededIndexes: '1' }] },
    });
    const done = settle(job, [pod('a', 'Succeeded', { index: 1 }), pod('b', 'Running', { index: 0 })]);
    expect(condition(done, 'Complete')).toMatchObject({ reason: 'SuccessPolicy', message: 'Matched rules at index 0' });
  });
});

describe('index sets', () => {
  it.each([
    ['', []],
    ['1', [1]],
    ['0,1', [0, 1]],
    ['0-2,5,7-9', [0, 1, 2, 5, 7, 8, 9]],
  ] as [string, number[]][])('%s', (text, indexes) => {
    expect([...parseIndexes(text)]).toEqual(indexes);
    expect(formatIndexes(new Set(indexes))).toBe(text);
  });
});
