/** What this process knows of pods and their tasks: never more than a help, since all of it can be read again. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import type { PodRef, ProviderError, ResolvedPod } from '../provider.ts';
import type { EcsApi } from './ecs-api.ts';
import { isUnsettled, type TaskRecord } from './task-record.ts';
import { isEnding, type TaskState } from './task-state.ts';

export interface Known {
  readonly ref: PodRef;
  pod: Readonly<Pod> | undefined;
  record: TaskRecord | undefined;
  task: TaskState | undefined;
  /** What is remembered must not be trusted. */
  doubted: boolean;
  /** ECS has forgotten the task. */
  lost: boolean;
  blocked: ResolvedPod | undefined;
  /** Why ECS would not start it the last time. */
  refusal: ProviderError | undefined;
  gone: boolean;
  wakeAt: number | undefined;
  turn: Promise<void>;
}

export interface KnownTasks {
  /** What is known of the pod; made when it is not. */
  of(ref: PodRef): Known;
  known(uid: string): Known | undefined;
  all(): readonly Known[];
  write(known: Known, record: Omit<TaskRecord, 'at'>): TaskRecord;
  /** Takes over what was seen, if it is newer: by attempt, then by version. Whether it was. */
  take(known: Known, task: TaskState): boolean;
  /** The task as it is known best; 'remembered' = nothing newer than what the pod's status shows. undefined = there is none. */
  current(known: Known): Promise<TaskState | 'remembered' | undefined>;
  /** Looks for a task that no record names: started by a process that did not live to write it down. */
  search(known: Known): Promise<void>;
  /** The pod is gone; what comes late about it is known to be late. */
  forget(known: Known): void;
}

/** An event can be lost: whatever is about to change is looked at this often. */
export const lookAgainMs = 60_000;
/** So long ECS may not yet know a task that it has just started. */
const settlingMs = 60_000;
/** So many pods that are gone are remembered. */
const goneKept = 10_000;

export function createKnownTasks({ ecs, clock }: { readonly ecs: EcsApi; readonly clock: Clock }): KnownTasks {
  const pods = new Map<string, Known>();
  const gone: string[] = [];

  const of = (ref: PodRef): Known => {
    const known = pods.get(ref.uid);
    if (known) return known;
    const fresh: Known = {
      ref,
      pod: undefined,
      record: undefined,
      task: undefined,
      doubted: false,
      lost: false,
      blocked: undefined,
      refusal: undefined,
      gone: false,
      wakeAt: undefined,
      turn: Promise.resolve(),
    };
    pods.set(ref.uid, fresh);
    return fresh;
  };
  const write = (known: Known, record: Omit<TaskRecord, 'at'>): TaskRecord =>
    (known.record = { ...record, at: clock.now() });

  /** Takes over what was seen, if it is newer: by attempt, then by version. */
  const take = (known: Known, task: TaskState): boolean => {
    const attempt = task.identity?.attempt;
    const { record } = known;
    if (record && record.arn !== task.arn) {
      // An earlier attempt's last words, or a task that this process started nothing of.
      if (attempt === undefined || attempt < record.attempt || (attempt === record.attempt && record.arn !== ''))
        return false;
    }
    if (!record || record.arn !== task.arn)
      write(known, {
        ...record,
        arn: task.arn,
        attempt: attempt ?? record?.attempt ?? 0,
        version: 0,
        stopped: false,
        told: false,
        ...(record && record.arn !== '' ? { previous: record.arn } : {}),
      });
    const before = known.task?.arn === task.arn ? known.task : undefined;
    if (before && before.version > task.version) return false;
    // Health changes without a version; events do not carry it.
    known.task = task;
    known.lost = false;
    return !before || before.version < task.version;
  };

  /** The task as it is known best; 'remembered' = nothing newer than what the pod's status shows. */
  const current = async (known: Known): Promise<TaskState | 'remembered' | undefined> => {
    const { record } = known;
    if (!record || record.arn === '') return undefined;
    const { task } = known;
    // Events can be lost; what does not change soon is looked at.
    const changes = isUnsettled(record) || (task?.arn === record.arn && isEnding(task) && !record.stopped);
    if (changes && clock.now() - (record.at ?? 0) >= lookAgainMs) known.doubted = true;
    if (task && task.arn === record.arn && task.version >= record.version && !known.doubted) return task;
    if (known.pod && !known.doubted) return known.lost ? undefined : 'remembered';
    const found = await ecs.describe(record.arn);
    known.doubted = false;
    if (found) take(known, found);
    else if (!task || clock.now() - (task.createdAt ?? 0) > settlingMs) {
      known.lost = true;
      known.task = undefined;
    }
    if (known.lost) return undefined;
    // Reading may lag behind what events have told.
    return known.task && known.task.version >= record.version ? known.task : known.pod ? 'remembered' : known.task;
  };

  const search = async (known: Known): Promise<void> => {
    for (const stopped of [false, true]) {
      const arns = await ecs.list({ startedBy: known.ref.uid, stopped });
      for (const task of await ecs.describeAll(arns)) take(known, task);
      if (known.task) return;
    }
  };

  return {
    of,
    known: (uid) => pods.get(uid),
    all: () => [...pods.values()],
    write,
    take,
    current,
    search,
    forget(known) {
      known.gone = true;
      known.task = undefined;
      known.pod = undefined;
      known.blocked = undefined;
      gone.push(known.ref.uid);
      if (gone.length > goneKept) pods.delete(gone.shift() as string);
    },
  };
}

export function newer(a: Readonly<Pod> | undefined, b: Readonly<Pod>): Readonly<Pod> {
  return a && Number(a.metadata?.resourceVersion ?? 0) > Number(b.metadata?.resourceVersion ?? 0) ? a : b;
}
