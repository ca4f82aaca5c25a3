import type { Container, ContainerStateWaiting } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { createProber, type ProbedRun } from '../probes/prober.ts';
import type { RunHook } from '../probes/lifecycle-hook.ts';
import type { RunProbe } from '../probes/run-probe.ts';
import { type ObservedPod, type PodEvent, type PodRef, ProviderError, type ResolvedPod } from '../providers/provider.ts';
import { formatPod } from '../pod-names.ts';
import type { ContainerKind, ContainerRuntime, RuntimePod } from './container-runtime.ts';
import type { EnsureImage, ReportEvent } from './ensure-image.ts';
import { createImageTracker } from './image-tracker.ts';
import { killContainer, killPod, type KillTarget } from './kill-pod.ts';
import { observePod } from './observe-pod.ts';
import { findContainer, grace, kindOf, planPod, type PodAction, type PodPlan, type StartFailure } from './plan-pod.ts';
import { sameVolumes } from './same-volumes.ts';
import { startContainer } from './start-container.ts';

export interface PodWorkerDeps {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runProbe: RunProbe;
  readonly runHook: RunHook;
  readonly ensureImage: EnsureImage;
  onChange(ref: PodRef): void;
  onEvent(event: PodEvent): void;
}

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
  /** As last looked at; undefined = nothing of it exists. */
  observed(): ObservedPod | undefined;
  /** Ends timers and probes; leaves the pod as it is. */
  dispose(): void;
}

const startRetryMs = 10_000;
const engineRetryMs = 2_000;
const nothingWaits: ReadonlyMap<string, ContainerStateWaiting> = new Map();

