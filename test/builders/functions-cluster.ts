/**
 * The whole control plane as functions, in this process (function-fleet.ts), with kubelets without containers and one clock for
 * all. Nothing happens but through what AWS would carry.
 */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ObjectKey, ResourceType } from '@nodeless/client/client';
import { createLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { type FakeKubelet, type PodLife, createFakeKubelet } from './fake-kubelet.ts';
import { type FunctionFleet, type FunctionFleetOptions, createFunctionFleet } from './function-fleet.ts';

export type { Delivery, FunctionName, QueueName } from './function-fleet.ts';

export interface FunctionsClusterOptions extends FunctionFleetOptions {
  readonly nodes?: readonly string[];
  readonly life?: (pod: Pod) => PodLife;
  readonly heartbeats?: 'leases' | 'status';
  readonly onLog?: (line: string) => void;
}

export interface FunctionsCluster extends Pick<
  FunctionFleet,
  'functions' | 'queues' | 'inject' | 'givenUp' | 'schedules' | 'tick'
> {
  readonly clock: ManualClock;
  /** Of system:masters. */
  readonly client: Client;
  readonly kubelet: FakeKubelet;
  /** Warnings and errors of the functions. */
  readonly logged: readonly string[];
  /**
   * Lets the cluster work, in steps of its own time, until `probe` gives something that is not undefined or false.
   * Fails with `what` after `withinMs` of the cluster's time (two minutes).
   */
  until<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  /** Resolves when nothing happens any more without time passing, then lets `ms` pass in small steps. */
  settle(ms?: number): Promise<void>;
  find<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey | string): Promise<T | undefined>;
  edit<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey | string,
    change: (object: T) => unknown,
  ): Promise<T>;
  stop(): Promise<void>;
}

const stepMs = 50;

export async function createFunctionsCluster(options: FunctionsClusterOptions = {}): Promise<FunctionsCluster> {
  const clock = createManualClock();
  const logged: string[] = [];
  const log = createLogger({
    level: 'warn',
    now: clock.now,
    write: (line) => {
      logged.push(line);
      options.onLog?.(line);
    },
  });
  const fleet = createFunctionFleet(clock, log, options);
  // The API server's part.
  const { store } = fleet;
  const cluster = await createClusterRegistry({ store, clock });
  const client = cluster.clientFor(
    { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
    'kubectl',
  );
  const bootstrap = cluster.clientFor(apiServerUser, 'kube-apiserver');
  await ensureBootstrap(bootstrap, { serviceCidr: '10.96.0.0/16' });
  await reconcilePolicy(bootstrap);
  fleet.start();

  const kubelet = createFakeKubelet({
    clientFor: (user) => cluster.clientFor(user, 'kubelet'),
    clock,
    life: options.life,
    heartbeats: options.heartbeats ?? 'status',
  });
  const quiet = async (): Promise<void> => {
    for (let calm = 0, before = fleet.activity(); calm < 5;) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      const after = fleet.activity();
      calm = after === before ? calm + 1 : 0;
      before = after;
    }
  };
  const settle = async (ms = 0): Promise<void> => {
    await quiet();
    const step = ms > 3_600_000 ? 10_000 : ms > 60_000 ? 1_000 : stepMs;
    for (let left = ms; left > 0; left -= step) {
      await clock.advance(Math.min(step, left));
      await quiet();
    }
  };
  /** Lets time pass while something is waited for: a hole in the log is only filled when its time has come. */
  const driven = async <T>(pending: Promise<T>): Promise<T> => {
    let over = false;
    const end = (): void => {
      over = true;
    };
    pending.then(end, end);
    for (;;) {
      for (let turn = 0; turn < 20 && !over; turn++)
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
      if (over) return pending;
      await clock.advance(stepMs);
    }
  };
  const patient: Client = {
    get: (...args) => driven(client.get(...args)),
    list: (...args) => driven(client.list(...args)),
    create: (...args) => driven(client.create(...args)),
    update: (...args) => driven(client.update(...args)),
    patch: (...args) => driven(client.patch(...args)),
    apply: (...args) => driven(client.apply(...args)),
    delete: (...args) => driven(client.delete(...args)),
    deleteCollection: (...args) => driven(client.deleteCollection(...args)),
    watch: (...args) => client.watch(...args),
  };
  for (const name of options.nodes ?? ['n1', 'n2']) await driven(kubelet.addNode(name));
  await settle(500);

  return {
    clock,
    client: patient,
    kubelet,
    functions: fleet.functions,
    queues: fleet.queues,
    inject: fleet.inject,
    givenUp: fleet.givenUp,
    schedules: fleet.schedules,
    tick: fleet.tick,
    logged,
    settle,
    async until(what, probe, withinMs = 120_000) {
      for (const start = clock.now(); ;) {
        await quiet();
        const found = await probe();
        if (found !== undefined && found !== false) return found as never;
        if (clock.now() - start >= withinMs) throw new Error(`did not happen: ${what}\n${logged.slice(-5).join('\n')}`);
        await clock.advance(stepMs);
      }
    },
    async edit(type, key, change) {
      for (;;) {
        const object = structuredClone(await patient.get(type, keyOf(type, key)));
        change(object);
        try {
          return await patient.update(type, object);
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
    },
    async find(type, key) {
      try {
        return await patient.get(type, keyOf(type, key));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async stop() {
      fleet.stop();
      kubelet.stop();
      cluster.close();
      await store.close();
    },
  };
}

const keyOf = (type: { namespaced: boolean }, key: ObjectKey | string): ObjectKey =>
  typeof key === 'string' ? { ...(type.namespaced ? { namespace: 'default' } : {}), name: key } : key;
