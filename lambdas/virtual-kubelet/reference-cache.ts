import type { ConfigMap, Secret } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { Client, ResourceType } from '@nodeless/client/client';
import { createInformer, type Informer } from '@nodeless/client/informer';
import { configMaps, secrets } from '@nodeless/client/resource-types';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';

/**
 * The ConfigMaps and Secrets that the node's pods refer to, each watched by itself for as long as a pod needs it: a node
 * may read those and no others.
 */
export interface ReferenceCache {
  /** Sets what a pod refers to and resolves once all of it has been read (or found absent). */
  hold(
    podUid: string,
    namespace: string,
    names: { readonly configMaps: ReadonlySet<string>; readonly secrets: ReadonlySet<string> },
  ): Promise<void>;
  release(podUid: string): void;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  stop(): void;
}

interface Entry {
  readonly informer: Informer<KubernetesObject>;
  readonly holders: Set<string>;
}

const patienceMs = 10_000;

export function createReferenceCache(deps: {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: (podUid: string) => void;
}): ReferenceCache {
  const { client, clock, log, onChange } = deps;
  const entries = new Map<string, Entry>();
  const held = new Map<string, ReadonlySet<string>>();

  const open = (key: string, type: ResourceType<KubernetesObject>, namespace: string, name: string): Entry => {
    const known = entries.get(key);
    if (known) return known;
    const informer = createInformer(client, type, { clock, log, namespace, fieldSelector: `metadata.name=${name}` });
    const entry: Entry = { informer, holders: new Set() };
    entries.set(key, entry);
    informer.subscribe(() => {
      if (informer.hasSynced()) for (const uid of entry.holders) onChange(uid);
    });
    informer.start();
    return entry;
  };

  const drop = (podUid: string, key: string): void => {
    const entry = entries.get(key);
    entry?.holders.delete(podUid);
    if (entry?.holders.size !== 0) return;
    entry.informer.stop();
    entries.delete(key);
  };

  const find = <T extends KubernetesObject>(kind: string, namespace: string, name: string): T | undefined =>
    entries.get(`${kind}/${namespace}/${name}`)?.informer.get(namespace, name) as T | undefined;

  return {
    async hold(podUid, namespace, names) {
      const wanted = new Map<string, Entry>();
      for (const name of names.configMaps)
        wanted.set(
          `configmap/${namespace}/${name}`,
          open(`configmap/${namespace}/${name}`, configMaps, namespace, name),
        );
      for (const name of names.secrets)
        wanted.set(`secret/${namespace}/${name}`, open(`secret/${namespace}/${name}`, secrets, namespace, name));
      for (const key of held.get(podUid) ?? []) if (!wanted.has(key)) drop(podUid, key);
      for (const entry of wanted.values()) entry.holders.add(podUid);
      if (wanted.size === 0) held.delete(podUid);
      else held.set(podUid, new Set(wanted.keys()));
      const pending = [...wanted].filter(([, entry]) => !entry.informer.hasSynced());
      if (pending.length === 0) return;
      const late = sleep(clock, patienceMs).then(() => {
        throw new Error(
          `failed to sync ${pending[0]?.[0].split('/')[0] ?? ''} cache: timed out waiting for the condition`,
        );
      });
      await Promise.race([Promise.all(pending.map(([, entry]) => entry.informer.synced)), late]);
    },
    release(podUid) {
      for (const key of held.get(podUid) ?? []) drop(podUid, key);
      held.delete(podUid);
    },
    configMap: (namespace, name) => find<ConfigMap>('configmap', namespace, name),
    secret: (namespace, name) => find<Secret>('secret', namespace, name),
    stop() {
      for (const { informer } of entries.values()) informer.stop();
      entries.clear();
      held.clear();
    },
  };
}
