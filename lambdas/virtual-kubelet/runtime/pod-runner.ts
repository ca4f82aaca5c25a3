import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { Dialer } from '../probes/dialer.ts';
import { createRunHook } from '../probes/lifecycle-hook.ts';
import { createRunProbe } from '../probes/run-probe.ts';
import type {
  ObservationListener,
  ObservedPod,
  PodEvent,
  PodProvider,
  PodRef,
  ResolvedPod,
} from '../providers/provider.ts';
import type { ContainerRuntime, RuntimePod } from './container-runtime.ts';
import { createEnsureImage } from './ensure-image.ts';
import { observePod } from './observe-pod.ts';
import { createPodWorker, type PodWorker } from './pod-worker.ts';

export interface PodRunnerDeps {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reaches pods for probes and hooks. */
  readonly dial: Dialer;
}

/** A PodProvider over a runtime that knows only containers: it does what a kubelet does between the two. */
export function createPodRunner(deps: PodRunnerDeps): PodProvider {
  const { runtime, clock, log, dial } = deps;
  const workers = new Map<string, PodWorker>();
  const listeners = new Set<{ onChange: ObservationListener; onEvent: (event: PodEvent) => void }>();
  const exec = (id: string, command: readonly string[], timeoutMs: number) => runtime.execSync(id, command, timeoutMs);
  const shared = {
    runtime,
    clock,
    log,
    runProbe: createRunProbe({ exec, dial }),
    runHook: createRunHook({ exec, dial, clock }),
    ensureImage: createEnsureImage(runtime, clock),
    onChange: (ref: PodRef) => {
      for (const listener of listeners) listener.onChange(ref);
    },
    onEvent: (event: PodEvent) => {
      for (const listener of listeners) listener.onEvent(event);
    },
  };
  const watching = runtime.subscribe((ref) => {
    if (ref) workers.get(ref.uid)?.changed();
    else for (const worker of workers.values()) worker.changed();
  });

  const workerFor = (ref: PodRef, adopted?: RuntimePod): PodWorker => {
    const known = workers.get(ref.uid);
    if (known) return known;
    const worker = createPodWorker(ref, shared, adopted);
    workers.set(ref.uid, worker);
    return worker;
  };

  const run = async (pod: ResolvedPod): Promise<void> => {
    const { namespace = '', name = '', uid = '' } = pod.pod.metadata ?? {};
    workerFor({ namespace, name, uid }).want(pod);
  };

  const unmanaged = (pod: RuntimePod): ObservedPod =>
    observePod(pod, {
      runtime: runtime.name,
      waiting: new Map(),
      kindOf: () => 'regular',
      verdict: () => ({ started: true, ready: true }),
      finished: false,
    });

  return {
    name: runtime.name,
    nodes: () => runtime.nodes(),
    createPod: run,
    updatePod: run,
    async stopPod(ref, graceSeconds) {
      const worker = workers.get(ref.uid) ?? (await adopt(ref));
      await worker?.stop(graceSeconds);
    },
    async deletePod(ref, graceSeconds) {
      const worker = workers.get(ref.uid) ?? (await adopt(ref));
      await worker?.remove(graceSeconds);
      worker?.dispose();
      workers.delete(ref.uid);
    },
    async observePod(ref) {
      const worker = workers.get(ref.uid);
      if (worker) {
        await worker.looked;
        return worker.observed();
      }
      const pod = await runtime.inspect(ref);
      return pod && unmanaged(pod);
    },
    async listPods() {
      const pods = await runtime.list();
      return pods.map((pod) => workers.get(pod.ref.uid)?.observed() ?? unmanaged(pod));
    },
    subscribe(onChange, onEvent) {
      const listener = { onChange, onEvent };
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    async close() {
      watching.stop();
      for (const worker of workers.values()) worker.dispose();
      workers.clear();
      listeners.clear();
      await runtime.close();
    },
  };

  /** A pod that another process of ours began. */
  async function adopt(ref: PodRef): Promise<PodWorker | undefined> {
    const pod = await runtime.inspect(ref);
    return pod && workerFor(ref, pod);
  }
}
