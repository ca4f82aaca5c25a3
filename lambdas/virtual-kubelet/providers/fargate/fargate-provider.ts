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
import { launchBreakdown } from './launch-breakdown.ts';
import { observedPod, rememberedPod } from './observe-task.ts';
import { backOffMs, planLost, planRemembered, planStep, type Step } from './relaunch.ts';
import { runRequest } from './run-request.ts';
import type { SecretKeeper } from './secret-keeper.ts';
import type { FargateSettings } from './settings.ts';
import { startProblem } from './stop-reasons.ts';
import { planTask } from './task-definition.ts';
import { isUnsettled, later, readRecord, recordCondition, taskCondition, type TaskRecord } from './task-record.ts';
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

interface Known {
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

/** An event can be lost: whatever is about to change is looked at this often. */
const lookAgainMs = 60_000;
const stopPollMs = 1_000;
/** So long ECS may not yet know a task that it has just started. */
const settlingMs = 60_000;

export function createFargateProvider(deps: FargateProviderDeps): FargateProvider {
  const { ecs, settings, clock, log } = deps;
  const pods = new Map<string, Known>();
  const listeners = new Set<{ onChange: ObservationListener; onEvent: (event: PodEvent) => void }>();

  const knownOf = (ref: PodRef): Known => {
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
  const tell = (known: Known, type: PodEvent['type'], reason: string, message: string): void => {
    for (const { onEvent } of listeners) onEvent({ ref: known.ref, type, reason, message, fieldPath: undefined });
  };
  const changed = (ref: PodRef): void => {
    for (const { onChange } of listeners) onChange(ref);
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
    if (isUnsettled(record) && clock.now() - (record.at ?? 0) >= lookAgainMs) known.doubted = true;
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

  /** Everything that follows but a launch; the step is what is left. */
  const settle = async (known: Known): Promise<Step> => {
    if (known.gone) return { do: 'nothing' };
    const task = await current(known);
    const step = stepOf(known, task);
    if (step.do === 'stop') {
      await ecs.stop((known.record as TaskRecord).arn, step.reason);
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

  /** A task that no record names: started by a process that did not live to write it down. */
  const search = async (known: Known): Promise<void> => {
    for (const stopped of [false, true]) {
      const arns = await ecs.list({ startedBy: known.ref.uid, stopped });
      for (const task of await ecs.describeAll(arns)) take(known, task);
      if (known.task) return;
    }
  };

  const observe = async (known: Known): Promise<ObservedPod | undefined> => {
    if (known.gone) return undefined;
    if (!known.record && !known.pod) await search(known);
    const { record } = known;
    if (!record || record.arn === '') return unstarted(known);
    const task = await current(known);
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
    const known = knownOf(ref);
    return inTurn(known, async () => {
      if (!known.record) await search(known);
      const { record } = known;
      if (!record || record.arn === '') {
        write(known, { arn: '', attempt: 0, version: 0, ...record, stopAsked: clock.now() });
        return;
      }
      if (record.stopAsked === undefined) write(known, { ...record, stopAsked: clock.now() });
      if (record.stopped || known.lost || (known.task?.arn === record.arn && isEnding(known.task))) return;
      await ecs.stop(record.arn, 'The pod is being stopped');
    });
  };

  /** Everything has stopped, as far as ECS says. */
  const hasStopped = async (known: Known): Promise<boolean> => {
    if (!known.record || known.record.arn === '' || known.record.stopped) return true;
    known.doubted = true;
    const task = await current(known);
    return task === undefined || (task !== 'remembered' && isStopped(task));
  };

  const stopPod = async (ref: PodRef): Promise<void> => {
    await beginStop(ref);
    while (!(await hasStopped(knownOf(ref)))) await sleep(clock, stopPollMs);
  };

  const taskFound = (task: TaskState): PodRef | undefined => {
    if (!task.identity) return undefined;
    const { namespace, name, uid } = task.identity;
    const known = knownOf({ namespace, name, uid });
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
      const known = knownOf(refOf(resolved.pod));
      return inTurn(known, () => advance(known, resolved));
    },
    updatePod(resolved) {
      const known = knownOf(refOf(resolved.pod));
      return inTurn(known, () => advance(known, resolved));
    },
    settle(ref) {
      const known = knownOf(ref);
      return inTurn(known, async () => (await settle(known)).do === 'launch');
    },
    beginStop: (ref) => beginStop(ref),
    stopPod: (ref) => stopPod(ref),
    async deletePod(ref) {
      await stopPod(ref);
      const known = knownOf(ref);
      known.gone = true;
      known.task = undefined;
      known.pod = undefined;
    },
    observePod(ref) {
      const known = knownOf(ref);
      return inTurn(known, () => observe(known));
    },
    async listPods() {
      const tasks = await ecs.describeAll(await ecs.list());
      for (const task of tasks) if (task.identity) take(knownOf(task.identity), task);
      const all: ObservedPod[] = [];
      for (const known of pods.values()) {
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
      const known = knownOf(ref);
      if (!known.record) await search(known);
      const { record } = known;
      if (!record || record.arn === '') return undefined;
      // Between two attempts the one that has ended is both: the last there is, and the one before the next.
      const waits = record.stopped === true && record.retryAt !== undefined;
      return { arn: record.arn, previous: waits ? record.arn : record.previous };
    },
    recall(pod) {
      const known = knownOf(refOf(pod as Pod));
      known.pod = newer(known.pod, pod);
      known.record = later(known.record, readRecord(pod));
    },
    conditions(ref) {
      const record = pods.get(ref.uid)?.record;
      return record ? [recordCondition(record)] : [];
    },
    wakeAt: (ref) => {
      const known = pods.get(ref.uid);
      const retryAt = known?.record?.arn === '' || known?.record?.stopped ? known.record.retryAt : undefined;
      const times = [known?.wakeAt, retryAt].filter((t) => t !== undefined);
      return times.length === 0 || (known?.record?.stopAsked !== undefined && known.record.stopped)
        ? undefined
        : Math.min(...times);
    },
    doubt(ref) {
      knownOf(ref).doubted = true;
    },
    subscribe(onChange, onEvent) {
      const listener = { onChange, onEvent };
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    close() {
      log.debug('fargate provider closed', { pods: pods.size });
      return Promise.resolve();
    },
  };
}

function newer(a: Readonly<Pod> | undefined, b: Readonly<Pod>): Readonly<Pod> {
  return a && Number(a.metadata?.resourceVersion ?? 0) > Number(b.metadata?.resourceVersion ?? 0) ? a : b;
}

/** No task was ever started for it: what its containers wait for, where that is more than their turn. */
function unstarted({ ref, pod, blocked, refusal, record }: Known): ObservedPod | undefined {
  const waits: { name: string; reason: string; message: string }[] = [];
  for (const { name, error } of Object.values(blocked?.containers ?? {})) if (error) waits.push({ name, ...error });
  if (waits.length === 0 && refusal) {
    const reason = refusal.reason ?? 'RunContainerError';
    for (const { name } of pod?.spec?.containers ?? []) waits.push({ name, reason, message: refusal.message });
  }
  if (waits.length === 0) return pod?.status?.containerStatuses && record ? rememberedPod(pod) : undefined;
  const init = new Set((blocked?.pod.spec?.initContainers ?? []).map((c) => c.name));
  return {
    ref,
    nodeName: (blocked?.pod ?? pod)?.spec?.nodeName ?? '',
    podIp: '',
    podIps: [],
    startTime: undefined,
    containers: waits.map(({ name, reason, message }) => ({
      name,
      kind: init.has(name) ? ('init' as const) : ('regular' as const),
      containerId: '',
      imageId: '',
      image: '',
      state: { waiting: { reason, message } },
      lastState: undefined,
      restartCount: 0,
      started: false,
      ready: false,
    })),
    failure: undefined,
    finished: false,
  };
}

/** Its end was never seen and cannot be any more. */
function lostPod(known: Known, step: Step): ObservedPod | undefined {
  if (!known.pod) return undefined;
  const failed = step.do === 'finish' && known.record?.stopAsked === undefined;
  return {
    ...rememberedPod(known.pod),
    containers: [],
    sandboxReady: false,
    failure: failed
      ? {
          reason: 'TaskLost',
          message: `ECS does not know task ${taskId(known.record?.arn ?? '')} any more`,
          terminal: true,
        }
      : undefined,
    finished: step.do === 'finish',
  };
}
