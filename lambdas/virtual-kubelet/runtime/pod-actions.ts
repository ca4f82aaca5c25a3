import type { Container, EphemeralContainer } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatPod } from '../pod-names.ts';
import { ProviderError, type ResolvedPod } from '../providers/provider.ts';
import { killContainer, type Killer, killPod, type KillTarget } from './kill-pod.ts';
import { findContainer, grace, kindOf, type PodAction } from './plan-pod.ts';
import { type PodState, type PodWorkerDeps, reportOn, reportOnContainer } from './pod-state.ts';
import { startContainer } from './start-container.ts';

export interface PodActions {
  /** Takes one step; resolves with whether the pod has to be looked at again at once. Rejects while the engine is away. */
  take(pod: ResolvedPod, action: PodAction): Promise<boolean>;
  /** Ends everything that runs, by the state's deadline. */
  stopAll(): Promise<void>;
}

/** How long after a start that failed the next one is tried. */
export const startRetryMs = 10_000;

/** The steps of a plan. `again` is called when one that went on in the background is done. */
export function createPodActions(state: PodState, deps: PodWorkerDeps, again: () => void): PodActions {
  const { runtime, clock, log, runHook } = deps;
  const { ref, images, startFailures, kills, restarts, hooking } = state;
  const killer: Killer = { runtime, clock, runHook };
  const report = reportOn(ref, deps);

  const createSandbox = async (pod: ResolvedPod, attempt: number, replaced: boolean): Promise<boolean> => {
    try {
      if (replaced) {
        report('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
        await runtime.removeSandbox(ref);
      }
      await runtime.createSandbox(pod, attempt);
      startFailures.delete('');
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      const message = error instanceof Error ? error.message : String(error);
      report('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
      startFailures.set('', { reason: 'FailedCreatePodSandBox', message, retryAt: clock.now() + startRetryMs });
    }
    return true;
  };

  const start = async (pod: ResolvedPod, action: PodAction & { type: 'start' }): Promise<boolean> => {
    const { container, kind, attempt, backoffMs } = action;
    const image = images.ready(container.name, attempt);
    const sandbox = state.seen?.sandbox;
    const resolved = pod.containers[container.name];
    if (!image || !sandbox || !resolved) return false;
    startFailures.delete(container.name);
    try {
      const pidTarget = targetOf(container);
      const what = {
        pod,
        container,
        resolved,
        kind,
        attempt,
        backoffMs,
        sandbox,
        image,
        ...(pidTarget === undefined ? {} : { pidTarget }),
      };
      await startContainer(
        { runtime, clock, runHook, hooking },
        what,
        reportOnContainer(ref, deps, container, kind),
        state.cancelStarts.signal,
      );
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      const reason = (error instanceof ProviderError ? error.reason : undefined) ?? 'CreateContainerError';
      startFailures.set(container.name, {
        reason,
        message: error instanceof Error ? error.message : String(error),
        retryAt: clock.now() + startRetryMs,
      });
    }
    return true;
  };

  /** Changes CPU and memory in place. What the engine refuses (less memory than is in use) is reported and left. */
  const resize = async (id: string, container: Container): Promise<boolean> => {
    state.resources.set(id, container.resources ?? {});
    try {
      await runtime.resizeContainer?.(id, container);
      return false;
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      report(
        'Warning',
        'ResizeError',
        `resize of container ${container.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
      return false;
    }
  };

  /** The running container that a debug container names as its target. */
  const targetOf = (container: EphemeralContainer): string | undefined =>
    running().find((c) => c.name === container.targetContainerName)?.id;

  const target = (one: KillTarget['run'], message: string): KillTarget => {
    const container = state.desired && findContainer(state.desired.pod, one.name);
    return {
      run: one,
      container,
      podIp: state.seen?.sandbox?.podIps[0] ?? '',
      message,
      report: container ? reportOnContainer(ref, deps, container, one.kind) : report,
    };
  };
  const stopping = (one: KillTarget['run']): KillTarget => target(one, `Stopping container ${one.name}`);
  const running = () => (state.seen?.containers ?? []).filter((c) => c.state === 'running');

  /** Ends one container in the background. */
  const kill = (action: PodAction & { type: 'kill' }): void => {
    const one = state.seen?.containers.find((c) => c.id === action.id);
    if (!one || kills.has(one.id)) return;
    kills.add(one.id);
    if (action.restart) restarts.add(one.id);
    const until = clock.now() + action.graceSeconds * 1000;
    killContainer(killer, target(one, action.message), () => until)
      .catch((error: unknown) =>
        log.warn('container could not be stopped', { pod: formatPod(ref), container: one.name, error }),
      )
      .finally(() => {
        kills.delete(one.id);
        again();
      });
  };

  /** The pod has run its course: what still runs is stopped in the background, then the network is given back. */
  const end = async (pod: ResolvedPod): Promise<boolean> => {
    const left = running();
    if (left.length === 0) {
      if (!state.seen?.sandbox?.ready) return false;
      await runtime.stopSandbox(ref);
      return true;
    }
    if (left.some((c) => kills.has(c.id))) return false;
    for (const one of left) kills.add(one.id);
    const until = clock.now() + grace(pod.pod) * 1000;
    killPod(killer, pod.pod, left.map(stopping), () => until)
      .catch((error: unknown) => log.warn('finished pod could not be stopped', { pod: formatPod(ref), error }))
      .finally(() => {
        for (const one of left) kills.delete(one.id);
        again();
      });
    return false;
  };

  return {
    async take(pod, action) {
      switch (action.type) {
        case 'create-sandbox':
          return createSandbox(pod, action.attempt, action.replaced);
        case 'ensure-image':
          images.ensure(
            action.container,
            action.attempt,
            pod.pullSecrets,
            reportOnContainer(ref, deps, action.container, kindOf(pod.pod, action.container.name)),
          );
          return false;
        case 'start':
          return start(pod, action);
        case 'kill':
          kill(action);
          return false;
        case 'resize':
          return resize(action.id, action.container);
        case 'remove-container':
          await runtime.removeContainer(action.id);
          return false;
        case 'end':
          return end(pod);
      }
    },
    async stopAll() {
      const left = running();
      for (const one of left) kills.add(one.id);
      await killPod(killer, state.desired?.pod, left.map(stopping), () => state.deadline ?? clock.now());
      if (state.seen) await runtime.stopSandbox(ref);
    },
  };
}
