/** Kubelets without containers: pods bound to their nodes run, end and stop as a test says. They act as their nodes' users. */
import type { ContainerStatus, Node, Pod, PodCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConflict, isForbidden, isNotFound } from '@nodeless/apimachinery/status';
import type { Client, Watch } from '@nodeless/client/client';
import { leases, nodes, pods } from '@nodeless/client/resource-types';
import type { Clock, Timer } from '@nodeless/component-base/clock';

/** What a real kubelet would wait for before a pod counts as ready. */
const gatesOpen = (pod: Pod): boolean =>
  (pod.spec?.readinessGates ?? []).every(({ conditionType }) =>
    pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === 'True'),
  );
const has = (pod: Pod, type: string): boolean =>
  pod.status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;

/** What a pod does by itself once it is bound. */
export interface PodLife {
  /** Until its containers run. */
  readonly startMs?: number;
  /** Until it is ready after that; Infinity = never. */
  readonly readyMs?: number;
  /** It ends by itself with this code, `exitMs` after it started. */
  readonly exitCode?: number;
  readonly exitMs?: number;
  /** How long it takes to stop when it is deleted (never longer than its grace period). */
  readonly stopMs?: number;
  /** Stops only once this condition is True, as the virtual kubelet of AWS does it. */
  readonly stopsAfter?: string;
}

export interface FakeKubelet {
  addNode(
    name: string,
    overrides?: {
      labels?: Record<string, string>;
      allocatable?: Record<string, string>;
      taints?: NonNullable<Node['spec']>['taints'];
    },
  ): Promise<Node>;
  /** The node stops answering: no lease, no status, nothing done for its pods. */
  silence(name: string): void;
  resume(name: string): Promise<void>;
  /** Ends the pod's containers now. */
  exit(namespace: string, name: string, exitCode: number): Promise<void>;
  setReady(namespace: string, name: string, ready: boolean): Promise<void>;
  stop(): void;
}

const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const leaseEveryMs = 10_000;
const statusEveryMs = 300_000;
/** To the node authorizer, a pod that is gone is none of the node's business. */
const isGone = (error: unknown): boolean => isNotFound(error) || isForbidden(error);

/** By the image of the first container: `exit-0`, `exit-3`, `unready`, `slow` (starts after a minute); anything else runs. */
export function lifeByImage(pod: Pod): PodLife {
  const image = pod.spec?.containers[0]?.image ?? '';
  const exit = /^exit-(\d+)$/.exec(image)?.[1];
  if (exit !== undefined) return { exitCode: Number(exit) };
  if (image === 'unready') return { readyMs: Infinity };
  if (image === 'slow') return { startMs: 60_000 };
  return {};
}

