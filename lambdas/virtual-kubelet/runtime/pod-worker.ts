import type { ContainerStateWaiting } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Timer } from '@nodeless/component-base/clock';
import { formatPod } from '../pod-names.ts';
import { createProber, type ProbedRun } from '../probes/prober.ts';
import { type ObservedPod, type PodRef, ProviderError, type ResolvedPod } from '../providers/provider.ts';
import type { RuntimePod } from './container-runtime.ts';
import { createImageTracker } from './image-tracker.ts';
import { observePod } from './observe-pod.ts';
import { findContainer, kindOf, planPod, type PodPlan } from './plan-pod.ts';
import { createPodActions, startRetryMs } from './pod-actions.ts';
import { type PodState, type PodWorkerDeps, reportOn, reportOnContainer } from './pod-state.ts';
import { sameVolumes } from './same-volumes.ts';

/** Drives one pod towards what is wanted of it: one step at a time, each from a fresh look at the engine. */
export interface PodWorker {
  readonly ref: PodRef;
  /** From now on the pod should be like this. Ignored once it is stopping. */
  want(pod: ResolvedPod): void;
  /** Something of it may have changed in the engine. */
  changed(): void;
  /** Resolves once every container has stopped. May be repeated with a shorter grace. */
  stop(graceSeconds: number): Promise<void>;
  /** Stops, then removes everything. */
  remove(graceSeconds: number): Promise<void>;
  /** Resolves once the pod has been looked at: before, nothing can be said of one that another process of ours began. */
  readonly looked: Promise<void>;
  /** As last looked at; undefined = nothing of it exists. */
  observed(): ObservedPod | undefined;
  /** Ends timers and probes; leaves the pod as it is. */
  dispose(): void;
}

const engineRetryMs = 2_000;
const nothingWaits: ReadonlyMap<string, ContainerStateWaiting> = new Map();

