/** The dispatcher over a cluster's registry: what its rules look up, and how stored values become objects. */
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { controllerManagerUser } from '@nodeless/controller-runtime/component-users';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import type { Queue } from '@nodeless/controller-runtime/queues';
import { type Wakeable, createRuleTable } from '@nodeless/controller-runtime/rule-table';
import { createStoreLister } from '@nodeless/controller-runtime/store-lister';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { encodedOf } from '@nodeless/registry/encoded';
import { createEndpoints } from '@nodeless/registry/endpoint';
import { type StreamTable, createStreamRecords } from '@nodeless/store/dynamodb/stream-records';
import type { Store } from '@nodeless/store/store';
import { type Dispatcher, createDispatcher } from './dispatcher.ts';

export interface DispatcherFunctionOptions {
  readonly store: Store;
  readonly table: StreamTable;
  readonly queues: Readonly<Record<string, Queue>>;
  /** Who is woken through which queue. `served` as createControllers takes it. */
  readonly wakes: (
    served: () => readonly ResourceType<UnknownObject>[],
  ) => Readonly<Record<string, readonly Wakeable[]>>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tickMs?: number;
}

export async function createDispatcherFunction(options: DispatcherFunctionOptions): Promise<Dispatcher> {
  const { store, table, queues, wakes, clock, log, tickMs } = options;
  const cluster = await createClusterRegistry({ store, clock });
  const endpoints = createEndpoints(cluster.resources);
  const servedAs = ({ group, version, resource }: ResourceType<KubernetesObject>) =>
    cluster.resources.find(group, version, resource);
  return createDispatcher({
    records: createStreamRecords(table),
    rules: createRuleTable(
      wakes(() => cluster.resourceTypes),
      (type) => servedAs(type)?.storage?.prefix,
    ),
    queues,
    lister: createStoreLister(
      createSharedInformers(cluster.clientFor(controllerManagerUser, 'kube-controller-manager'), { clock, log }),
    ),
    objectOf: (type, value) =>
      servedAs(type) && (encodedOf(endpoints.of(type), value).object() as unknown as KubernetesObject),
    refresh: () => cluster.refresh(),
    clock,
    log,
    tickMs,
  });
}
