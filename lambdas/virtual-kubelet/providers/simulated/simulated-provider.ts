import { PassThrough, Readable } from 'node:stream';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import { formatPod, refOf } from '../../pod-names.ts';
import { milliValue, wholeValue } from '../../quantities.ts';
import {
  type NodeCapacity,
  type ObservationListener,
  type ObservedContainer,
  type ObservedPod,
  type PodEvent,
  type PodExec,
  type PodLogs,
  type PodMetrics,
  type PodProvider,
  type PodRef,
  ProviderError,
  type ResolvedContainer,
  type ResolvedPod,
} from '../provider.ts';
import { lifeAt, type Moment } from './life-at.ts';
import { type Life, lifeOf, type LifeRule } from './life.ts';
import { fakeNodeAddress, createFakeAddresses } from './fake-addresses.ts';

export interface SimulatedProviderOptions {
  readonly clock: Clock;
  /** Default: two nodes, node-1 and node-2. */
  readonly nodeNames?: readonly string[];
  readonly rules?: readonly LifeRule[];
  /** Capacity of each node; the default holds 500 pods. */
  readonly capacity?: Readonly<Record<string, string>>;
  /** Extra labels by node name, e.g. zones. */
  readonly labels?: (node: string, index: number) => Readonly<Record<string, string>>;
  /** Whether containers report Pulled, Created and Started; true by default. */
  readonly events?: boolean;
}

export type SimulatedOperation =
  | 'nodes'
  | 'createPod'
  | 'updatePod'
  | 'stopPod'
  | 'deletePod'
  | 'observePod'
  | 'listPods';

export interface SimulatedProvider extends PodProvider, PodLogs, PodExec, PodMetrics {
  /** The next call of that operation rejects with the error: for tests. */
  failNext(operation: SimulatedOperation, error: ProviderError): void;
}

interface SimulatedPod {
  pod: Pod;
  readonly ref: PodRef;
  readonly life: Life;
  beganAt: number;
  /** Containers whose settings are not valid: until they are, the pod does not begin. */
  blocked: readonly ResolvedContainer[];
  readonly ip: string;
  stopAt: number | undefined;
  timer: Timer | undefined;
  startsReported: number;
  /** By container: the wait that was reported last. */
  readonly waitsReported: Map<string, string>;
}

const defaultCapacity = { cpu: '64', memory: '512Gi', 'ephemeral-storage': '1Ti', pods: '500' };
const eventDelayMs = 1_000;
const annotation = 'simulated.nodeless.dev/';

