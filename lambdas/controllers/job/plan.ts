import type { Job, JobCondition, JobStatus } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { timestamp } from '../time.ts';
import { judgeFailure } from './failure-policy.ts';
import { formatIndexes, indexOf, parseIndexes } from './indexes.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const baseBackoffMs = 10_000;
const maxBackoffMs = 600_000;

export interface JobPlan {
  /** As it should be written; the same object as before when nothing changed. */
  readonly status: JobStatus;
  /** Finished pods that `status` accounts for: their finalizer goes once it is written. */
  readonly release: readonly Pod[];
  readonly remove: readonly Pod[];
  /** Completion indexes of pods to make (Indexed), or undefined for each (NonIndexed). */
  readonly create: readonly (number | undefined)[];
  readonly requeueAfterMs: number | undefined;
  readonly events: readonly { type: 'Normal' | 'Warning'; reason: string; message: string }[];
}

const isTrue = (job: Job, type: string): JobCondition | undefined =>
  job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
export const isFinished = (job: Job): boolean => Boolean(isTrue(job, 'Complete') ?? isTrue(job, 'Failed'));
const hasFinalizer = (pod: Pod): boolean => pod.metadata?.finalizers?.includes(trackingFinalizer) === true;

/** A pod that ended without success, or that was deleted before it could: with podReplacementPolicy Failed only once it has ended. */
function isFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  const onlyFailed = job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
  return Boolean(pod.metadata?.deletionTimestamp) && pod.status?.phase !== 'Succeeded' && !onlyFailed;
}

