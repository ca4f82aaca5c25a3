/** Pods as ECS tasks on Fargate. Everything it knows of a pod can be read again from the pod's status and from ECS. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatSize } from '@nodeless/registry/admission/fargate/fargate-size';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { refOf } from '../../pod-names.ts';
import {
  type ObservationListener,
  type ObservedPod,
  type PodEvent,
  type PodProvider,
  type PodRecords,
  type PodRef,
  ProviderError,
  type ResolvedPod,
} from '../provider.ts';
import { type EcsApi, isUnknownDefinition } from './ecs-api.ts';
import { fargateNodes, parseNodeName } from './fargate-nodes.ts';
import { createKnownTasks, type Known, lookAgainMs, newer } from './known-tasks.ts';
import { launchBreakdown } from './launch-breakdown.ts';
import { lostPod, unstartedPod } from './odd-pods.ts';
import { observedPod, rememberedPod } from './observe-task.ts';
import { backOffMs, planLost, planRemembered, planStep, type Step } from './relaunch.ts';
import { runRequest } from './run-request.ts';
import type { SecretKeeper } from './secret-keeper.ts';
import type { FargateSettings } from './settings.ts';
import { startProblem } from './stop-reasons.ts';
import { planTask } from './task-definition.ts';
import { isNewRecord, later, readRecord, recordCondition, taskCondition, type TaskRecord } from './task-record.ts';
import { isEnding, isStopped, taskId, type TaskState, taskState } from './task-state.ts';

export interface FargateProviderDeps {
  readonly ecs: EcsApi;
  readonly settings: FargateSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** What a launch needs of the cluster: a token for the agent, and the IAM role of the pod's ServiceAccount ('' = the default). */
  readonly launchFacts: (pod: Readonly<Pod>) => Promise<{ readonly bootToken: string; readonly roleArn: string }>;
  readonly secretsFor: (pod: ResolvedPod) => Promise<SecretKeeper>;
}

export interface FargateProvider extends PodProvider, PodRecords {
  /** `detail` of an event of ECS, or a task that was read. Whose it is; undefined = none of ours. Repeats and disorder are harmless. */
  taskSeen(detail: unknown): PodRef | undefined;
  /** The same for a task that was read already. */
  taskFound(task: TaskState): PodRef | undefined;
  /** Where the logs of a pod's containers are: the task's ARN, and that of the one before. */
  taskOf(ref: PodRef): Promise<{ readonly arn: string; readonly previous: string | undefined } | undefined>;
}

const stopPollMs = 1_000;

