/**
 * Pods on virtual nodes from the API to ECS and back, in process: the virtual kubelet as the function that it is in AWS, the model
 * of ECS behind the real SDK client, and between them what the queues guarantee (one message of a key at a time, in order).
 */
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { Event, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { configMaps, events, nodes, pods, serviceAccounts } from '@nodeless/client/resource-types';
import { createLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { taskRequest } from '@nodeless/component-base/task-identity';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import type { Change, Request } from '@nodeless/controller-runtime/controller';
import { groupOf, workMessage, type WorkMessage } from '@nodeless/controller-runtime/messages';
import { createServiceAccountKey } from '@nodeless/local/certificates';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import type { Store } from '@nodeless/store/store';
import { createKubeletFunction, type KubeletFunction } from '@nodeless/virtual-kubelet/kubelet-function';
import { createEcsApi } from '@nodeless/virtual-kubelet/providers/fargate/ecs-api';
import { createSecretKeeping } from '@nodeless/virtual-kubelet/providers/fargate/secret-keeper';
import { wakingControllers } from '@nodeless/virtual-kubelet/waking-controllers';
import { createEcs, type EcsModel, type EcsOptions, type EcsTaskEvent } from '../aws/rigs/ecs.ts';
import { ecsClient, fargateSettings, onDemandNode } from './fargate.ts';

export interface FargateClusterOptions extends Omit<EcsOptions, 'clock' | 'onEvent'> {
  /** What becomes of ECS' events. Default: each arrives once, in order. */
  readonly deliver?: (event: EcsTaskEvent) => readonly { readonly event: EcsTaskEvent; readonly afterMs: number }[];
  /** Puts something between the SDK client and ECS. */
  readonly prepare?: (client: ECSClient) => void;
  /** Of the kubelet: functions that serve its queue side by side. */
  readonly workers?: number;
  readonly admission?: readonly AdmissionPlugin[];
  /** What each of the kubelet's processes has instead of the store itself. */
  readonly store?: (store: Store) => Store;
  /** Sweeps and heartbeats come by themselves. */
  readonly ticks?: boolean;
}

export interface FargateCluster {
  readonly clock: ManualClock;
  readonly client: Client;
  readonly ecs: EcsModel;
  readonly store: Store;
  readonly logged: readonly string[];
  readonly secrets: { readonly values: Map<string, string>; readonly credentials: Map<string, string> };
  /** Messages that wait or are being worked on. */
  backlog(): number;
  kubelet(): Promise<KubeletFunction>;
  /** The process ends: all it knew is forgotten, what it was doing is not finished. */
  kill(): void;
  tick(): Promise<void>;
  pod(name: string): Promise<Pod | undefined>;
  createPod(name: string, spec?: Partial<PodSpec>, metadata?: Partial<NonNullable<Pod['metadata']>>): Promise<Pod>;
  eventsOf(name: string): Promise<readonly Event[]>;
  /** Lets what can happen without time passing happen, then lets time pass in small steps. */
  settle(ms?: number, stepMs?: number): Promise<void>;
  until<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  close(): Promise<void>;
}

const namespace = 'default';

export async function createFargateCluster(options: FargateClusterOptions = {}): Promise<FargateCluster> {
  const { deliver = (event) => [{ event, afterMs: 0 }], workers = 1 } = options;
  const clock = createManualClock();
  const logged: string[] = [];
  const log = createLogger({ level: 'warn', now: clock.now, write: (line) => logged.push(line) });
  const base = createMemoryStore({ clock });
  const admin = await createClusterRegistry({ store: base, clock, admission: options.admission });
  const client = admin.clientFor({ name: 'admin', groups: ['system:masters', 'system:authenticated'] }, 'kubectl');
  const bootstrap = admin.clientFor(apiServerUser, 'kube-apiserver');
  await ensureBootstrap(bootstrap, { serviceCidr: '10.96.0.0/16' });
  await reconcilePolicy(bootstrap);
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace } });
  await client.create(configMaps, { metadata: { name: 'kube-root-ca.crt', namespace }, data: { 'ca.crt': 'roots' } });
  let signing = 0;
  const realKeys = await loadServiceAccountKeys(await createServiceAccountKey());
  // Signing is done by other threads of this machine, for which no manual clock waits.
  const signer: typeof realKeys.signer = {
    ...realKeys.signer,
    async sign(data) {
      signing++;
      try {
        return await realKeys.signer.sign(data);
      } finally {
        signing--;
      }
    },
  };
  const keys = { ...realKeys, signer };

  let sequence = 0;
  const queue: { id: string; group: string; message: WorkMessage }[] = [];
  const busy = new Set<string>();
  let free = workers;
  let generation = 0;
  const send = (message: WorkMessage, group = groupOf(message)): void => {
    const same = queue.find((q) => q.group === group && JSON.stringify(q.message) === JSON.stringify(message));
    if (!same) queue.push({ id: `m${++sequence}`, group, message });
    pump();
  };

  const ecs = createEcs({
    ...options,
    clock,
    onEvent(detail) {
      for (const { event, afterMs } of deliver(detail)) {
        const arrive = (): void => {
          const request = taskRequest(JSON.parse(JSON.stringify(event)));
          if (!request) return;
          const { hint, ...key } = request;
          send({ ...workMessage('virtual-kubelet', key), hint });
        };
        if (afterMs === 0) queueMicrotask(arrive);
        else clock.setTimer(arrive, afterMs);
      }
    },
  });
  const secrets = { values: new Map<string, string>(), credentials: new Map<string, string>() };
  const make = (mine: number): Promise<KubeletFunction> => {
    const sdk = ecsClient(ecs);
    options.prepare?.(sdk);
    const keeping = createSecretKeeping({
      path: '/nodeless/test',
      cluster: 'test',
      key: () => Promise.resolve(Buffer.from('key')),
      values: { put: (name, value) => Promise.resolve(void secrets.values.set(name, value)) },
      credentials: { put: (name, value) => Promise.resolve(void secrets.credentials.set(name, value)) },
    });
    return createKubeletFunction({
      store: options.store?.(base) ?? base,
      later: {
        put: (outcomes) => {
          for (const { afterMs, message, group } of outcomes) clock.setTimer(() => send(message, group), afterMs);
          return Promise.resolve();
        },
      },
      clock,
      log,
      random: () => 0.5,
      settings: fargateSettings,
      ecs: createEcsApi({ client: sdk, cluster: ecs.clusterArn, clock, random: () => 0.5 }),
      secretsFor: (pod) => keeping.forPod(pod),
      keys,
      endpoint: 'https://api.example.com/',
      domain: 'cluster.local',
      kubeletVersion: 'v1.36.3',
      program: () => Promise.resolve({ body: new Uint8Array(), revision: `${mine}` }),
    });
  };
  let functions: Promise<KubeletFunction>[] = [];
  const functionAt = (index: number): Promise<KubeletFunction> => (functions[index] ??= make(generation));

  const batchSize = 10;
  const visibilityMs = 90_000;
  const working = new Set<(typeof queue)[number]>();
  const idle = Array.from({ length: workers }, (_, i) => i);
  function pump(): void {
    while (free > 0) {
      const groups = new Set<string>();
      const batch = queue.filter(({ group }) => {
        if (busy.has(group) || groups.size >= batchSize) return false;
        groups.add(group);
        return true;
      });
      if (batch.length === 0) return;
      for (const one of batch) queue.splice(queue.indexOf(one), 1);
      for (const group of groups) busy.add(group);
      free--;
      const index = idle.shift() as number;
      void run(index, batch, groups);
    }
  }
  async function run(
    index: number,
    batch: readonly (typeof queue)[number][],
    groups: ReadonlySet<string>,
  ): Promise<void> {
    const mine = generation;
    for (const one of batch) working.add(one);
    const done = (again: readonly (typeof queue)[number][]): void => {
      for (const one of batch) working.delete(one);
      for (const group of groups) busy.delete(group);
      queue.unshift(...again);
      idle.push(index);
      free++;
    };
    try {
      const kubelet = await functionAt(index);
      const failed = await kubelet.work(
        batch.map(({ id, group, message }) => ({ id, group, body: JSON.stringify(message) })),
      );
      if (mine !== generation) return;
      done(batch.filter(({ id }) => failed.includes(id)));
    } catch (error) {
      if (mine !== generation) return;
      logged.push(String(error));
      done(batch);
    }
    pump();
  }

  const wake = (controller: string, request: Request): void => send(workMessage(controller, request));
  const watches = wakingControllers.flatMap(({ name, watches: rules }) =>
    (typeof rules === 'function' ? rules() : rules).map((rule) => {
      const before = new Map<string, object>();
      return client.watch(
        rule.type,
        {},
        {
          onEvent(event) {
            if (event.type === 'BOOKMARK') return;
            const key = `${event.object.metadata?.namespace}/${event.object.metadata?.name}`;
            const previous = before.get(key);
            if (event.type === 'DELETED') before.delete(key);
            else before.set(key, event.object);
            const type = event.type === 'DELETED' ? 'deleted' : event.type === 'ADDED' ? 'added' : 'modified';
            const change = { type, object: event.object, previous } as Change<never>;
            const requests = rule.requests(change, undefined as never) as readonly Request[];
            for (const request of requests) wake(name, request);
          },
          onEnd() {},
        },
      );
    }),
  );
  const tick = (): Promise<void> => {
    for (const { name } of wakingControllers) wake(name, { name: '' });
    return settle();
  };
  let closed = false;
  const everyTick = (): void => {
    clock.setTimer(() => {
      if (closed) return;
      for (const { name } of wakingControllers) wake(name, { name: '' });
      everyTick();
    }, 300_000);
  };

  const activity = (): number =>
    sequence * 1_000 + queue.length + ecs.inFlight() + signing + [...ecs.calls.values()].reduce((a, b) => a + b, 0);
  const quiet = async (): Promise<void> => {
    for (let calm = 0, before = -1; calm < 6;) {
      // Work that waits for no clock may wait for this machine (modules that are loaded, other threads): it gets a little more.
      await new Promise<void>((resolve) => {
        if (calm >= 4 && busy.size > 0) setTimeout(resolve, 1);
        else setImmediate(resolve);
      });
      const now = activity();
      calm = now === before && ecs.inFlight() + signing === 0 ? calm + 1 : 0;
      before = now;
    }
  };
  const settle = async (ms = 0, stepMs = 250): Promise<void> => {
    await quiet();
    for (let left = ms; left > 0; left -= stepMs) {
      await clock.advance(Math.min(stepMs, left));
      await quiet();
    }
  };
  const orNothing = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  await tick();
  if (options.ticks !== false) everyTick();
  for (let tries = 0; (await client.list(nodes)).items.length === 0; tries++) {
    if (tries > 100) throw new Error(`no nodes: ${logged.join('\n')}`);
    await settle(250);
  }

  return {
    clock,
    client,
    ecs,
    store: base,
    logged,
    secrets,
    backlog: () => queue.length + busy.size,
    kubelet: () => functionAt(0),
    kill() {
      generation++;
      functions = [];
      const lost = [...working];
      working.clear();
      busy.clear();
      // What nobody has acknowledged is seen again.
      clock.setTimer(() => {
        queue.unshift(...lost);
        pump();
      }, visibilityMs);
      idle.splice(0, idle.length, ...Array.from({ length: workers }, (_, i) => i));
      free = workers;
    },
    tick,
    pod: (name) => orNothing(client.get(pods, { namespace, name })),
    createPod: (name, spec = {}, metadata = {}) =>
      client.create(pods, {
        metadata: { name, namespace, ...metadata },
        spec: { containers: [{ name: 'app', image: 'app:1' }], nodeName: onDemandNode, ...spec },
      }),
    eventsOf: async (name) =>
      (await client.list(events, { namespace })).items.filter((e) => e.involvedObject?.name === name),
    settle,
    async until(what, probe, withinMs = 300_000) {
      for (const start = clock.now(); ;) {
        await quiet();
        const found = await probe();
        if (found !== undefined && found !== false) return found as never;
        if (clock.now() - start >= withinMs) throw new Error(`did not happen: ${what}\n${logged.slice(-5).join('\n')}`);
        await clock.advance(500);
      }
    },
    async close() {
      closed = true;
      for (const watch of watches) watch.stop();
      admin.close();
      await base.close();
    },
  };
}