/** Pods that exist only as data: their state is computed from when they began, so any number of them costs almost nothing. */
export function createSimulatedProvider(options: SimulatedProviderOptions): SimulatedProvider {
  const { clock, rules = [], capacity = defaultCapacity, events = true } = options;
  const nodeNames = options.nodeNames ?? ['node-1', 'node-2'];
  const nodeIndex = new Map(nodeNames.map((name, i) => [name, i]));
  const pods = new Map<string, SimulatedPod>();
  const addresses = createFakeAddresses();
  const listeners = new Set<{ onChange: ObservationListener; onEvent: (event: PodEvent) => void }>();
  const faults = new Map<SimulatedOperation, ProviderError[]>();
  const unreported: PodEvent[] = [];
  let reportTimer: Timer | undefined;
  const followers = new Map<string, Set<PassThrough>>();

  const maybeFail = (operation: SimulatedOperation): void => {
    const error = faults.get(operation)?.shift();
    if (error) throw error;
  };

  const changed = (ref: PodRef): void => {
    for (const listener of listeners) listener.onChange(ref);
  };

  const momentOf = (one: SimulatedPod): Moment => {
    if (one.blocked.length > 0 && one.stopAt === undefined)
      return { containers: one.blocked.map((c) => blockedContainer(one.pod, c)), finished: false, nextAt: undefined };
    return momentOfLife(one);
  };

  const momentOfLife = (one: SimulatedPod): Moment =>
    lifeAt({ pod: one.pod, life: one.life, beganAt: one.beganAt, stopAt: one.stopAt }, clock.now());

  const observe = (one: SimulatedPod): ObservedPod => {
    const { containers, finished } = momentOf(one);
    return {
      ref: one.ref,
      nodeName: one.pod.spec?.nodeName ?? '',
      podIp: one.ip,
      podIps: [one.ip],
      startTime: undefined,
      sandboxReady: true,
      containers,
      failure: undefined,
      finished,
    };
  };

  /** Reports what happened and waits for the next instant at which something will. */
  const advance = (one: SimulatedPod): void => {
    one.timer?.cancel();
    const moment = momentOf(one);
    if (events) reportStarts(one, moment);
    if (events) reportWaits(one, moment);
    if (moment.nextAt === undefined) return;
    one.timer = clock.setTimer(() => {
      advance(one);
      changed(one.ref);
    }, moment.nextAt - clock.now());
  };

  const reportStarts = (one: SimulatedPod, moment: Moment): void => {
    const starts = moment.containers.reduce((sum, c) => sum + (c.containerId === '' ? 0 : c.restartCount + 1), 0);
    if (starts <= one.startsReported || listeners.size === 0) return;
    one.startsReported = starts;
    for (const container of moment.containers) {
      const fieldPath = `spec.${container.kind === 'init' ? 'initContainers' : 'containers'}{${container.name}}`;
      const event = (reason: string, message: string): void =>
        reportLater({ ref: one.ref, type: 'Normal', reason, message, fieldPath });
      event(
        'Pulled',
        `Container image ${JSON.stringify(container.image)} already present on machine and can be accessed by the pod`,
      );
      event('Created', 'Container created');
      event('Started', 'Container started');
    }
  };

  const reportWaits = (one: SimulatedPod, moment: Moment): void => {
    if (listeners.size === 0) return;
    for (const { name, image, state, restartCount } of moment.containers) {
      const reason = state.waiting?.reason;
      if (reason === undefined || one.waitsReported.get(name) === `${reason} ${restartCount}`) continue;
      one.waitsReported.set(name, `${reason} ${restartCount}`);
      for (const event of waitEvents(reason, name, image, one.ref))
        for (const listener of listeners)
          listener.onEvent({ ref: one.ref, fieldPath: `spec.containers{${name}}`, ...event });
    }
  };

  /** Events come a little after the states they tell of, so that writing them does not hold those up when many pods start. */
  const reportLater = (event: PodEvent): void => {
    unreported.push(event);
    reportTimer ??= clock.setTimer(() => {
      reportTimer = undefined;
      for (const one of unreported.splice(0)) for (const listener of listeners) listener.onEvent(one);
    }, eventDelayMs);
  };

  const put = ({ pod, containers }: ResolvedPod): void => {
    const ref = refOf(pod);
    const known = pods.get(ref.uid);
    const blocked = Object.values(containers).filter((c) => c.error !== undefined);
    if (known) {
      known.pod = pod;
      if (known.blocked.length > 0 && blocked.length === 0) known.beganAt = clock.now();
      known.blocked = blocked;
      advance(known);
      return;
    }
    const index = nodeIndex.get(pod.spec?.nodeName ?? '');
    if (index === undefined)
      throw new ProviderError('invalid', `node ${JSON.stringify(pod.spec?.nodeName ?? '')} is not simulated here`);
    const before = pod.status?.startTime;
    const one: SimulatedPod = {
      pod,
      ref,
      life: lifeOf(pod, rules),
      // A pod that had begun before this process did goes on where it was.
      beganAt: before && pod.status?.phase !== 'Pending' ? Date.parse(before) : clock.now(),
      ip: pod.spec?.hostNetwork ? fakeNodeAddress(index) : addresses.take(index, pod.status?.podIP),
      blocked,
      stopAt: undefined,
      timer: undefined,
      startsReported: before && pod.status?.phase !== 'Pending' ? Number.MAX_SAFE_INTEGER : 0,
      waitsReported: new Map(),
    };
    pods.set(ref.uid, one);
    advance(one);
  };

  const stop = async (ref: PodRef, graceSeconds: number): Promise<void> => {
    const one = pods.get(ref.uid);
    if (!one) return;
    const life = { ...one.life, stopDelayMs: Math.min(one.life.stopDelayMs, graceSeconds * 1000) };
    if (one.stopAt === undefined || one.stopAt + one.life.stopDelayMs > clock.now() + life.stopDelayMs) {
      one.stopAt ??= clock.now();
      Object.assign(one, { life });
    }
    advance(one);
    const left = one.stopAt + one.life.stopDelayMs - clock.now();
    if (left > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, left));
  };

  return {
    name: 'simulated',
    readsVolumes: false,
    failNext(operation, error) {
      faults.set(operation, [...(faults.get(operation) ?? []), error]);
    },
    async nodes() {
      maybeFail('nodes');
      return new Map(
        nodeNames.map((name, index): [string, NodeCapacity] => [
          name,
          nodeOf(name, index, capacity, options.labels?.(name, index) ?? {}),
        ]),
      );
    },
    async createPod(pod) {
      maybeFail('createPod');
      put(pod);
    },
    async updatePod(pod) {
      maybeFail('updatePod');
      put(pod);
    },
    async stopPod(ref, graceSeconds) {
      maybeFail('stopPod');
      await stop(ref, graceSeconds);
    },
    async deletePod(ref, graceSeconds) {
      maybeFail('deletePod');
      await stop(ref, graceSeconds);
      const one = pods.get(ref.uid);
      if (!one) return;
      one.timer?.cancel();
      addresses.release(one.ip);
      pods.delete(ref.uid);
      for (const stream of followers.get(ref.uid) ?? []) stream.end();
      followers.delete(ref.uid);
    },
    async observePod(ref) {
      maybeFail('observePod');
      const one = pods.get(ref.uid);
      return one && observe(one);
    },
    async listPods() {
      maybeFail('listPods');
      return [...pods.values()].map(observe);
    },
    subscribe(onChange, onEvent) {
      const listener = { onChange, onEvent };
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    async close() {
      for (const one of pods.values()) one.timer?.cancel();
      reportTimer?.cancel();
      listeners.clear();
    },
    async openLogs(ref, { container, follow, previous }) {
      const one = known(ref);
      const seen = momentOf(one).containers.find((c) => c.name === container);
      if (!seen || seen.containerId === '')
        throw new ProviderError(
          'not-found',
          `container ${JSON.stringify(container)} in pod ${JSON.stringify(ref.name)} is not available`,
        );
      if (previous && !seen.lastState?.terminated)
        throw new ProviderError(
          'not-found',
          `previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(ref.name)} not found`,
        );
      const text =
        one.pod.metadata?.annotations?.[`${annotation}logs`] ??
        `container ${container} of ${formatPod(ref)} is simulated: nothing runs in it`;
      if (!follow || !seen.state.running) return Readable.from([Buffer.from(`${text}\n`)]);
      const stream = new PassThrough();
      stream.write(`${text}\n`);
      followers.set(ref.uid, (followers.get(ref.uid) ?? new Set()).add(stream));
      stream.on('close', () => followers.get(ref.uid)?.delete(stream));
      return stream;
    },
    exec: (ref) => Promise.reject(cannotRun(ref)),
    attach: (ref) => Promise.reject(cannotRun(ref)),
    async metrics(ref) {
      const one = pods.get(ref.uid);
      if (!one) return undefined;
      const annotations = one.pod.metadata?.annotations ?? {};
      const running = momentOf(one).containers.filter((c) => c.state.running);
      return Object.fromEntries(
        running.map((c) => [
          c.name,
          {
            cpuNanocores: milliValue(annotations[`${annotation}cpu`] ?? '1m') * 1e6,
            memoryBytes: wholeValue(annotations[`${annotation}memory`] ?? '8Mi'),
          },
        ]),
      );
    },
  };

  function known(ref: PodRef): SimulatedPod {
    const one = pods.get(ref.uid);
    if (!one)
      throw new ProviderError('not-found', `pod ${JSON.stringify(ref.name)} cannot be found - no logs available`);
    return one;
  }
}

