/** Tasks against pods, both ways: what events did not tell, what died between two steps. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { pods as podType } from '@nodeless/client/resource-types';
import type { ReconcileContext, Result } from '@nodeless/controller-runtime/controller';
import type { EcsApi } from './ecs-api.ts';
import { parseNodeName } from './fargate-nodes.ts';
import type { FargateProvider } from './fargate-provider.ts';
import { readRecord } from './task-record.ts';
import { isEnding, type TaskState } from './task-state.ts';

/** Set by the sweep that first finds a task without a pod; the next one stops it. */
export const orphanTag = 'nodeless.dev/orphan-since';

export interface SweepPlan {
  readonly stop: readonly TaskState[];
  readonly mark: readonly TaskState[];
  /** Pods that disagree with their tasks. */
  readonly heed: readonly Pod[];
}

/** Younger pods and tasks may just be on their way to each other. */
const settleMs = 60_000;

export function planSweep(tasks: readonly TaskState[], pods: readonly Pod[], now: number): SweepPlan {
  const byUid = new Map(pods.map((pod) => [pod.metadata?.uid ?? '', pod]));
  const byArn = new Map(tasks.map((task) => [task.arn, task]));
  const stop: TaskState[] = [];
  const mark: TaskState[] = [];
  for (const task of tasks) {
    if (!task.identity || isEnding(task) || now - (task.createdAt ?? now) < settleMs) continue;
    const pod = byUid.get(task.identity.uid);
    const record = pod && readRecord(pod);
    // A later attempt has taken its place; an unwritten record is made good by its pod's turn.
    const superseded =
      record !== undefined && record.arn !== task.arn && record.attempt >= task.identity.attempt && record.arn !== '';
    if (pod && !superseded) continue;
    if (task.tags[orphanTag] === undefined) mark.push(task);
    else if (now - Number(task.tags[orphanTag]) >= settleMs) stop.push(task);
  }
  const newest = new Map<string, TaskState>();
  for (const task of tasks) {
    if (!task.identity) continue;
    const known = newest.get(task.identity.uid);
    if (!known?.identity || known.identity.attempt < task.identity.attempt) newest.set(task.identity.uid, task);
  }
  const heed = pods.filter((pod) => {
    const { phase } = pod.status ?? {};
    const task = newest.get(pod.metadata?.uid ?? '');
    const record = readRecord(pod);
    const deleting = pod.metadata?.deletionTimestamp !== undefined;
    if ((phase === 'Succeeded' || phase === 'Failed') && !deleting) return task !== undefined && !isEnding(task);
    // Its time has come, and whoever was to wake it has not.
    if (record?.retryAt !== undefined && (record.stopped || record.arn === '') && record.retryAt <= now) return true;
    if (task) return record?.arn !== task.arn || record.version < task.version || (deleting && isEnding(task));
    if (record && record.arn !== '') return !record.stopped && !byArn.has(record.arn);
    return now - Date.parse(String(pod.metadata?.creationTimestamp ?? '')) >= settleMs;
  });
  return { stop, mark, heed };
}

/** Answers when the pods that it has reconciled want to be looked at again. */
export type Sweep = (
  context: ReconcileContext,
  reconcile: (pod: Pod) => Promise<Result | void>,
) => Promise<Result | void>;

const parallel = 8;

export function createSweep(deps: { readonly ecs: EcsApi; readonly provider: FargateProvider }): Sweep {
  const { ecs, provider } = deps;
  return async ({ cache, clock, log }, reconcile) => {
    // Tasks first: one that is started while this goes on belongs to a pod that the list then has.
    const arns = [...new Set([...(await ecs.list()), ...(await ecs.list({ stopped: true }))])];
    const tasks = await ecs.describeAll(arns);
    const all = await cache.list(podType);
    const ours = all.filter((pod) => parseNodeName(pod.spec?.nodeName ?? '') !== undefined);
    const plan = planSweep(tasks, ours, clock.now());
    for (const task of plan.mark) {
      log.warn('a task without a pod', { task: task.arn, ...task.identity });
      await ecs.tag(task.arn, orphanTag, String(clock.now()));
    }
    for (const task of plan.stop) {
      log.warn('stopping a task without a pod', { task: task.arn, ...task.identity });
      await ecs.stop(task.arn, 'Its pod does not exist any more');
    }
    const states = new Map<string, TaskState[]>();
    for (const task of tasks)
      if (task.identity) states.set(task.identity.uid, [...(states.get(task.identity.uid) ?? []), task]);
    const queue = [...plan.heed];
    let again = Infinity;
    const work = async (): Promise<void> => {
      for (let pod = queue.shift(); pod; pod = queue.shift()) {
        const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
        const seen = states.get(uid) ?? [];
        provider.recall(pod);
        for (const task of seen) provider.taskFound(task);
        if (seen.length === 0) provider.doubt({ namespace, name, uid });
        try {
          again = Math.min(again, (await reconcile(pod))?.requeueAfterMs ?? Infinity);
        } catch (error) {
          log.warn('a pod that the sweep found could not be reconciled', { pod: `${namespace}/${name}`, error });
        }
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    return again === Infinity ? undefined : { requeueAfterMs: again };
  };
}