export function createPodWorker(ref: PodRef, deps: PodWorkerDeps, adopted?: RuntimePod): PodWorker {
  const { runtime, clock, log } = deps;
  let volumesWritten: ResolvedPod['volumes'] | undefined;
  let stopping: Promise<void> | undefined;
  let disposed = false;
  let removing = false;
  let busy: Promise<void> | undefined;
  let again = false;
  let timer: Timer | undefined;
  let observation: ObservedPod | undefined;
  let announced = '';
  const backedOff = new Map<string, number>();
  let hasLooked = adopted !== undefined;
  const { promise: looked, resolve: resolveLooked } = Promise.withResolvers<void>();
  const noteLooked = (): void => {
    hasLooked = true;
    resolveLooked();
  };

  const trigger = (): void => {
    if (disposed) return;
    again = true;
    busy ??= run().finally(() => {
      busy = undefined;
      if (again) trigger();
    });
  };

  const prober = createProber({ clock, run: deps.runProbe, onChange: trigger });
  const state: PodState = {
    ref,
    desired: undefined,
    seen: adopted,
    deadline: undefined,
    images: createImageTracker({ clock, ensureImage: deps.ensureImage, onDone: trigger }),
    startFailures: new Map(),
    kills: new Set(),
    restarts: new Set(),
    resources: new Map(),
    hooking: new Set(),
    cancelStarts: new AbortController(),
  };
  const actions = createPodActions(state, deps, trigger);

  const run = async (): Promise<void> => {
    timer?.cancel();
    while (again && !disposed) {
      again = false;
      try {
        state.seen = await runtime.inspect(ref);
        if (disposed) return;
        const plan = state.desired && state.deadline === undefined ? await advance(state.desired) : undefined;
        publish(plan);
        noteLooked();
        if (plan && !again && plan.wakeAt !== undefined) wakeAt(plan.wakeAt);
      } catch (error) {
        if (!(error instanceof ProviderError && error.code === 'unavailable'))
          log.warn('pod could not be advanced', { pod: formatPod(ref), error });
        wakeAt(clock.now() + engineRetryMs);
      }
    }
  };

  const wakeAt = (at: number): void => {
    timer?.cancel();
    timer = clock.setTimer(trigger, Math.max(1, at - clock.now()));
  };

  /** Plans and takes the steps of a pod that is to run. Asks for another round when something was done. */
  const advance = async (pod: ResolvedPod): Promise<PodPlan> => {
    prober.sync(probedRuns(pod));
    noteResources(pod);
    if (!hasLooked) {
      publish(makePlan(pod));
      noteLooked();
    }
    if (volumesWritten !== pod.volumes && !(await writeVolumes(pod)))
      return { actions: [], waiting: nothingWaits, wakeAt: clock.now() + startRetryMs, finished: false };
    const plan = makePlan(pod);
    publish(plan);
    for (const action of plan.actions) {
      if (state.deadline !== undefined) break;
      if (await actions.take(pod, action)) again = true;
    }
    return plan;
  };

  /** A container that is seen for the first time has what its spec says. */
  const noteResources = (pod: ResolvedPod): void => {
    const runs = (state.seen?.containers ?? []).filter((c) => c.state === 'running');
    for (const id of state.resources.keys()) if (!runs.some((c) => c.id === id)) state.resources.delete(id);
    for (const { id, name } of runs)
      if (!state.resources.has(id)) state.resources.set(id, findContainer(pod.pod, name)?.resources ?? {});
  };

  /** False when a volume cannot be made: the pod waits, and an event says why. */
  const writeVolumes = async (pod: ResolvedPod): Promise<boolean> => {
    try {
      await runtime.writeVolumes(pod);
    } catch (error) {
      if (!(error instanceof ProviderError && error.reason === 'FailedMount')) throw error;
      reportOn(ref, deps)('Warning', 'FailedMount', error.message);
      return false;
    }
    volumesWritten = pod.volumes;
    return true;
  };

  const makePlan = (pod: ResolvedPod): PodPlan => {
    const plan = planPod({
      pod: pod.pod,
      now: clock.now(),
      sandbox: state.seen?.sandbox,
      containers: state.seen?.containers ?? [],
      image: (name, attempt) => state.images.progress(name, attempt),
      startFailure: (name) => state.startFailures.get(name),
      configError: (name) => pod.containers[name]?.error,
      probe: (id) => ({ ...prober.verdict(id), started: prober.verdict(id).started && !state.hooking.has(id) }),
      isStopping: (id) => state.kills.has(id),
      appliedResources: (id) => state.resources.get(id),
      restartWanted: (id) => state.restarts.has(id),
    });
    for (const [name, waiting] of plan.waiting) if (waiting.reason === 'CrashLoopBackOff') reportBackOff(pod, name);
    return plan;
  };

  /** Once for each run that failed. */
  const reportBackOff = (pod: ResolvedPod, name: string): void => {
    const container = findContainer(pod.pod, name);
    const attempt = Math.max(0, ...(state.seen?.containers ?? []).filter((c) => c.name === name).map((c) => c.attempt));
    if (!container || backedOff.get(name) === attempt) return;
    backedOff.set(name, attempt);
    reportOnContainer(
      ref,
      deps,
      container,
      kindOf(pod.pod, name),
    )('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${formatPod(ref)}`);
  };

  const probedRuns = (pod: ResolvedPod): ProbedRun[] => {
    const statuses = [...(pod.pod.status?.containerStatuses ?? []), ...(pod.pod.status?.initContainerStatuses ?? [])];
    const runs: ProbedRun[] = [];
    for (const one of state.seen?.containers ?? []) {
      const container = findContainer(pod.pod, one.name);
      if (one.state !== 'running' || !container || state.hooking.has(one.id)) continue;
      const before = statuses.find((s) => s.name === one.name && s.containerID === `${runtime.name}://${one.id}`);
      runs.push({
        id: one.id,
        container,
        podIp: state.seen?.sandbox?.podIps[0] ?? '',
        startedAt: one.startedAt,
        wasStarted: before?.started === true,
        wasReady: before?.ready === true,
        report: reportOnContainer(ref, deps, container, one.kind),
      });
    }
    return runs;
  };

  /** Tells of what is seen, where it is not what was told before. */
  const publish = (plan: PodPlan | undefined): void => {
    // What is left while it is being removed says nothing about how it ended.
    if (removing) return;
    const { seen, desired } = state;
    const waiting = plan?.waiting ?? nothingWaits;
    const pod =
      seen ??
      (waiting.size > 0
        ? { ref, nodeName: desired?.pod.spec?.nodeName ?? '', sandbox: undefined, containers: [] }
        : undefined);
    observation =
      pod &&
      observePod(pod, {
        runtime: runtime.name,
        waiting,
        kindOf: (name) => (desired ? kindOf(desired.pod, name) : 'regular'),
        verdict: (id) => (state.hooking.has(id) ? { started: false, ready: false } : prober.verdict(id)),
        finished: plan?.finished ?? state.deadline !== undefined,
      });
    const text = JSON.stringify(observation) ?? '';
    if (text === announced) return;
    announced = text;
    deps.onChange(ref);
  };

  const stopAll = async (): Promise<void> => {
    await busy;
    state.seen = await runtime.inspect(ref);
    await actions.stopAll();
    state.seen = await runtime.inspect(ref);
    publish(undefined);
  };

  const stop = (graceSeconds: number): Promise<void> => {
    const until = clock.now() + graceSeconds * 1000;
    const shortened = state.deadline !== undefined && until < state.deadline;
    state.deadline = Math.min(state.deadline ?? until, until);
    prober.keepReadinessOnly();
    state.cancelStarts.abort(new Error('the pod is stopping'));
    if (shortened && stopping) {
      // A wait is under way with the longer grace: the engine takes the shorter one beside it.
      for (const one of state.seen?.containers ?? [])
        if (one.state === 'running') void runtime.stopContainer(one.id, graceSeconds).catch(() => {});
    }
    stopping ??= stopAll().catch((error: unknown) => {
      stopping = undefined;
      throw error;
    });
    return stopping;
  };

  if (adopted) {
    publish(undefined);
    noteLooked();
  }
  return {
    ref,
    want(pod) {
      if (state.deadline !== undefined) return;
      state.desired = { ...pod, volumes: sameVolumes(state.desired?.volumes, pod.volumes) };
      trigger();
    },
    changed: trigger,
    stop,
    async remove(graceSeconds) {
      await stop(graceSeconds);
      removing = true;
      await runtime.removePod(ref);
      state.seen = undefined;
      observation = undefined;
    },
    looked,
    observed: () => observation,
    dispose() {
      disposed = true;
      noteLooked();
      timer?.cancel();
      prober.stop();
      state.cancelStarts.abort(new Error('closed'));
    },
  };
}