export function createFakeKubelet(options: {
  clientFor: (user: { name: string; groups: readonly string[] }) => Client;
  clock: Clock;
  life?: (pod: Pod) => PodLife;
  /** As virtual nodes in AWS do: no leases, a status every five minutes. */
  heartbeats?: 'leases' | 'status';
}): FakeKubelet {
  const { clientFor, clock, life = lifeByImage, heartbeats = 'leases' } = options;
  const running = new Map<string, { client: Client; silent: boolean; watch: Watch; timer: Timer | undefined }>();
  const started = new Set<string>();
  const stopping = new Set<string>();
  let addresses = 0;
  let stopped = false;

  /** Reads, changes, writes; undone work of a pod that is gone is no error. */
  const writeStatus = async (
    client: Client,
    { namespace, name = '' }: { namespace?: string; name?: string },
    change: (pod: Pod) => Pod['status'] | undefined,
  ): Promise<void> => {
    for (;;) {
      try {
        const pod = await client.get(pods, { namespace, name });
        const status = change(pod);
        if (status) await client.update(pods, { ...pod, status }, { subresource: 'status' });
        return;
      } catch (error) {
        if (isGone(error)) return;
        if (!isConflict(error)) throw error;
      }
    }
  };
  const condition = (pod: Pod, type: string, status: string): PodCondition => {
    const known = pod.status?.conditions?.find((c) => c.type === type);
    return known?.status === status ? known : { type, status, lastTransitionTime: time(clock.now()) };
  };
  const withConditions = (pod: Pod, fresh: readonly PodCondition[]): PodCondition[] => [
    ...(pod.status?.conditions ?? []).filter((c) => !fresh.some((f) => f.type === c.type)),
    ...fresh,
  ];
  const containers = (pod: Pod, of: (name: string, image: string) => Partial<ContainerStatus>): ContainerStatus[] =>
    (pod.spec?.containers ?? []).map(({ name, image = '' }) => ({
      name,
      image,
      imageID: image,
      restartCount: pod.status?.containerStatuses?.find((c) => c.name === name)?.restartCount ?? 0,
      ready: false,
      ...of(name, image),
    }));

  const run = (pod: Pod, ready: boolean): Pod['status'] => {
    const ip = pod.status?.podIP ?? `10.1.${(addresses >> 8) & 255}.${addresses++ & 255}`;
    const state = { running: { startedAt: time(clock.now()) } };
    const status = ready ? 'True' : 'False';
    const open = ready && gatesOpen(pod) ? 'True' : 'False';
    return {
      ...pod.status,
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: pod.status?.startTime ?? time(clock.now()),
      containerStatuses: containers(pod, () => ({ ready, started: true, state })),
      conditions: withConditions(pod, [
        condition(pod, 'Initialized', 'True'),
        condition(pod, 'ContainersReady', status),
        condition(pod, 'Ready', open),
      ]),
    };
  };
  const end = (pod: Pod, exitCode: number): Pod['status'] | undefined => {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return undefined;
    const policy = pod.metadata?.deletionTimestamp ? 'Never' : (pod.spec?.restartPolicy ?? 'Always');
    const finishedAt = time(clock.now());
    if (policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)) {
      const again = run(pod, true);
      return {
        ...again,
        containerStatuses: again?.containerStatuses?.map((c) => ({
          ...c,
          restartCount: c.restartCount + 1,
          lastState: { terminated: { exitCode, finishedAt } },
        })),
      };
    }
    return {
      ...pod.status,
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: containers(pod, () => ({
        started: false,
        state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', finishedAt } },
      })),
      conditions: withConditions(pod, [condition(pod, 'ContainersReady', 'False'), condition(pod, 'Ready', 'False')]),
    };
  };
  const after = (ms: number, work: () => Promise<void>): void => {
    const guarded = (): void => {
      if (stopped) return;
      work().catch((error: unknown) => {
        if (!stopped && !isGone(error)) throw error;
      });
    };
    if (ms <= 0) guarded();
    else if (ms < Infinity) clock.setTimer(guarded, ms);
  };

  const begin = (client: Client, pod: Pod): void => {
    const { startMs = 0, readyMs = 0, exitCode, exitMs = 0 } = life(pod);
    const metadata = pod.metadata ?? {};
    const alive = (current: Pod): boolean =>
      current.metadata?.uid === metadata.uid &&
      current.status?.phase !== 'Succeeded' &&
      current.status?.phase !== 'Failed';
    after(startMs, () =>
      writeStatus(client, metadata, (current) =>
        alive(current) && !current.metadata?.deletionTimestamp ? run(current, readyMs === 0) : undefined,
      ),
    );
    if (readyMs > 0)
      after(startMs + readyMs, () =>
        writeStatus(client, metadata, (current) => (alive(current) ? run(current, true) : undefined)),
      );
    if (exitCode !== undefined)
      after(startMs + exitMs + 1, () =>
        writeStatus(client, metadata, (current) => (alive(current) ? end(current, exitCode) : undefined)),
      );
  };
  const halt = (client: Client, pod: Pod): void => {
    const { namespace, name = '', uid, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
    after(Math.min(life(pod).stopMs ?? 0, deletionGracePeriodSeconds * 1000), async () => {
      await writeStatus(client, { namespace, name }, (current) =>
        current.metadata?.uid === uid ? end(current, 143) : undefined,
      );
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    });
  };
  const observe = (client: Client, pod: Pod): void => {
    const uid = pod.metadata?.uid ?? '';
    if (started.has(uid) && has(pod, 'ContainersReady') && !has(pod, 'Ready') && gatesOpen(pod))
      after(0, () =>
        writeStatus(client, pod.metadata ?? {}, (current) =>
          current.metadata?.uid === uid && has(current, 'ContainersReady') && !has(current, 'Ready')
            ? run(current, true)
            : undefined,
        ),
      );
    if (pod.metadata?.deletionTimestamp) {
      const { stopsAfter } = life(pod);
      if (!stopping.has(uid) && (stopsAfter === undefined || has(pod, stopsAfter))) {
        stopping.add(uid);
        halt(client, pod);
      }
    } else if (!started.has(uid)) {
      started.add(uid);
      begin(client, pod);
    }
  };

  const renew = async (name: string, client: Client): Promise<void> => {
    if (heartbeats === 'status') {
      const conditions = [{ type: 'Ready', lastHeartbeatTime: time(clock.now()) }];
      await client.patch(nodes, { name }, 'strategic', { status: { conditions } }, { subresource: 'status' });
      return;
    }
    const lease = await client.get(leases, { namespace: 'kube-node-lease', name });
    await client.update(leases, {
      ...lease,
      spec: { ...lease.spec, renewTime: new Date(clock.now()).toISOString().replace('Z', '000Z') },
    });
  };
  const follow = (name: string, client: Client): void => {
    const watch = client.watch(
      pods,
      { fieldSelector: `spec.nodeName=${name}` },
      { onEvent: (e) => (e.type === 'ADDED' || e.type === 'MODIFIED') && observe(client, e.object), onEnd: () => {} },
    );
    const beat = (): void => {
      const node = running.get(name);
      if (!node || stopped) return;
      node.timer = clock.setTimer(
        () => {
          void renew(name, client).catch(() => {});
          beat();
        },
        heartbeats === 'leases' ? leaseEveryMs : statusEveryMs,
      );
    };
    running.set(name, { client, silent: false, watch, timer: undefined });
    beat();
  };
  const conditionsOf = (ready: string): NonNullable<Node['status']>['conditions'] => [
    {
      type: 'Ready',
      status: ready,
      reason: 'KubeletReady',
      lastHeartbeatTime: time(clock.now()),
      lastTransitionTime: time(clock.now()),
    },
    ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
      type,
      status: 'False',
      lastHeartbeatTime: time(clock.now()),
      lastTransitionTime: time(clock.now()),
    })),
  ];
  const clientOf = (namespace: string, name: string): Promise<Client> => {
    const anyone = [...running.values()][0];
    if (!anyone) throw new Error(`no node for ${namespace}/${name}`);
    // Only the pod's own node may write it.
    return Promise.any(
      [...running.entries()].map(async ([node, { client }]) =>
        (await client.get(pods, { namespace, name })).spec?.nodeName === node
          ? client
          : Promise.reject(new Error('not mine')),
      ),
    );
  };

  return {
    async addNode(name, { labels = {}, allocatable = {}, taints } = {}) {
      const client = clientFor({ name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] });
      const resources = { cpu: '8', memory: '16Gi', pods: '110', ...allocatable };
      const node = await client.create(nodes, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
        spec: taints ? { taints } : {},
        status: { allocatable: resources, capacity: resources, conditions: conditionsOf('True') },
      });
      if (heartbeats === 'leases')
        await client.create(leases, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { namespace: 'kube-node-lease', name },
          spec: {
            holderIdentity: name,
            leaseDurationSeconds: 40,
            renewTime: new Date(clock.now()).toISOString().replace('Z', '000Z'),
          },
        });
      follow(name, client);
      return node;
    },
    silence(name) {
      const node = running.get(name);
      node?.watch.stop();
      node?.timer?.cancel();
      if (node) node.silent = true;
    },
    async resume(name) {
      const node = running.get(name);
      if (!node?.silent) return;
      await renew(name, node.client);
      const current = await node.client.get(nodes, { name });
      await node.client.update(
        nodes,
        { ...current, status: { ...current.status, conditions: conditionsOf('True') } },
        { subresource: 'status' },
      );
      follow(name, node.client);
    },
    async exit(namespace, name, exitCode) {
      await writeStatus(await clientOf(namespace, name), { namespace, name }, (pod) => end(pod, exitCode));
    },
    async setReady(namespace, name, ready) {
      await writeStatus(await clientOf(namespace, name), { namespace, name }, (pod) => run(pod, ready));
    },
    stop() {
      stopped = true;
      for (const { watch, timer } of running.values()) {
        watch.stop();
        timer?.cancel();
      }
    },
  };
}
