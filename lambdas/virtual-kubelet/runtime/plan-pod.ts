import type {
  Container,
  ContainerStateWaiting,
  Pod,
  ResourceRequirements,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { formatPod, refOf } from '../pod-names.ts';
import { isSidecar, shouldRestart } from '../restart-policy.ts';
import type { ContainerKind, RuntimeContainer, RuntimeSandbox } from './container-runtime.ts';
import { resizeNeeded } from './resize.ts';
import { formatSeconds, nextRun } from './restart-backoff.ts';
import { specHash } from './spec-hash.ts';

export type ImageProgress =
  /** Nobody has looked for it yet. */
  | { readonly state: 'unknown' }
  | { readonly state: 'working' }
  | { readonly state: 'ready' }
  | { readonly state: 'failed'; readonly reason: string; readonly message: string; readonly retryAt: number };

export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly retryAt: number;
}

export interface ProbeVerdict {
  /** The startup probe, or the start hook, is done with. */
  readonly started: boolean;
  /** A probe has given the container up. */
  readonly failed: 'liveness' | 'startup' | undefined;
}

/** Everything the plan depends on. */
export interface PodView {
  readonly pod: Pod;
  readonly now: number;
  readonly sandbox: RuntimeSandbox | undefined;
  readonly containers: readonly RuntimeContainer[];
  image(name: string, attempt: number): ImageProgress;
  /** Why the last try to make or start the container failed; undefined = it did not, or was not tried. */
  startFailure(name: string): StartFailure | undefined;
  /** Its environment cannot be made. */
  configError(name: string): ContainerStateWaiting | undefined;
  probe(id: string): ProbeVerdict;
  isStopping(id: string): boolean;
  /** The resources that a running container was given; undefined = as far as is known, those of its spec. */
  appliedResources(id: string): ResourceRequirements | undefined;
  /** It was ended in order to be started again, whatever its exit code says. */
  restartWanted(id: string): boolean;
}

export type PodAction =
  | { readonly type: 'create-sandbox'; readonly attempt: number; readonly replaced: boolean }
  | { readonly type: 'ensure-image'; readonly container: Container; readonly attempt: number }
  | {
      readonly type: 'start';
      readonly container: Container;
      readonly kind: ContainerKind;
      readonly attempt: number;
      readonly backoffMs: number;
    }
  | {
      readonly type: 'kill';
      readonly id: string;
      readonly container: Container;
      readonly message: string;
      readonly graceSeconds: number;
      readonly restart: boolean;
    }
  | { readonly type: 'resize'; readonly id: string; readonly container: Container }
  | { readonly type: 'remove-container'; readonly id: string }
  /** Everything that matters has ended: stop sidecars, last to first, and give the network up. */
  | { readonly type: 'end' };

export interface PodPlan {
  readonly actions: readonly PodAction[];
  /** What containers that do not run are waiting for, where it is more than their turn. */
  readonly waiting: ReadonlyMap<string, ContainerStateWaiting>;
  /** When to plan again although nothing has changed. */
  readonly wakeAt: number | undefined;
  /** Nothing will be started again. */
  readonly finished: boolean;
}

interface Draft {
  readonly view: PodView;
  readonly actions: PodAction[];
  readonly waiting: Map<string, ContainerStateWaiting>;
  wakeAt: number | undefined;
  finished: boolean;
}

/** The next steps of a pod that is to run, from what there is of it. Pure; the order of its rules is that of the kubelet. */
export function planPod(view: PodView): PodPlan {
  const draft: Draft = { view, actions: [], waiting: new Map(), wakeAt: undefined, finished: false };
  planAll(draft);
  if (!draft.finished) planRemovals(draft);
  return draft;
}

function planAll(draft: Draft): void {
  const { view } = draft;
  const spec = view.pod.spec;
  if (isDone(view)) {
    draft.finished = true;
    draft.actions.push({ type: 'end' });
    return;
  }
  if (!view.sandbox?.ready) {
    planSandbox(draft);
    return;
  }
  // Debug containers start whatever the state of the others, and only once.
  for (const container of spec?.ephemeralContainers ?? []) {
    if (!newest(view, 'ephemeral', container.name)) planStart(draft, container, 'ephemeral', undefined);
  }
  if (!planInit(draft)) return;
  for (const container of spec?.containers ?? []) planContainer(draft, container, 'regular');
}