/** What a kubelet with real containers says of the same. */
function waitEvents(
  reason: string,
  container: string,
  image: string,
  ref: PodRef,
): Pick<PodEvent, 'type' | 'reason' | 'message'>[] {
  const quoted = JSON.stringify(image);
  if (reason === 'CrashLoopBackOff')
    return [
      {
        type: 'Warning',
        reason: 'BackOff',
        message: `Back-off restarting failed container ${container} in pod ${formatPod(ref)}`,
      },
    ];
  if (reason === 'ErrImagePull')
    return [
      { type: 'Warning', reason: 'Failed', message: `Failed to pull image ${quoted}: simulated failure` },
      { type: 'Warning', reason: 'Failed', message: 'Error: ErrImagePull' },
    ];
  if (reason === 'ImagePullBackOff')
    return [
      { type: 'Normal', reason: 'BackOff', message: `Back-off pulling image ${quoted}` },
      { type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff' },
    ];
  return [];
}

function blockedContainer(pod: Pod, container: ResolvedContainer): ObservedContainer {
  const isInit = pod.spec?.initContainers?.some((c) => c.name === container.name) ?? false;
  const state = { waiting: { reason: container.error?.reason, message: container.error?.message } };
  return {
    name: container.name,
    kind: isInit ? 'init' : 'regular',
    containerId: '',
    imageId: '',
    image: '',
    state,
    lastState: undefined,
    restartCount: 0,
    started: false,
    ready: false,
  };
}

function cannotRun(ref: PodRef): ProviderError {
  return new ProviderError(
    'invalid',
    `pod ${ref.namespace}/${ref.name} is simulated and runs no processes: start the cluster with --provider docker to run commands in pods`,
  );
}

function nodeOf(
  name: string,
  index: number,
  capacity: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): NodeCapacity {
  return {
    capacity,
    allocatable: capacity,
    labels: { 'node.kubernetes.io/instance-type': 'simulated', ...labels },
    addresses: [
      { type: 'InternalIP', address: fakeNodeAddress(index) },
      { type: 'Hostname', address: name },
    ],
    info: {
      architecture: 'amd64',
      operatingSystem: 'linux',
      osImage: 'simulated',
      kernelVersion: 'simulated',
      containerRuntimeVersion: 'simulated://1.0.0',
    },
  };
}
