/** A whole control plane in this process, on the memory store: what integration tests of controllers and scheduler run against. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ObjectKey, ResourceType } from '@nodeless/client/client';
import { namespaces, nodes, podDisruptionBudgets, pods } from '@nodeless/client/resource-types';
import { createLogger, type Logger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import {
  type ComponentUser,
  apiServerUser,
  controllerManagerUser,
  controllerUser,
  schedulerUser,
} from '@nodeless/controller-runtime/component-users';
import type { Controller } from '@nodeless/controller-runtime/controller';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import { createManager } from '@nodeless/controller-runtime/manager';
import { createControllers } from '@nodeless/controllers/controllers';
import { remembered } from '@nodeless/controllers/served-types';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { admissionPlugins } from '@nodeless/registry/admission/plugins';
import { createEscalationCheck } from '@nodeless/registry/authorization/escalation';
import { createNodeAuthorizer } from '@nodeless/registry/authorization/node-authorizer';
import { createRbacAuthorizer } from '@nodeless/registry/authorization/rbac-authorizer';
import { feedRbacIndex } from '@nodeless/registry/authorization/rbac-feed';
import { createRbacIndex } from '@nodeless/registry/authorization/rbac-index';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { privilegedAuthorizer, unionAuthorizer } from '@nodeless/registry/authorization/union-authorizer';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createRegistry } from '@nodeless/registry/create-registry';
import { feedDefinitions } from '@nodeless/registry/custom-resources/definitions-feed';
import { createInlineClient } from '@nodeless/registry/inline-client';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { objectOf } from '@nodeless/registry/stored-value';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createScheduler } from '@nodeless/scheduler/scheduler';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import type { Store } from '@nodeless/store/store';
import { createFakeKubelet, type FakeKubelet, type PodLife } from './fake-kubelet.ts';

export interface ClusterOptions {
  /** Names of nodes to start with. Default: `n1`, `n2`. */
  readonly nodes?: readonly string[];
  readonly life?: (pod: Pod) => PodLife;
  /** false: no controllers, no scheduler; a test brings what it is about. */
  readonly controllers?: boolean;
  readonly scheduler?: boolean;
  /** Beside the usual ones: load balancers of a model, say. */
  readonly more?: (clock: ManualClock) => readonly Controller[];
  readonly admission?: readonly AdmissionPlugin[];
  /** How long after a write the caches of controllers see it. Default: before the write returns. */
  readonly cacheLagMs?: number;
  /** To see what goes on while a test is being written. */
  readonly onLog?: (line: string) => void;
}

export interface Cluster {
  readonly clock: ManualClock;
  /** Of system:masters. */
  readonly client: Client;
  readonly kubelet: FakeKubelet;
  readonly store: Store;
  /** Warnings and errors that components logged: `replicaset-controller: reconcile failed: default/web: pods is forbidden`. */
  readonly logged: readonly string[];
  clientFor(user: ComponentUser): Client;
  /**
   * Lets the cluster work, in steps of its own time, until `probe` gives something that is not undefined or false.
   * Fails with `what` after `withinMs` of the cluster's time (a minute).
   */
  until<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  /** Resolves when nothing more happens without time passing, then lets `ms` pass. */
  settle(ms?: number): Promise<void>;
  /** undefined where it is not there. */
  find<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey | string): Promise<T | undefined>;
  /** Reads, changes and writes, until nobody was faster. A string: a name in namespace `default`. */
  edit<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey | string,
    change: (object: T) => unknown,
    subresource?: string,
  ): Promise<T>;
  stop(): Promise<void>;
}

const stepMs = 50;