export function createFargateProvider(deps: FargateProviderDeps): FargateProvider {
  const { ecs, settings, clock, log } = deps;
  const tasks = createKnownTasks({ ecs, clock });
  const { write, take } = tasks;
  const listeners = new Set<{ onChange: ObservationListener; onEvent: (event: PodEvent) => void }>();

  const tell = (known: Known, type: PodEvent['type'], reason: string, message: string): void => {
    for (const { onEvent } of listeners) onEvent({ ref: known.ref, type, reason, message, fieldPath: undefined });
  };
  const changed = (ref: PodRef): void => {
    for (const { onChange } of listeners) onChange(ref);
  };

  const stepOf = (known: Known, task: TaskState | 'remembered' | undefined): Step => {
    const { record, pod } = known;
    if (!record) return { do: 'launch', attempt: 0 };
    if (!pod) return { do: 'nothing' };
    if (task === 'remembered' || record.arn === '') return planRemembered(pod, record, clock.now());
    return task ? planStep(pod, record, task, clock.now()) : planLost(pod, record);
  };

  /** What an end means for the next attempt is kept with it, once. */
  const noteEnd = (known: Known, task: TaskState, step: Step): void => {
    const record = known.record as TaskRecord;
    if (!isStopped(task) || record.stopped) return;
    const goesOn = step.do === 'wait';
    write(known, {
      ...record,
      version: task.version,
      stopped: true,
      retryAt: goesOn ? step.until : undefined,
      ...(goesOn ? { failures: step.failures } : {}),
    });
    const problem = startProblem(task);
    if (problem?.reason === 'ErrImagePull')
      tell(known, 'Warning', 'Failed', `Failed to pull image: ${problem.message}`);
    else if (problem) tell(known, 'Warning', 'FailedCreatePodSandBox', `Task failed to start: ${problem.message}`);
    else if (goesOn && backOffMs(step.failures, true) > 0)
      tell(known, 'Warning', 'BackOff', 'Back-off restarting failed container');
  };

  const launch = async (known: Known, resolved: ResolvedPod, attempt: number): Promise<void> => {
    const { pod } = resolved;
    const node = parseNodeName(pod.spec?.nodeName ?? '');
    if (!node) throw new ProviderError('invalid', `${pod.spec?.nodeName ?? ''} is no node of Fargate`);
    const before = known.record;
    try {
      const [facts, keeper] = await Promise.all([deps.launchFacts(pod), deps.secretsFor(resolved)]);
      const planned = planTask(resolved, { ...facts, attempt, architecture: node.architecture }, settings, keeper);
      await keeper.keep();
      await ecs.ensureDefinition(planned.definition);
      const request = runRequest(resolved, planned, node, attempt, settings);
      const task = await ecs.runTask(request).catch(async (error: unknown) => {
        if (!isUnknownDefinition(error)) throw error;
        ecs.forgetDefinition(planned.definition.family ?? '');
        await ecs.ensureDefinition(planned.definition);
        return ecs.runTask(request);
      });
      const ran = known.task?.startedAt !== undefined || before?.told === true;
      write(known, {
        arn: task.arn,
        attempt,
        version: 0,
        ...(before && before.arn !== '' && before.arn !== task.arn ? { previous: before.arn } : {}),
        restarts: (before?.restarts ?? 0) + (attempt > 0 && ran ? 1 : 0),
        failures: before?.failures,
      });
      known.refusal = undefined;
      if (known.task?.arn !== task.arn) known.task = undefined;
      take(known, task);
      tell(
        known,
        'Normal',
        'Launched',
        `Started task ${taskId(task.arn)} of ${formatSize(planned.size)} for ${node.architecture}${node.capacity === 'spot' ? ' on Fargate Spot' : ''}`,
      );
    } catch (error) {
      if (error instanceof ProviderError && error.code !== 'throttled') noteRefusal(known, attempt, error);
      throw error;
    }
    changed(known.ref);
  };

  /** ECS would not start it: tried again later and later, by whichever process. */
  const noteRefusal = (known: Known, attempt: number, error: ProviderError): void => {
    const before = known.record;
    const failures = (before?.failures ?? 0) + 1;
    known.refusal = error;
    write(known, {
      ...(before ?? { arn: '', attempt, version: 0 }),
      failures,
      retryAt: clock.now() + backOffMs(failures, false),
    });
    tell(known, 'Warning', error.reason ?? 'FailedCreatePodSandBox', error.message);
  };

  /** What ECS answers shows that it is ending: nobody asks again. */
  const stopTask = async (known: Known, reason: string): Promise<void> => {
    const task = await ecs.stop((known.record as TaskRecord).arn, reason);
    if (task) take(known, task);
    else known.doubted = true;
  };

  /** Everything that follows but a launch; the step is what is left. */
  const settle = async (known: Known): Promise<Step> => {
    if (known.gone) return { do: 'nothing' };
    const task = await tasks.current(known);
    const step = stepOf(known, task);
    if (step.do === 'stop') {
      await stopTask(known, step.reason);
      if (known.record?.stopAsked === undefined) tell(known, 'Normal', 'Killing', step.reason);
    }
    if (step.do === 'wait' && task && task !== 'remembered') noteEnd(known, task, step);
    const launches = step.do === 'launch' && known.record?.stopAsked === undefined;
    return step.do === 'launch' && !launches ? { do: 'nothing' } : step;
  };

  const advance = async (known: Known, resolved: ResolvedPod): Promise<void> => {
    known.pod = newer(known.pod, resolved.pod);
    const broken = Object.values(resolved.containers).some((c) => c.error);
    known.blocked = broken ? resolved : undefined;
    const step = await settle(known);
    if (step.do === 'launch' && !broken) await launch(known, resolved, step.attempt);
  };

  /** One pod's calls, one after another: of two that come together the second finds what the first has done. */
  const inTurn = <T>(known: Known, work: () => Promise<T>): Promise<T> => {
    const result = known.turn.then(work);
    known.turn = result.then(
      () => {},
      () => {},
    );
    return result;
  };

  const observe = async (known: Known): Promise<ObservedPod | undefined> => {
    if (known.gone) return undefined;
    if (!known.record && !known.pod) await tasks.search(known);
    const { record } = known;
    if (!record || record.arn === '') return unstartedPod(known);
    const task = await tasks.current(known);
    const step = stepOf(known, task);
    known.wakeAt = wakeTime(known, task, step);
    if (task === 'remembered') return rememberedPod(known.pod as Pod);
    if (!task) return lostPod(known, step);
    noteEnd(known, task, step);
    let written = known.record as TaskRecord;
    if (written.version !== task.version) written = write(known, { ...written, version: task.version });
    if (task.startedAt !== undefined && !written.told) {
      written = write(known, { ...written, told: true });
      tell(known, 'Normal', 'Started', launchBreakdown(task));
    }
    const sight = { ref: known.ref, nodeName: task.identity?.node ?? known.pod?.spec?.nodeName ?? '', pod: known.pod };
    return observedPod({ ...sight, record: written, task, step, now: clock.now() });
  };

  const wakeTime = (known: Known, task: TaskState | 'remembered' | undefined, step: Step): number | undefined => {
    if (step.do === 'wait') return step.until;
    if (step.do === 'launch' || step.do === 'stop') return clock.now() + 1;
    if (step.do === 'finish' || !known.record || known.record.stopped) return undefined;
    const settled =
      task === 'remembered'
        ? known.record.told === true && known.record.stopAsked === undefined
        : task?.lastStatus === 'RUNNING' && !isEnding(task);
    return settled ? undefined : clock.now() + lookAgainMs;
  };

  const beginStop = (ref: PodRef): Promise<void> => {
    const known = tasks.of(ref);
    return inTurn(known, async () => {
      if (!known.record) await tasks.search(known);
      const { record } = known;
      if (!record || record.arn === '') {
        write(known, { arn: '', attempt: 0, version: 0, ...record, stopAsked: clock.now() });
        return;
      }
      if (record.stopAsked === undefined) write(known, { ...record, stopAsked: clock.now() });
      if (record.stopped || known.lost || (known.task?.arn === record.arn && isEnding(known.task))) return;
      await stopTask(known, 'The pod is being stopped');
    });
  };

  /** Everything has stopped, as far as ECS says. */
  const hasStopped = async (known: Known): Promise<boolean> => {
    if (!known.record || known.record.arn === '' || known.record.stopped) return true;
    known.doubted = true;
    const task = await tasks.current(known);
    return task === undefined || (task !== 'remembered' && isStopped(task));
  };

  const stopPod = async (ref: PodRef): Promise<void> => {
    await beginStop(ref);
    while (!(await hasStopped(tasks.of(ref)))) await sleep(clock, stopPollMs);
  };

  const taskFound = (task: TaskState): PodRef | undefined => {
    if (!task.identity) return undefined;
    const { namespace, name, uid } = task.identity;
    const known = tasks.of({ namespace, name, uid });
    if (!known.gone && take(known, task)) changed(known.ref);
    return known.ref;
  };

  return {
    name: 'fargate',
    // The agent writes them, from the virtual kubelet's door.
    readsVolumes: true,
    conditionTypes: [taskCondition],
    nodes: () => Promise.resolve(fargateNodes(settings)),
    createPod(resolved) {
      const known = tasks.of(refOf(resolved.pod));
      return inTurn(known, () => advance(known, resolved));
    },
    updatePod(resolved) {
      const known = tasks.of(refOf(resolved.pod));
      return inTurn(known, () => advance(known, resolved));
    },
    settle(ref) {
      const known = tasks.of(ref);
      return inTurn(known, async () => (await settle(known)).do === 'launch');
    },
    beginStop: (ref) => beginStop(ref),
    stopPod: (ref) => stopPod(ref),
    async deletePod(ref) {
      await stopPod(ref);
      const known = tasks.of(ref);
      tasks.forget(known);
    },
    observePod(ref) {
      const known = tasks.of(ref);
      return inTurn(known, () => observe(known));
    },
    async listPods() {
      for (const task of await ecs.describeAll(await ecs.list()))
        if (task.identity) take(tasks.of(task.identity), task);
      const all: ObservedPod[] = [];
      for (const known of tasks.all()) {
        if (known.gone || !known.record || known.record.arn === '') continue;
        const observed = await inTurn(known, () => observe(known));
        if (observed) all.push(observed);
      }
      return all;
    },
    taskSeen(detail) {
      const task = taskState(detail);
      return task && taskFound(task);
    },
    taskFound,
    async taskOf(ref) {
      const known = tasks.of(ref);
      if (!known.record) await tasks.search(known);
      const { record } = known;
      if (!record || record.arn === '') return undefined;
      // Between two attempts the one that has ended is both: the last there is, and the one before the next.
      const waits = record.stopped === true && record.retryAt !== undefined;
      return { arn: record.arn, previous: waits ? record.arn : record.previous };
    },
    recall(pod) {
      const known = tasks.of(refOf(pod as Pod));
      known.pod = newer(known.pod, pod);
      known.record = later(known.record, readRecord(pod));
    },
    conditions(ref) {
      const record = tasks.known(ref.uid)?.record;
      return record ? [recordCondition(record)] : [];
    },
    isNews: isNewRecord,
    wakeAt: (ref) => {
      const known = tasks.known(ref.uid);
      const retryAt = known?.record?.arn === '' || known?.record?.stopped ? known.record.retryAt : undefined;
      const times = [known?.wakeAt, retryAt].filter((t) => t !== undefined);
      return times.length === 0 || (known?.record?.stopAsked !== undefined && known.record.stopped)
        ? undefined
        : Math.min(...times);
    },
    doubt(ref) {
      tasks.of(ref).doubted = true;
    },
    subscribe(onChange, onEvent) {
      const listener = { onChange, onEvent };
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    close() {
      log.debug('fargate provider closed', { pods: tasks.all().length });
      return Promise.resolve();
    },
  };
}
