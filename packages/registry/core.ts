import type { Clock } from '@nodeless/component-base/clock';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { Attributes, Store } from '@nodeless/store/store';
import type { AdmissionReader } from './admission/admission.ts';
import type { AdmissionChain } from './admission-chain.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import type { Endpoint, Endpoints } from './endpoint.ts';
import type { KeyTurns } from './key-turns.ts';
import { objectOf } from './stored-value.ts';

/** What all operations of the registry work with. */
export interface RegistryCore {
  readonly store: Store;
  readonly endpoints: Endpoints;
  readonly admission: AdmissionChain;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly reader: AdmissionReader;
  readonly turns: KeyTurns;
}

/** What stands beside the object in the store, to select by. The object is frozen or will not change any more. */
export function attributesOf({ strategy }: Endpoint, object: Readonly<UnknownObject>): Attributes {
  const { labels, ownerReferences } = object.metadata ?? {};
  return {
    labels,
    fields: strategy.selectableFields?.(object),
    owners: ownerReferences && ownerReferences.length > 0 ? ownerReferences.map((o) => o.uid) : undefined,
    trigger: strategy.trigger?.of(object),
  };
}

/** Reads of current objects in their storage versions. What is not served is not there. */
export function createReader(store: Store, endpoints: Endpoints): AdmissionReader {
  return {
    async get(group, resource, namespace, name) {
      const entry = await store.get(endpoints.stored(group, resource).key(namespace, name));
      return entry && objectOf(entry.value);
    },
    async list(group, resource, namespace) {
      const { storage } = endpoints.stored(group, resource);
      const prefix = namespace ? `${storage.prefix}${namespace}/` : storage.prefix;
      const { entries } = await store.list({ prefix });
      return entries.map((entry) => objectOf(entry.value));
    },
  };
}