export function createPodWorker(ref: PodRef, deps: PodWorkerDeps, adopted?: RuntimePod): PodWorker {
  const { runtime, clock, log } = deps;
  let desired: ResolvedPod | undefined;
  let volumesWritten: ResolvedPod['volumes'] | undefined;
  let deadline: number | undefined;
  let stopping: Promise<void> | undefined;
  let disposed = false;
  let removing = false;
  let busy: Promise<void> | undefined;
  let again = false;
  let timer: Timer | undefined;
  let seen: RuntimePod | undefined = adopted;
  let observation: ObservedPod | undefined;
  let announced = '';
  const cancelStarts = new AbortController();
  const startFailures = new Map<string, StartFailure>();
  const kills = new Set<string>();
  const restarts = new Set<string>();
  /** Runs whose postStart hook has not finished. */
  const hooking = new Set<string>();
  const backedOff = new Map<string, number>();

  const trigger = (): void => {
    if (disposed) return;
    again = true;
    busy ??= run().finally(() => {
      busy = undefined;
      if (again) trigger();
    });
  };

  const prober = createProber({ clock, run: deps.runProbe, onChange: trigger });
  const images = createImageTracker({ clock, ensureImage: deps.ensureImage, onDone: trigger });

  const report = (fieldPath: string | undefined): ReportEvent => (type, reason, message) => deps.onEvent({ ref, type, reason, message, fieldPath });
  const reportFor = (container: Container, kind: ContainerKind): ReportEvent => report(`${specField[kind]}{${container.name}}`);

  const run = async (): Promise<void> => {
    timer?.cancel();
    while (again && !disposed) {
      again = false;
      try {
        seen = await runtime.inspect(ref);
        if (disposed) return;
        const plan = desired && deadline === undefined ? await advance(desired) : undefined;
        publish(plan);
        if (plan && !again && plan.wakeAt !== undefined) wakeAt(plan.wakeAt);
      } catch (error) {
        if (!(error instanceof ProviderError && error.code === 'unavailable')) log.warn('pod could not be advanced', { pod: formatPod(ref), error });
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
    if (volumesWritten !== pod.volumes && !(await writeVolumes(pod))) return { actions: [], waiting: nothingWaits, wakeAt: clock.now() + startRetryMs, finished: false };
    syncProbes(pod);
    const plan = makePlan(pod);
    publish(plan);
    for (const action of plan.actions) {
      if (deadline !== undefined) break;
      if (await act(pod, action)) again = true;
    }
    return plan;
  };

  /** False when a volume cannot be made: the pod waits, and an event says why. */
  const writeVolumes = async (pod: ResolvedPod): Promise<boolean> => {
    try {
      await runtime.writeVolumes(pod);
    } catch (error) {
      if (!(error instanceof ProviderError && error.reason === 'FailedMount')) throw error;
      report(undefined)('Warning', 'FailedMount', error.message);
      return false;
    }
    volumesWritten = pod.volumes;
    return true;
  };

  const makePlan = (pod: ResolvedPod): PodPlan => {
    const plan = planPod({
      pod: pod.pod,
      now: clock.now(),
      sandbox: seen?.sandbox,
      containers: seen?.containers ?? [],
      image: images.progress,
      startFailure: (name) => startFailures.get(name),
      configError: (name) => pod.containers[name]?.error,
      probe: (id) => ({ ...prober.verdict(id), started: prober.verdict(id).started && !hooking.has(id) }),
      isStopping: (id) => kills.has(id),
      restartWanted: (id) => restarts.has(id),
    });
    for (const [name, waiting] of plan.waiting) if (waiting.reason === 'CrashLoopBackOff') reportBackOff(pod, name);
    return plan;
  };

  const reportBackOff = (pod: ResolvedPod, name: string): void => {
    const container = findContainer(pod.pod, name);
    const attempt = Math.max(0, ...(seen?.containers ?? []).filter((c) => c.name === name).map((c) => c.attempt));
    if (!container || backedOff.get(name) === attempt) return;
    backedOff.set(name, attempt);
    reportFor(container, kindOf(pod.pod, name))('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${formatPod(ref)}`);
  };

  /** Takes one step; returns whether the pod has to be looked at again at once. */
  const act = async (pod: ResolvedPod, action: PodAction): Promise<boolean> => {
    switch (action.type) {
      case 'create-sandbox':
        return createSandbox(pod, action.attempt, action.replaced);
      case 'ensure-image':
        images.ensure(action.container, action.attempt, pod.pullSecrets, reportFor(action.container, kindOf(pod.pod, action.container.name)));
        return false;
      case 'start':
        return start(pod, action);
      case 'kill':
        kill(action);
        return false;
      case 'remove-container':
        await runtime.removeContainer(action.id);
        return false;
      case 'end':
        return end(pod);
    }
  };

  const createSandbox = async (pod: ResolvedPod, attempt: number, replaced: boolean): Promise<boolean> => {
    try {
      if (replaced) {
        report(undefined)('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
        await runtime.removeSandbox(ref);
      }
      await runtime.createSandbox(pod, attempt);
      startFailures.delete('');
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      const message = error instanceof Error ? error.message : String(error);
      report(undefined)('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
      startFailures.set('', { reason: 'FailedCreatePodSandBox', message, retryAt: clock.now() + startRetryMs });
    }
    return true;
  };

  const start = async (pod: ResolvedPod, action: PodAction & { type: 'start' }): Promise<boolean> => {
    const { container, kind } = action;
    const image = images.ready(container.name, action.attempt);
    const sandbox = seen?.sandbox;
    const resolved = pod.containers[container.name];
    if (!image || !sandbox || !resolved) return false;
    startFailures.delete(container.name);
    try {
      await startContainer(
        { runtime, clock, runHook: deps.runHook, hooking },
        { pod, container, resolved, kind, attempt: action.attempt, backoffMs: action.backoffMs, sandbox, image },
        reportFor(container, kind),
        cancelStarts.signal,
      );
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      const reason = (error instanceof ProviderError ? error.reason : undefined) ?? 'CreateContainerError';
      startFailures.set(container.name, { reason, message: error instanceof Error ? error.message : String(error), retryAt: clock.now() + startRetryMs });
    }
    return true;
  };

  const target = (one: KillTarget['run'], message: string): KillTarget => {
    const container = desired && findContainer(desired.pod, one.name);
    return { run: one, container, podIp: seen?.sandbox?.podIps[0] ?? '', message, report: container ? reportFor(container, one.kind) : report(undefined) };
  };

  /** Ends one container in the background; the pod is looked at again when it is over. */
  const kill = (action: PodAction & { type: 'kill' }): void => {
    const one = seen?.containers.find((c) => c.id === action.id);
    if (!one || kills.has(one.id)) return;
    kills.add(one.id);
    if (action.restart) restarts.add(one.id);
    const until = clock.now() + action.graceSeconds * 1000;
    killContainer({ runtime, clock, runHook: deps.runHook }, target(one, action.message), () => until)
      .catch((error: unknown) => log.warn('container could not be stopped', { pod: formatPod(ref), container: one.name, error }))
      .finally(() => {
        kills.delete(one.id);
        trigger();
      });
  };

  /** The pod has run its course: what still runs is stopped and the network given back. */
  const end = async (pod: ResolvedPod): Promise<boolean> => {
    const running = (seen?.containers ?? []).filter((c) => c.state === 'running');
    if (running.length === 0) {
      if (!seen?.sandbox?.ready) return false;
      await runtime.stopSandbox(ref);
      return true;
    }
    if (running.some((c) => kills.has(c.id))) return false;
    for (const one of running) kills.add(one.id);
    const until = clock.now() + grace(pod.pod) * 1000;
    const targets = running.map((one) => target(one, `Stopping container ${one.name}`));
    killPod({ runtime, clock, runHook: deps.runHook }, pod.pod, targets, () => until)
      .catch((error: unknown) => log.warn('finished pod could not be stopped', { pod: formatPod(ref), error }))
      .finally(() => {
        for (const one of running) kills.delete(one.id);
        trigger();
      });
    return false;
  };

  const syncProbes = (pod: ResolvedPod): void => {
    const statuses = [...(pod.pod.status?.containerStatuses ?? []), ...(pod.pod.status?.initContainerStatuses ?? [])];
    const runs: ProbedRun[] = [];
    for (const one of seen?.containers ?? []) {
      const container = findContainer(pod.pod, one.name);
      if (one.state !== 'running' || !container || hooking.has(one.id)) continue;
      const before = statuses.find((s) => s.name === one.name && s.containerID === `${runtime.name}://${one.id}`);
      runs.push({
        id: one.id,
        container,
        podIp: seen?.sandbox?.podIps[0] ?? '',
        startedAt: one.startedAt,
        wasStarted: before?.started === true,
        wasReady: before?.ready === true,
        report: reportFor(container, one.kind),
      });
    }
    prober.sync(runs);
  };

  const publish = (plan: PodPlan | undefined): void => {
    // What is left while it is being removed says nothing about how it ended.
    if (removing) return;
    const waiting = plan?.waiting ?? nothingWaits;
    const pod = seen ?? (waiting.size > 0 ? { ref, nodeName: desired?.pod.spec?.nodeName ?? '', sandbox: undefined, containers: [] } : undefined);
    observation = pod && observePod(pod, {
      runtime: runtime.name,
      waiting,
      kindOf: (name) => (desired ? kindOf(desired.pod, name) : 'regular'),
      verdict: (id) => (hooking.has(id) ? { started: false, ready: false } : prober.verdict(id)),
      finished: plan?.finished ?? deadline !== undefined,
    });
    const text = JSON.stringify(observation) ?? '';
    if (text === announced) return;
    announced = text;
    deps.onChange(ref);
  };

  const stopAll = async (): Promise<void> => {
    await busy;
    const now = await runtime.inspect(ref);
    seen = now;
    const running = (now?.containers ?? []).filter((c) => c.state === 'running');
    for (const one of running) kills.add(one.id);
    const targets = running.map((one) => target(one, `Stopping container ${one.name}`));
    await killPod({ runtime, clock, runHook: deps.runHook }, desired?.pod, targets, () => deadline ?? clock.now());
    if (now) await runtime.stopSandbox(ref);
    seen = await runtime.inspect(ref);
    publish(undefined);
  };

  const stop = (graceSeconds: number): Promise<void> => {
    const until = clock.now() + graceSeconds * 1000;
    const shortened = deadline !== undefined && until < deadline;
    deadline = deadline === undefined ? until : Math.min(deadline, until);
    prober.keepReadinessOnly();
    cancelStarts.abort(new Error('the pod is stopping'));
    if (shortened && stopping) {
      // A wait is under way with the longer grace: the engine takes the shorter one beside it.
      for (const one of seen?.containers ?? []) if (one.state === 'running') void runtime.stopContainer(one.id, Math.max(0, graceSeconds)).catch(() => {});
    }
    stopping ??= stopAll().catch((error: unknown) => {
      stopping = undefined;
      throw error;
    });
    return stopping;
  };

  if (adopted) publish(undefined);
  return {
    ref,
    want(pod) {
      if (deadline !== undefined) return;
      desired = { ...pod, volumes: sameVolumes(desired?.volumes, pod.volumes) };
      trigger();
    },
    changed: trigger,
    stop,
    async remove(graceSeconds) {
      await stop(graceSeconds);
      removing = true;
      await runtime.removePod(ref);
      seen = undefined;
      observation = undefined;
    },
    observed: () => observation,
    dispose() {
      disposed = true;
      timer?.cancel();
      prober.stop();
      cancelStarts.abort(new Error('closed'));
    },
  };
}

const specField = { init: 'spec.initContainers', regular: 'spec.containers', ephemeral: 'spec.ephemeralContainers' } as const;