/** Whether the pod has ended: a failed init container or no regular one left to run. */
function isDone(view: PodView): boolean {
  const { pod } = view;
  for (const container of pod.spec?.initContainers ?? []) {
    const last = newest(view, 'init', container.name);
    if (
      !isSidecar(container) &&
      last?.state === 'exited' &&
      !shouldRestart(pod, container, last.exitCode, true) &&
      last.exitCode !== 0
    )
      return true;
  }
  return (pod.spec?.containers ?? []).every((container) => {
    const last = newest(view, 'regular', container.name);
    return last?.state === 'exited' && !wantsRestart(view, container, last);
  });
}

/** A pod without a network: it is new, or its sandbox died and what ran in it has to run again. */
function planSandbox(draft: Draft): void {
  const { view } = draft;
  const running = view.containers.filter((c) => c.state === 'running');
  for (const one of running) {
    const container = findContainer(view.pod, one.name);
    if (container && !view.isStopping(one.id)) {
      draft.actions.push({
        type: 'kill',
        id: one.id,
        container,
        message: 'Pod sandbox changed, it will be killed and re-created.',
        graceSeconds: grace(view.pod),
        restart: true,
      });
    }
  }
  if (running.length > 0) return;
  const attempt = view.sandbox ? view.sandbox.attempt + 1 : 0;
  const failure = view.startFailure('');
  if (failure && failure.retryAt > view.now) {
    wake(draft, failure.retryAt);
    return;
  }
  draft.actions.push({ type: 'create-sandbox', attempt, replaced: view.sandbox !== undefined });
}

/** Init containers in turn. Returns whether the regular ones may run. */
function planInit(draft: Draft): boolean {
  const { view } = draft;
  // Once a regular container was made in this sandbox, init containers are history and only sidecars are kept going.
  const initialized = view.containers.some((c) => c.kind === 'regular' && c.sandboxId === view.sandbox?.id);
  for (const container of view.pod.spec?.initContainers ?? []) {
    if (isSidecar(container)) {
      const started = planContainer(draft, container, 'init');
      if (!started && !initialized) return false;
    } else if (!initialized) {
      const last = newest(view, 'init', container.name);
      const isCurrent = last !== undefined && last.sandboxId === view.sandbox?.id;
      if (isCurrent && last.state === 'exited' && last.exitCode === 0) continue;
      if (isCurrent && last.state === 'running') return false;
      if (last && !isCurrent && last.state === 'exited') planStart(draft, container, 'init', { ...last, backoffMs: 0 });
      else planStart(draft, container, 'init', last);
      return false;
    }
  }
  return true;
}

/** Keeps one long-running container as it should be. Returns whether it runs and has started. */
function planContainer(draft: Draft, container: Container, kind: 'init' | 'regular'): boolean {
  const { view } = draft;
  const last = newest(view, kind, container.name);
  if (last?.state === 'running') return planRunning(draft, container, last);
  if (last?.state === 'exited' && !isSidecar(container) && !wantsRestart(view, container, last)) return false;
  planStart(draft, container, kind, last);
  return false;
}

function planRunning(draft: Draft, container: Container, run: RuntimeContainer): boolean {
  const { view } = draft;
  if (view.isStopping(run.id)) return false;
  const verdict = view.probe(run.id);
  const changed = run.specHash !== specHash(container);
  const resize =
    changed || verdict.failed !== undefined ? 'none' : resizeNeeded(view.appliedResources(run.id), container);
  if (resize === 'update') draft.actions.push({ type: 'resize', id: run.id, container });
  if (!changed && verdict.failed === undefined && resize !== 'restart') return verdict.started;
  if (resize === 'restart') {
    draft.actions.push({
      type: 'kill',
      id: run.id,
      container,
      message: `Container ${container.name} resize requires restart`,
      graceSeconds: grace(view.pod),
      restart: true,
    });
    return false;
  }
  const restart =
    changed ||
    isSidecar(container) ||
    (container.restartPolicy ?? view.pod.spec?.restartPolicy ?? 'Always') !== 'Never';
  const what = changed
    ? `Container ${container.name} definition changed`
    : `Container ${container.name} failed ${verdict.failed} probe`;
  const probe = verdict.failed === 'liveness' ? container.livenessProbe : container.startupProbe;
  const graceSeconds = changed ? grace(view.pod) : (probe?.terminationGracePeriodSeconds ?? grace(view.pod));
  draft.actions.push({
    type: 'kill',
    id: run.id,
    container,
    message: restart ? `${what}, will be restarted` : what,
    graceSeconds,
    restart,
  });
  return false;
}