export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const clock = createManualClock();
  const logged: string[] = [];
  const log: Logger = createLogger({
    level: 'warn',
    now: clock.now,
    write: (line) => {
      logged.push(shortened(line));
      options.onLog?.(shortened(line));
    },
  });
  const { store, busy } = counted(createMemoryStore({ clock }));
  const resources = createResourceTable({ kinds });
  const index = createRbacIndex();
  const feed = feedRbacIndex(store, index, objectOf);
  const definitions = feedDefinitions({ store, resources, objectOf });
  const nodeAuthorizer = createNodeAuthorizer({
    podsOnNode: async (nodeName) =>
      (await store.list({ prefix: '/pods/', trigger: nodeName })).entries.map((entry) => objectOf(entry.value) as Pod),
    volumeOfClaim: async () => '',
  });
  const authorizer = unionAuthorizer([privilegedAuthorizer, nodeAuthorizer, createRbacAuthorizer(index)]);
  const registry = createRegistry({
    store,
    resources,
    admission: [...admissionPlugins, ...(options.admission ?? []), createEscalationCheck({ index, authorizer })],
    authorizer,
    clock,
  });
  await Promise.all([feed.ready, definitions.ready]);
  const clientFor = (user: ComponentUser, fieldManager = 'test'): Client =>
    createInlineClient({ registry, authorizer, user, fieldManager });
  const client = clientFor({ name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }, 'kubectl');
  const bootstrap = clientFor(apiServerUser, 'kube-apiserver');
  await ensureBootstrap(bootstrap, { serviceCidr: '10.96.0.0/16' });
  await reconcilePolicy(bootstrap);

  const stops: (() => Promise<void> | void)[] = [];
  const kubelet = createFakeKubelet({ clientFor, clock, life: options.life });
  const managerClient = clientFor(controllerManagerUser, 'kube-controller-manager');
  const informers = createSharedInformers(lagging(managerClient, clock, options.cacheLagMs ?? 0), { clock, log });
  const more = options.more?.(clock) ?? [];
  if (options.controllers !== false || more.length > 0) {
    const served = remembered(
      () => resources.all(),
      () => collectedTypes(resources),
    );
    const usual = options.controllers === false ? [] : createControllers({ served, rootCertificate: 'PEM' });
    const controllers = [...usual, ...more];
    const manager = createManager({
      controllers,
      informers,
      clientFor: (name, actsAs) => clientFor(controllerUser(name, actsAs), 'kube-controller-manager'),
      clock,
      log,
    });
    await manager.start();
    stops.push(() => manager.stop());
  }
  if (options.scheduler !== false) {
    const schedulerClient = clientFor(schedulerUser, 'kube-scheduler');
    const schedulerInformers = createSharedInformers(schedulerClient, { clock, log });
    const scheduler = createScheduler({
      client: schedulerClient,
      pods: schedulerInformers.informer(pods),
      nodes: schedulerInformers.informer(nodes),
      namespaces: schedulerInformers.informer(namespaces),
      budgets: schedulerInformers.informer(podDisruptionBudgets),
      profile: defaultProfile,
      events: createEventRecorder({ client: schedulerClient, clock, log, component: 'default-scheduler' }),
      clock,
      log,
      random: () => 0,
    });
    await schedulerInformers.start();
    await scheduler.start();
    stops.push(
      () => scheduler.stop(),
      () => schedulerInformers.stop(),
    );
  }
  for (const name of options.nodes ?? ['n1', 'n2']) await kubelet.addNode(name);

  const quiet = async (): Promise<void> => {
    for (let calm = 0, before = busy(); calm < 4;) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      const after = busy();
      calm = after.commits === before.commits && after.open === 0 ? calm + 1 : 0;
      before = after;
    }
  };
  const settle = async (ms = 0): Promise<void> => {
    await quiet();
    if (ms > 0) {
      await clock.advance(ms);
      await quiet();
    }
  };
  await settle();

  return {
    clock,
    client,
    kubelet,
    store,
    logged,
    clientFor,
    settle,
    async until(what, probe, withinMs = 60_000) {
      for (const start = clock.now(); ;) {
        await quiet();
        const found = await probe();
        if (found !== undefined && found !== false) return found as never;
        if (clock.now() - start >= withinMs) throw new Error(`did not happen: ${what}\n${logged.slice(-5).join('\n')}`);
        await clock.advance(stepMs);
      }
    },
    async edit(type, key, change, subresource) {
      for (;;) {
        const object = structuredClone(await client.get(type, keyOf(type, key)));
        change(object);
        try {
          return await client.update(type, object, { subresource });
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
    },
    async find(type, key) {
      try {
        return await client.get(type, keyOf(type, key));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async stop() {
      kubelet.stop();
      for (const stop of stops) await stop();
      feed.stop();
      definitions.stop();
      registry.close();
      await store.close();
    },
  };
}

const keyOf = (type: { namespaced: boolean }, key: ObjectKey | string): ObjectKey =>
  typeof key === 'string' ? { ...(type.namespaced ? { namespace: 'default' } : {}), name: key } : key;
function shortened(line: string): string {
  const { message, controller, key, resource, error } = JSON.parse(line) as Record<string, string> & {
    error?: { message: string };
  };
  return [controller, message, key ?? resource, error?.message].filter(Boolean).join(': ');
}

/** A client whose watches deliver some time after the event. */
function lagging(client: Client, clock: ManualClock, ms: number): Client {
  if (ms === 0) return client;
  return {
    ...client,
    watch: (type, query, { onEvent, onEnd }) =>
      client.watch(type, query, {
        onEvent: (event) => void clock.setTimer(() => onEvent(event), ms),
        onEnd: (error) => void clock.setTimer(() => onEnd(error), ms),
      }),
  };
}

/** Counts commits, so that a test knows when nothing goes on any more. */
function counted(store: Store): { store: Store; busy: () => { commits: number; open: number } } {
  let commits = 0;
  let open = 0;
  return {
    store: {
      ...store,
      async commit(operations) {
        commits += 1;
        open += 1;
        try {
          return await store.commit(operations);
        } finally {
          open -= 1;
        }
      },
    },
    busy: () => ({ commits, open }),
  };
}

function collectedTypes(resources: ReturnType<typeof createResourceTable>): ResourceType<UnknownObject>[] {
  const seen = new Set<string>();
  return resources
    .all()
    .filter(
      ({ storage, verbs, resource }) =>
        storage &&
        resource !== 'events' &&
        ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) &&
        !seen.has(storage.prefix) &&
        seen.add(storage.prefix),
    )
    .map(({ group, version, resource, kind, namespaced }) => ({ group, version, resource, kind, namespaced }));
}
