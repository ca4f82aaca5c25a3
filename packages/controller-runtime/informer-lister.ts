import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { createInformer, type Informer, type InformerOptions } from '@nodeless/client/informer';
import type { Client, ResourceType } from '@nodeless/client/client';
import type { Lister } from './controller.ts';

/** One informer a resource, shared by every controller of a process, and the Lister over them. */
export interface SharedInformers {
  informer<T extends KubernetesObject>(type: ResourceType<T>): Informer<T>;
  readonly lister: Lister;
  /** The informer, if anybody asked for it. */
  peek<T extends KubernetesObject>(type: ResourceType<T>): Informer<T> | undefined;
  /** Stops the informer of a kind that is gone; asked for again, a new one is made. */
  drop(type: ResourceType<KubernetesObject>): void;
  /** Starts all that were asked for and resolves when each has synced. */
  start(): Promise<void>;
  stop(): void;
}

const indexes = {
  owner: (object: KubernetesObject): readonly string[] => {
    const owners = object.metadata?.ownerReferences;
    return owners?.length ? owners.map((o) => o.uid) : [''];
  },
  node: (object: KubernetesObject): readonly string[] => {
    const nodeName = (object as { spec?: { nodeName?: string } }).spec?.nodeName;
    return nodeName ? [nodeName] : [];
  },
};

export function createSharedInformers(
  client: Client,
  options: Pick<InformerOptions<KubernetesObject>, 'clock' | 'log'>,
): SharedInformers {
  const informers = new Map<string, Informer<KubernetesObject>>();
  // Types are constants as a rule: their keys are not put together for each lookup.
  const ids = new WeakMap<ResourceType<KubernetesObject>, string>();
  let running = false;

  const idOf = (type: ResourceType<KubernetesObject>): string => {
    let id = ids.get(type);
    if (id === undefined) ids.set(type, (id = `${type.group}/${type.version}/${type.resource}`));
    return id;
  };
  const informer = <T extends KubernetesObject>(type: ResourceType<T>): Informer<T> => {
    const id = idOf(type);
    let found = informers.get(id);
    if (!found) {
      found = createInformer<KubernetesObject>(client, type as ResourceType<KubernetesObject>, { ...options, indexes });
      informers.set(id, found);
      if (running) found.start();
    }
    return found as unknown as Informer<T>;
  };

  const lister: Lister = {
    get: (type, key) => informer(type).get(key.namespace ?? '', key.name),
    list: (type, namespace) => informer(type).list(namespace),
    ownedBy(type, ownerUid, namespace) {
      const owned = informer(type).byIndex('owner', ownerUid);
      return namespace === undefined ? owned : owned.filter((o) => o.metadata?.namespace === namespace);
    },
    onNode: (type, nodeName) => informer(type).byIndex('node', nodeName),
  };

  return {
    informer,
    lister,
    peek: <T extends KubernetesObject>(type: ResourceType<T>) =>
      informers.get(idOf(type)) as unknown as Informer<T> | undefined,
    drop(type) {
      informers.get(idOf(type))?.stop();
      informers.delete(idOf(type));
    },
    async start() {
      running = true;
      for (const one of informers.values()) one.start();
      await Promise.all([...informers.values()].map((one) => one.synced));
    },
    stop() {
      running = false;
      for (const one of informers.values()) one.stop();
    },
  };
}
