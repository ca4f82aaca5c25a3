import type { ConfigMap, Secret } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ResourceType } from '@nodeless/client/client';
import { configMaps, secrets } from '@nodeless/client/resource-types';
import type { ReferenceCache } from './reference-cache.ts';

/** The ConfigMaps and Secrets of one pod, read once and not watched: for a process that looks at the pod and goes on. */
export function readReferences(client: Client): ReferenceCache {
  const found = new Map<string, KubernetesObject>();
  const read = async (
    type: ResourceType<KubernetesObject>,
    key: string,
    namespace: string,
    name: string,
  ): Promise<void> => {
    try {
      found.set(key, await client.get(type, { namespace, name }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  return {
    async hold(_, namespace, names) {
      await Promise.all([
        ...[...names.configMaps].map((name) => read(configMaps, `configmap/${namespace}/${name}`, namespace, name)),
        ...[...names.secrets].map((name) => read(secrets, `secret/${namespace}/${name}`, namespace, name)),
      ]);
    },
    release() {},
    configMap: (namespace, name) => found.get(`configmap/${namespace}/${name}`) as ConfigMap | undefined,
    secret: (namespace, name) => found.get(`secret/${namespace}/${name}`) as Secret | undefined,
    stop() {},
  };
}
