import type { ResourceQuota } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { charge } from '../quota/charge.ts';
import type { RelatedUpdate } from '../side-effects.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { refuse } from './refuse.ts';

/** Events come in numbers that nobody wants to count; reviews are questions. Upstream's DefaultIgnoredResources. */
const ignored = new Set(['events', 'bindings', 'localsubjectaccessreviews']);
/** What may use more of a quota after it was made. */
const growing = new Set(['services', 'persistentvolumeclaims']);

type Quota = Readonly<UnknownObject & ResourceQuota>;

/**
 * Charges what is created to the quotas of its namespace and refuses what they have no room for. The charge is committed
 * together with the object, so that no crash and no race uses more than there is. What is deleted is given back by the
 * quota controller.
 */
export function createResourceQuota(): AdmissionPlugin {
  /** The newest charge of each quota whose commit is under way, which no reader sees yet; by UID. */
  const heads = new Map<string, Quota>();

  const newest = (quota: Quota): Quota => {
    const head = heads.get(quota.metadata?.uid ?? '');
    return head && revisionOf(head) > revisionOf(quota) ? head : quota;
  };

  return {
    name: 'ResourceQuota',
    handles({ operation, namespace, resource, subresource }) {
      if (namespace === '' || ignored.has(resource.resource)) return false;
      if (subresource === 'resize') return operation === 'UPDATE' && resource.resource === 'pods';
      if (subresource !== '') return false;
      return (
        operation === 'CREATE' || (operation === 'UPDATE' && resource.group === '' && growing.has(resource.resource))
      );
    },
    async validate(attributes, read) {
      const quotas = (await read.list('', 'resourcequotas', attributes.namespace)) as readonly Quota[];
      if (quotas.length === 0) return;
      let charged: readonly Quota[] = [];
      attributes.alsoWrite?.({
        decide() {
          const updates = chargeAll(quotas.map(newest), attributes);
          charged = updates.map(({ object }) => object as Quota);
          // A dry run makes no revision of them, so that they never count as newer than what is stored.
          for (const quota of charged) heads.set(quota.metadata?.uid ?? '', quota);
          return updates;
        },
        settled() {
          for (const quota of charged)
            if (heads.get(quota.metadata?.uid ?? '') === quota) heads.delete(quota.metadata?.uid ?? '');
        },
      });
    },
  };
}

export const resourceQuota = createResourceQuota();

const revisionOf = ({ metadata }: Quota): number => Number(metadata?.resourceVersion);

function chargeAll(quotas: readonly Quota[], attributes: AdmissionAttributes): RelatedUpdate[] {
  const { group, resource } = attributes.resource;
  const object = attributes.object as UnknownObject;
  const updates: RelatedUpdate[] = [];
  for (const quota of quotas) {
    const result = charge(quota, { group, resource, object, old: attributes.oldObject });
    if (result === undefined) continue;
    if ('refusal' in result) throw refuse(attributes, result.refusal);
    const status = { ...quota.status, used: result.used };
    updates.push({
      type: 'update',
      group: '',
      resource: 'resourcequotas',
      object: { ...quota, metadata: { ...quota.metadata }, status },
    });
  }
  return updates;
}
