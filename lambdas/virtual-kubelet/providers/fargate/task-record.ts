/**
 * What is known of a pod's task, kept in a condition of the pod's status: it is written together with what follows from it, any
 * process can go on from it, and unlike annotations it never becomes part of the pod's own files.
 */
import type { Pod, PodCondition } from '@nodeless/apimachinery/generated/types/core/v1';

export const taskCondition = 'nodeless.dev/task';

export interface TaskRecord {
  /** Of the task that was started last. '' = none could be started yet. */
  readonly arn: string;
  /** Of the one before it: whose logs are the previous ones. */
  readonly previous?: string;
  /** From 0. A task of one attempt is started once, however often that is asked for. */
  readonly attempt: number;
  /** Of the last observation that the status shows. */
  readonly version: number;
  /** It was seen stopped. */
  readonly stopped?: boolean;
  /** Tasks of this pod before this one in which containers ran. */
  readonly restarts?: number;
  /** Ends in a row that call for another attempt. */
  readonly failures?: number;
  /** The next attempt may not begin before then (milliseconds). */
  readonly retryAt?: number;
  /** When the stop was asked for (milliseconds). */
  readonly stopAsked?: number;
  /** The launch has been told of in an event: its containers have started. */
  readonly told?: boolean;
  /** When this was written last (milliseconds). */
  readonly at?: number;
}

export function readRecord(pod: Readonly<Pod>): TaskRecord | undefined {
  const message = pod.status?.conditions?.find((c) => c.type === taskCondition)?.message;
  if (!message) return undefined;
  try {
    const record = JSON.parse(message) as TaskRecord;
    return typeof record === 'object' &&
      record !== null &&
      typeof record.arn === 'string' &&
      Number.isInteger(record.attempt)
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}

export function recordCondition(record: TaskRecord): PodCondition {
  return {
    type: taskCondition,
    status: record.arn !== '' && !record.stopped ? 'True' : 'False',
    reason: record.arn === '' ? 'NotStarted' : record.stopped ? 'Stopped' : 'Started',
    message: JSON.stringify(record),
  };
}

/** The later of two: a process that slept may hold an older one than the pod. */
export function later(a: TaskRecord | undefined, b: TaskRecord | undefined): TaskRecord | undefined {
  if (!a || !b) return a ?? b;
  if (a.attempt !== b.attempt) return a.attempt > b.attempt ? a : b;
  if ((a.arn === '') !== (b.arn === '')) return a.arn === '' ? b : a;
  if (a.version !== b.version) return a.version > b.version ? a : b;
  return (b.at ?? 0) > (a.at ?? 0) ? b : a;
}

/** It is about to change: containers have not started yet, or are to stop. */
export function isUnsettled(record: TaskRecord): boolean {
  return record.arn !== '' && !record.stopped && (record.told !== true || record.stopAsked !== undefined);
}

/** Whether more has changed than the number of the last event: one that is not written down only says again what the status says. */
export function isNewRecord(before: PodCondition, after: PodCondition): boolean {
  const [a, b] = [before, after].map((condition) => {
    const record = readRecord({ status: { conditions: [condition] } });
    return JSON.stringify({ ...record, version: 0, at: 0 });
  });
  return a !== b;
}