/** Starts a container for the first time or again, once its wait is over, its image is there and its settings are valid. */
function planStart(draft: Draft, container: Container, kind: ContainerKind, last: RuntimeContainer | undefined): void {
  const { view } = draft;
  const { name } = container;
  let attempt = 0;
  let backoffMs = 0;
  if (last?.state === 'exited') {
    const next = nextRun(last, view.now);
    attempt = last.attempt + 1;
    backoffMs = next.backoffMs;
    if (next.startAt > view.now) {
      const message = `back-off ${formatSeconds(next.waitMs)} restarting failed container=${name} pod=${formatPod(refOf(view.pod))}`;
      draft.waiting.set(name, { reason: 'CrashLoopBackOff', message });
      wake(draft, next.startAt);
      return;
    }
  } else if (last) {
    // Made but never started: we stopped in between. The same attempt is taken up again.
    attempt = last.attempt;
    backoffMs = last.backoffMs;
  }
  const image = view.image(name, attempt);
  if (image.state === 'failed') {
    draft.waiting.set(name, { reason: image.reason, message: image.message });
    wake(draft, image.retryAt);
    if (image.retryAt <= view.now) draft.actions.push({ type: 'ensure-image', container, attempt });
    return;
  }
  const failure = view.startFailure(name);
  if (failure) draft.waiting.set(name, { reason: failure.reason, message: failure.message });
  if (failure && failure.retryAt > view.now) {
    wake(draft, failure.retryAt);
    return;
  }
  if (image.state === 'unknown') draft.actions.push({ type: 'ensure-image', container, attempt });
  if (image.state !== 'ready') return;
  const problem = view.configError(name);
  if (problem) {
    draft.waiting.set(name, problem);
    return;
  }
  draft.actions.push({ type: 'start', container, kind, attempt, backoffMs });
}

/** Of each container the newest and the one before it stay (for `logs --previous`); older ones go. */
function planRemovals(draft: Draft): void {
  const byName = new Map<string, RuntimeContainer[]>();
  for (const one of draft.view.containers) {
    const key = `${one.kind}/${one.name}`;
    byName.set(key, [...(byName.get(key) ?? []), one]);
  }
  for (const runs of byName.values()) {
    const old = runs.sort((a, b) => b.attempt - a.attempt).slice(2);
    for (const { id } of old) draft.actions.push({ type: 'remove-container', id });
  }
}

function wantsRestart(view: PodView, container: Container, run: RuntimeContainer): boolean {
  return view.restartWanted(run.id) || shouldRestart(view.pod, container, run.exitCode);
}

export function newest(
  view: Pick<PodView, 'containers'>,
  kind: ContainerKind,
  name: string,
): RuntimeContainer | undefined {
  let found: RuntimeContainer | undefined;
  for (const one of view.containers)
    if (one.kind === kind && one.name === name && (!found || one.attempt > found.attempt)) found = one;
  return found;
}

export function findContainer(pod: Pod, name: string): Container | undefined {
  const spec = pod.spec;
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])].find(
    (c) => c.name === name,
  );
}

export function kindOf(pod: Pod, name: string): ContainerKind {
  if (pod.spec?.containers.some((c) => c.name === name)) return 'regular';
  return pod.spec?.initContainers?.some((c) => c.name === name) ? 'init' : 'ephemeral';
}

export function grace(pod: Pod): number {
  return pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
}

function wake(draft: Draft, at: number): void {
  draft.wakeAt = draft.wakeAt === undefined ? at : Math.min(draft.wakeAt, at);
}
