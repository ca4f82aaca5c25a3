/** A container runtime in memory that tests steer: containers end when told, pulls and calls fail when told. */
import type { Clock } from '@nodeless/component-base/clock';
import { type PodRef, ProviderError, type ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import type {
  ContainerRuntime,
  ContainerStart,
  ExecOutcome,
  RuntimeContainer,
  RuntimeImage,
  RuntimePod,
  RuntimeSandbox,
} from '@nodeless/virtual-kubelet/runtime/container-runtime';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface FakeRuntime extends ContainerRuntime {
  readonly calls: string[];
  readonly starts: ContainerStart[];
  /** Images that are there. */
  readonly present: Set<string>;
  /** Rejects the next call of this name (`pullImage`, `createContainer` …). */
  failNext(call: string, error: Error): void;
  /** The newest container of that name ends. */
  exit(name: string, exitCode: number, more?: Partial<RuntimeContainer>): void;
  killSandbox(): void;
  /** How long containers take to end after they are told to; default at once. */
  stopMs: number;
  exec: (id: string, command: readonly string[]) => ExecOutcome | Promise<ExecOutcome>;
  containers(): readonly RuntimeContainer[];
}

export function createFakeRuntime(clock: Clock): FakeRuntime {
  const faults = new Map<string, Error[]>();
  const calls: string[] = [];
  const starts: ContainerStart[] = [];
  const pods = new Map<
    string,
    {
      ref: PodRef;
      nodeName: string;
      sandbox: Mutable<RuntimeSandbox> | undefined;
      containers: Mutable<RuntimeContainer>[];
    }
  >();
  const listeners = new Set<(ref: PodRef | undefined) => void>();
  const present = new Set<string>();
  const refOf = (pod: ResolvedPod): PodRef => ({
    namespace: pod.pod.metadata?.namespace ?? '',
    name: pod.pod.metadata?.name ?? '',
    uid: pod.pod.metadata?.uid ?? '',
  });
  const call = (name: string, detail = ''): void => {
    calls.push(detail === '' ? name : `${name} ${detail}`);
    const error = faults.get(name)?.shift();
    if (error) throw error;
  };
  const entry = (pod: ResolvedPod) => {
    const ref = refOf(pod);
    const known = pods.get(ref.uid) ?? {
      ref,
      nodeName: pod.pod.spec?.nodeName ?? '',
      sandbox: undefined,
      containers: [],
    };
    pods.set(ref.uid, known);
    return known;
  };
  const all = () => [...pods.values()].flatMap((p) => p.containers);
  const byId = (id: string) => all().find((c) => c.id === id);
  const tell = (): void => {
    for (const listener of listeners) listener(undefined);
  };
  const end = (container: Mutable<RuntimeContainer>, exitCode: number): void => {
    if (container.state !== 'running') return;
    Object.assign(container, { state: 'exited', exitCode, finishedAt: clock.now() });
    tell();
  };
  const image: RuntimeImage = { id: 'sha256:1', reference: 'sha256:1', sizeBytes: 10, user: '' };

  const runtime: FakeRuntime = {
    name: 'fake',
    calls,
    starts,
    present,
    stopMs: 0,
    exec: () => ({ exitCode: 0, output: '', timedOut: false }),
    containers: all,
    failNext: (name, error) => void faults.set(name, [...(faults.get(name) ?? []), error]),
    exit(name, exitCode, more = {}) {
      const newest = all()
        .filter((c) => c.name === name)
        .sort((a, b) => b.attempt - a.attempt)[0];
      if (!newest) throw new Error(`no container ${name}`);
      Object.assign(newest, more);
      end(newest, exitCode);
    },
    killSandbox() {
      for (const pod of pods.values()) {
        if (pod.sandbox) pod.sandbox.ready = false;
        for (const c of pod.containers)
          if (c.state === 'running') Object.assign(c, { state: 'exited', exitCode: 137, finishedAt: clock.now() });
      }
      tell();
    },
    nodes: async () => new Map(),
    list: async () => structuredClone([...pods.values()]) as unknown as RuntimePod[],
    async inspect(ref) {
      const pod = pods.get(ref.uid);
      const error = faults.get('inspect')?.shift();
      if (error) throw error;
      return pod && (structuredClone(pod) as unknown as RuntimePod);
    },
    async writeVolumes(pod) {
      call('writeVolumes');
      entry(pod);
    },
    async createSandbox(pod, attempt) {
      call('createSandbox', `#${attempt}`);
      const sandbox = { id: `sb-${attempt}`, attempt, ready: true, createdAt: clock.now(), podIps: ['10.0.0.1'] };
      entry(pod).sandbox = sandbox;
      return sandbox;
    },
    async stopSandbox(ref) {
      call('stopSandbox');
      const sandbox = pods.get(ref.uid)?.sandbox;
      if (sandbox) sandbox.ready = false;
    },
    async removeSandbox() {
      call('removeSandbox');
    },
    async removePod(ref) {
      call('removePod');
      pods.delete(ref.uid);
    },
    image: async (name) => (present.has(name) ? image : undefined),
    async pullImage(name) {
      call('pullImage', name);
      present.add(name);
      return image;
    },
    async createContainer(start) {
      call('createContainer', `${start.container.name} #${start.attempt}`);
      starts.push(start);
      const id = `${start.container.name}-${start.attempt}`;
      entry(start.pod).containers.push({
        id,
        name: start.container.name,
        kind: start.kind,
        attempt: start.attempt,
        sandboxId: start.sandbox.id,
        specHash: start.specHash,
        backoffMs: start.backoffMs,
        state: 'created',
        createdAt: clock.now(),
        startedAt: 0,
        finishedAt: 0,
        exitCode: 0,
        oomKilled: false,
        startError: '',
        image: start.container.image ?? '',
        imageId: start.image.reference,
        message: '',
      });
      return id;
    },
    async startContainer(id) {
      const container = byId(id);
      try {
        call('startContainer', id);
      } catch (error) {
        if (container)
          Object.assign(container, {
            state: 'exited',
            exitCode: 128,
            startError: (error as Error).message,
            finishedAt: clock.now(),
          });
        throw error;
      }
      if (container) Object.assign(container, { state: 'running', startedAt: clock.now() });
    },
    async stopContainer(id, graceSeconds) {
      call('stopContainer', `${id} ${graceSeconds}`);
      const container = byId(id);
      if (!container) return;
      const killed = runtime.stopMs > graceSeconds * 1000;
      const wait = Math.min(runtime.stopMs, graceSeconds * 1000);
      if (wait > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, wait));
      end(container, killed ? 137 : 0);
    },
    async removeContainer(id) {
      call('removeContainer', id);
      for (const pod of pods.values()) pod.containers = pod.containers.filter((c) => c.id !== id);
    },
    execSync: async (id, command) => runtime.exec(id, command),
    subscribe(onChange) {
      listeners.add(onChange);
      return { stop: () => void listeners.delete(onChange) };
    },
    close: async () => {},
  };
  return runtime;
}

export const unavailable = (): ProviderError => new ProviderError('unavailable', 'Docker does not answer');
