import type { ResourceQuota } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { ResourceType } from '@nodeless/client/client';
import { resourceQuotas } from '@nodeless/client/resource-types';
import { type Action, perform, updateStatus } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';
import { followTypes, refreshRequest } from './followed-types.ts';
import { remembered } from './served-types.ts';
import { totalUsage } from '@nodeless/registry/quota/charge';

type Counted = Iterable<{ group: string; resource: string; object: Readonly<UnknownObject> }>;

/** Brings status.hard and status.used to what the spec asks and the namespace holds. */
export function planResourceQuota(quota: ResourceQuota, objects: Counted): Action[] {
  if (quota.metadata?.deletionTimestamp) return [];
  const hard = quota.spec?.hard ?? {};
  const used = totalUsage(quota, objects);
  if (
    quota.status?.hard &&
    quota.status.used &&
    equalMaps(quota.status.hard, hard) &&
    equalMaps(quota.status.used, used)
  )
    return [];
  return [updateStatus(resourceQuotas, { ...quota, status: { hard, used } })];
}

const equalMaps = (a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(a).length === Object.keys(b).length && semanticEqual(a, b);

/** What a quota's names refer to, so that only these are listed. */
export function countedTypes(
  quota: ResourceQuota,
  namespaced: readonly ResourceType<UnknownObject>[],
): ResourceType<UnknownObject>[] {
  const names = Object.keys(quota.spec?.hard ?? {});
  return namespaced.filter(({ group, resource }) => {
    const counter = `count/${group === '' ? resource : `${resource}.${group}`}`;
    return names.some((name) => name === counter || (group === '' && belongsTo(name, resource)));
  });
}

function belongsTo(name: string, resource: string): boolean {
  if (name.startsWith('count/')) return false;
  if (resource === 'persistentvolumeclaims')
    return (
      name === 'persistentvolumeclaims' || name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/')
    );
  if (resource === 'services') return name === 'services' || name.startsWith('services.');
  if (resource === 'pods')
    return (
      name === 'pods' || /^(requests\.|limits\.)/.test(name) || ['cpu', 'memory', 'ephemeral-storage'].includes(name)
    );
  return name === resource;
}

const resourceQuotaType = resourceQuotas as unknown as ResourceType<UnknownObject>;

/** Admission charges creates at once; this gives back what was deleted, and mends what a crash between two writes left. */
export function createResourceQuotaController(namespaced: () => readonly ResourceType<UnknownObject>[]): Controller {
  const counted = remembered(namespaced, (types) =>
    types.filter((type) => type.resource !== resourceQuotas.resource || type.group !== ''),
  );
  const followed = followTypes(counted, (type) =>
    watchRule({
      type,
      async requests(change, lookup) {
        // Creates are charged by admission. Pods stop counting when they finish, claims and services may change in size.
        if (change.type === 'added') return [];
        if (change.type === 'modified' && !['pods', 'services', 'persistentvolumeclaims'].includes(type.resource))
          return [];
        const namespace = change.object.metadata?.namespace;
        const quotas = await lookup.list(resourceQuotas, namespace);
        return quotas
          .filter((quota) => countedTypes(quota, [type]).length > 0)
          .map((quota) => ({ namespace, name: quota.metadata?.name ?? '' }));
      },
    }),
  );
  const quotas = watchRule({
    type: resourceQuotas,
    requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
  });
  return {
    name: 'resourcequota-controller',
    watches: () => [quotas, ...followed.watches()],
    async reconcile(request, context) {
      if (request.name === refreshRequest) return followed.refresh(context);
      const quota = await context.cache.get(resourceQuotas, request);
      if (!quota) return {};
      const objects: { group: string; resource: string; object: UnknownObject }[] = [];
      for (const type of countedTypes(quota, [...followed.types(), resourceQuotaType])) {
        for (const object of await context.cache.list(type, request.namespace))
          objects.push({ group: type.group, resource: type.resource, object });
      }
      return perform(planResourceQuota(quota, objects), context);
    },
  };
}
