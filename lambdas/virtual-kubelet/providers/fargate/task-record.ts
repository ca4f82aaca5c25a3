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
  /** The launch has been told of in an event. */
  readonly told?: boolean;
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
  return b.version > a.version || (b.arn !== '' && a.arn === '') ? b : a;
}