/** One step of a Job. Pure: `pods` are those that the Job controls, `now` in milliseconds. */
export function planJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const status: JobStatus = structuredClone(job.status ?? {});
  const events: JobPlan['events'][number][] = [];
  if (isFinished(job))
    return {
      status: job.status ?? {},
      release: pods.filter(hasFinalizer),
      remove: [],
      create: [],
      requeueAfterMs: undefined,
      events,
    };
  const spec = job.spec ?? { template: {} };
  const indexed = spec.completionMode === 'Indexed';
  if (!status.startTime && !spec.suspend) status.startTime = timestamp(now);
  const accounts = account(job, status, pods, indexed);
  const active = pods.filter((pod) => !isPodTerminal(pod) && !pod.metadata?.deletionTimestamp);
  const terminating = pods.filter((pod) => !isPodTerminal(pod) && pod.metadata?.deletionTimestamp);

  const verdict = decide(job, status, accounts, active, indexed, now);
  let { requeueAfterMs } = verdict;
  let remove: readonly Pod[] = [];
  let create: (number | undefined)[] = [];
  // Once decided it stays: what its own pods do while they are stopped is no new reason.
  const decided = (status.conditions ?? []).find(
    (c) => (c.type === 'FailureTarget' || c.type === 'SuccessCriteriaMet') && c.status === 'True',
  );
  const target = decided ?? verdict.target;
  if (target) {
    setCondition(status, { type: target.type, status: 'True', reason: target.reason, message: target.message }, now);
    remove = active;
    const settled = active.length === 0 && terminating.length === 0 && accounts.uncounted === 0;
    if (settled) {
      const type = target.type === 'FailureTarget' ? 'Failed' : 'Complete';
      setCondition(status, { type, status: 'True', reason: target.reason, message: target.message }, now);
      if (type === 'Complete') {
        status.completionTime = timestamp(now);
        events.push({ type: 'Normal', reason: 'Completed', message: 'Job completed' });
      } else events.push({ type: 'Warning', reason: target.reason ?? '', message: target.message ?? '' });
    }
  } else if (spec.suspend) {
    remove = active;
    if (active.length === 0 && !isTrue(job, 'Suspended')) {
      setCondition(
        status,
        { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' },
        now,
      );
      delete status.startTime;
      events.push({ type: 'Normal', reason: 'Suspended', message: 'Job suspended' });
    }
  } else {
    if (isTrue(job, 'Suspended')) {
      setCondition(status, { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' }, now);
      status.startTime = timestamp(now);
      events.push({ type: 'Normal', reason: 'Resumed', message: 'Job resumed' });
    }
    const replacesTerminating = spec.podReplacementPolicy !== 'Failed' && spec.podFailurePolicy === undefined;
    const occupied = replacesTerminating ? active : [...active, ...terminating];
    const wanted = wantedActive(job, status, accounts.succeededTotal, active.length);
    if (active.length > wanted) remove = active.toSorted(youngestFirst).slice(0, active.length - wanted);
    else {
      const missing = wanted - occupied.length;
      create = indexed
        ? nextIndexes(job, status, occupied, missing)
        : Array.from({ length: Math.max(0, missing) }, () => undefined);
      // Each index backs off by itself where each has its own limit.
      const perIndex = indexed && spec.backoffLimitPerIndex !== undefined;
      const waits = create.map((index) =>
        backoffLeft(perIndex ? pods.filter((pod) => indexOf(pod) === index) : pods, now),
      );
      create = create.filter((_, i) => waits[i] === 0);
      const wait = Math.min(...waits.filter((ms) => ms > 0));
      if (Number.isFinite(wait)) requeueAfterMs = Math.min(requeueAfterMs ?? Infinity, wait);
    }
  }
  const remaining = new Set(remove);
  setCounts(
    status,
    active.filter((pod) => !remaining.has(pod)),
    terminating.length + remove.length,
  );
  return { status, release: accounts.release, remove, create, requeueAfterMs, events };
}

interface Accounts {
  readonly release: readonly Pod[];
  /** Finished pods whose finalizer is still on: the Job cannot be finished before they are counted. */
  readonly uncounted: number;
  readonly succeededTotal: number;
  readonly failedJob: string | undefined;
}

/**
 * Counts every finished pod exactly once: it is written into uncountedTerminatedPods (or completedIndexes) first, then loses
 * its finalizer, and is added to the counters when that has been seen. A crash at any point repeats a step and counts nothing twice.
 */
function account(job: Job, status: JobStatus, pods: readonly Pod[], indexed: boolean): Accounts {
  const byUid = new Map(pods.map((pod) => [pod.metadata?.uid ?? '', pod]));
  const uncounted = {
    succeeded: new Set(status.uncountedTerminatedPods?.succeeded),
    failed: new Set(status.uncountedTerminatedPods?.failed),
  };
  for (const outcome of ['succeeded', 'failed'] as const) {
    for (const uid of uncounted[outcome]) {
      const pod = byUid.get(uid);
      if (pod && hasFinalizer(pod)) continue;
      uncounted[outcome].delete(uid);
      status[outcome] = (status[outcome] ?? 0) + 1;
    }
  }
  const completed = parseIndexes(status.completedIndexes);
  const failedIndexes = parseIndexes(status.failedIndexes);
  const release: Pod[] = [];
  let failedJob: string | undefined;
  for (const pod of pods) {
    const uid = pod.metadata?.uid ?? '';
    if (!hasFinalizer(pod)) continue;
    const index = indexOf(pod);
    if (pod.status?.phase === 'Succeeded') {
      release.push(pod);
      if (!indexed) uncounted.succeeded.add(uid);
      else if (index !== undefined && index < (job.spec?.completions ?? 0)) completed.add(index);
    } else if (isFailed(job, pod)) {
      release.push(pod);
      const verdict = judgeFailure(job, pod);
      if (verdict.action === 'FailJob') failedJob ??= verdict.message;
      if (verdict.action === 'Ignore') continue;
      uncounted.failed.add(uid);
      if (
        index !== undefined &&
        job.spec?.backoffLimitPerIndex !== undefined &&
        (verdict.action === 'FailIndex' || failuresOf(pod) >= job.spec.backoffLimitPerIndex)
      )
        failedIndexes.add(index);
    }
  }
  if (indexed) {
    status.succeeded = completed.size;
    status.completedIndexes = formatIndexes(completed) || undefined;
    if (job.spec?.backoffLimitPerIndex !== undefined) status.failedIndexes = formatIndexes(failedIndexes);
  }
  const lists = {
    ...(uncounted.succeeded.size ? { succeeded: [...uncounted.succeeded] } : {}),
    ...(uncounted.failed.size ? { failed: [...uncounted.failed] } : {}),
  };
  status.uncountedTerminatedPods = lists;
  const waiting =
    uncounted.succeeded.size +
    uncounted.failed.size +
    (indexed ? release.filter((pod) => pod.status?.phase === 'Succeeded').length : 0);
  return {
    release,
    uncounted: waiting,
    succeededTotal: indexed ? completed.size : (status.succeeded ?? 0) + uncounted.succeeded.size,
    failedJob,
  };
}

const failuresOf = (pod: Pod): number =>
  Number(pod.metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count'] ?? 0);

type Target = Pick<JobCondition, 'type' | 'reason' | 'message'>;

/** Whether the Job has succeeded or failed for good, and when the deadline must be looked at. */
function decide(
  job: Job,
  status: JobStatus,
  accounts: Accounts,
  active: readonly Pod[],
  indexed: boolean,
  now: number,
): { target: Target | undefined; requeueAfterMs: number | undefined } {
  const spec = job.spec ?? { template: {} };
  const fail = (reason: string, message: string): { target: Target; requeueAfterMs: undefined } => ({
    target: { type: 'FailureTarget', reason, message },
    requeueAfterMs: undefined,
  });
  if (accounts.failedJob) return fail('PodFailurePolicy', accounts.failedJob);
  const failed = (status.failed ?? 0) + (status.uncountedTerminatedPods?.failed?.length ?? 0);
  const limit = spec.backoffLimit ?? 6;
  const restarts =
    spec.template?.spec?.restartPolicy === 'OnFailure' ? active.reduce((sum, pod) => sum + restartCount(pod), 0) : 0;
  if (failed > limit || (restarts > 0 && (limit === 0 || restarts >= limit)))
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  let requeueAfterMs: number | undefined;
  if (spec.activeDeadlineSeconds !== undefined && status.startTime && !spec.suspend) {
    const left = Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now;
    if (left <= 0) return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
    requeueAfterMs = left;
  }
  const completed = parseIndexes(status.completedIndexes);
  const failedIndexes = parseIndexes(status.failedIndexes);
  if (indexed && spec.backoffLimitPerIndex !== undefined) {
    if (spec.maxFailedIndexes !== undefined && failedIndexes.size > spec.maxFailedIndexes)
      return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    if (failedIndexes.size > 0 && failedIndexes.size + completed.size >= (spec.completions ?? 0))
      return fail('FailedIndexes', 'Job has failed indexes');
  }
  const rule = indexed ? successRule(job, completed) : undefined;
  if (rule !== undefined)
    return {
      target: { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` },
      requeueAfterMs,
    };
  // Without completions any success ends the Job, once the pods that still work have ended.
  const complete =
    spec.completions === undefined
      ? accounts.succeededTotal > 0 && active.length === 0
      : accounts.succeededTotal >= spec.completions;
  if (complete)
    return {
      target: {
        type: 'SuccessCriteriaMet',
        reason: 'CompletionsReached',
        message: 'Reached expected number of succeeded pods',
      },
      requeueAfterMs,
    };
  return { target: undefined, requeueAfterMs };
}

function successRule(job: Job, completed: ReadonlySet<number>): number | undefined {
  const index = (job.spec?.successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    const asked = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
    const met = asked ? [...asked].filter((i) => completed.has(i)).length : completed.size;
    return met >= (succeededCount ?? asked?.size ?? Infinity);
  });
  return index < 0 ? undefined : index;
}

function wantedActive(job: Job, status: JobStatus, succeeded: number, active: number): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  // After the first success what runs may end, and nothing is added.
  if (completions === undefined) return succeeded > 0 ? Math.min(active, parallelism) : parallelism;
  return Math.min(parallelism, Math.max(0, completions - succeeded - parseIndexes(status.failedIndexes).size));
}

function nextIndexes(job: Job, status: JobStatus, occupied: readonly Pod[], count: number): number[] {
  const taken = new Set([
    ...parseIndexes(status.completedIndexes),
    ...parseIndexes(status.failedIndexes),
    ...occupied.map(indexOf).filter((i) => i !== undefined),
  ]);
  const indexes: number[] = [];
  for (let i = 0; i < (job.spec?.completions ?? 0) && indexes.length < count; i++) if (!taken.has(i)) indexes.push(i);
  return indexes;
}

/** 10 s doubling to 10 min after each failure since the last success, measured from when the last pod failed. */
function backoffLeft(pods: readonly Pod[], now: number): number {
  const ended = (pod: Pod): number =>
    Math.max(
      0,
      ...(pod.status?.containerStatuses ?? []).map((c) => Date.parse(c.state?.terminated?.finishedAt ?? '') || 0),
    ) ||
    Date.parse(pod.metadata?.deletionTimestamp ?? '') ||
    now;
  const lastSuccess = Math.max(0, ...pods.filter((pod) => pod.status?.phase === 'Succeeded').map(ended));
  const failures = pods
    .filter((pod) => pod.status?.phase === 'Failed')
    .map(ended)
    .filter((at) => at > lastSuccess);
  if (failures.length === 0) return 0;
  const delay = Math.min(maxBackoffMs, baseBackoffMs * 2 ** Math.min(failures.length - 1, 10));
  return Math.max(0, Math.max(...failures) + delay - now);
}

const restartCount = (pod: Pod): number =>
  [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].reduce(
    (sum, c) => sum + c.restartCount,
    0,
  );
const youngestFirst = (a: Pod, b: Pod): number =>
  Number(isPodReady(a)) - Number(isPodReady(b)) ||
  (Date.parse(b.metadata?.creationTimestamp ?? '') || 0) - (Date.parse(a.metadata?.creationTimestamp ?? '') || 0);

function setCondition(
  status: JobStatus,
  condition: Pick<JobCondition, 'type' | 'status' | 'reason' | 'message'>,
  now: number,
): void {
  const before = status.conditions?.find((c) => c.type === condition.type);
  if (before?.status === condition.status && before.reason === condition.reason) return;
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : timestamp(now);
  const fresh = { ...condition, lastProbeTime: timestamp(now), lastTransitionTime };
  status.conditions = [...(status.conditions ?? []).filter((c) => c.type !== condition.type), fresh];
}

function setCounts(status: JobStatus, active: readonly Pod[], terminating: number): void {
  status.active = active.length || undefined;
  status.ready = active.filter(isPodReady).length;
  status.terminating = terminating;
}
