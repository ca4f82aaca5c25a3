import { fillSystemFields, metadataOf } from './object-meta.ts';
import type { RegistryCore } from './core.ts';
import { attributesOf } from './core.ts';
import { objectRevision } from './revisions.ts';
import { type LateWrites, type RelatedUpdate, type RelatedWrite, reservationKey } from './side-effects.ts';
import type { Entry, Operation } from '@nodeless/store/store';
import { atRevision, draftOf, sealDraft } from './stored-value.ts';

/** The store operations of writes that go with another one. What is to be deleted and is gone already needs nothing. */
export async function relatedOperations(core: RegistryCore, writes: readonly RelatedWrite[]): Promise<Operation[]> {
  const operations: Operation[] = [];
  for (const write of writes) {
    if (write.type === 'reserve' || write.type === 'release') {
      operations.push(...(await reservation(core, write)));
      continue;
    }
    const endpoint = core.endpoints.stored(write.group, write.resource);
    if (write.type === 'create') {
      const { object } = write;
      const metadata = metadataOf(object);
      fillSystemFields(metadata, core.clock.now());
      object.kind = endpoint.served.kind;
      object.apiVersion = endpoint.storage.apiVersion;
      const draft = draftOf(object, endpoint.storageType);
      operations.push({
        type: 'put',
        key: endpoint.key(metadata.namespace ?? '', metadata.name ?? ''),
        expected: 'absent',
        attributes: attributesOf(endpoint, object),
        value: (revision) => sealDraft(draft, object, revision),
      });
      continue;
    }
    const key = endpoint.key(write.namespace ?? '', write.name);
    const entry = await core.store.get(key);
    if (!entry) continue;
    operations.push({
      type: 'delete',
      key,
      expected: entry.revision,
      attributes: entry.attributes,
      value: (revision) => atRevision(entry.value, revision),
    });
  }
  return operations;
}

const noAttributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const nothing = { bytes: new Uint8Array() };

async function reservation(
  { store }: RegistryCore,
  write: { readonly type: 'reserve' | 'release'; readonly name: string },
): Promise<Operation[]> {
  const key = reservationKey(write.name);
  if (write.type === 'reserve')
    return [{ type: 'put', key, expected: 'absent', attributes: noAttributes, value: () => nothing }];
  const entry = await store.get(key);
  return entry
    ? [{ type: 'delete', key, expected: entry.revision, attributes: noAttributes, value: () => nothing }]
    : [];
}

/** Commits together with what admission adds at the last moment. Errors: StoreError, ApiError of a late refusal. */
export async function commitWith(
  core: RegistryCore,
  late: readonly LateWrites[],
  operations: readonly Operation[],
): Promise<readonly (Entry | undefined)[]> {
  if (late.length === 0) return core.store.commit(operations);
  try {
    // no await between: what is decided here is what the next one builds upon
    const updates = late.flatMap((one) => one.decide()).map((update) => updateOperation(core, update));
    return await core.store.commit([...operations, ...updates]);
  } finally {
    for (const one of late) one.settled?.();
  }
}

/** The refusals of a commit that will not be made. */
export function tryLateWrites(late: readonly LateWrites[]): void {
  try {
    for (const one of late) one.decide();
  } finally {
    for (const one of late) one.settled?.();
  }
}

function updateOperation(core: RegistryCore, { group, resource, object }: RelatedUpdate): Operation {
  const endpoint = core.endpoints.stored(group, resource);
  const { namespace = '', name = '', resourceVersion } = metadataOf(object);
  const draft = draftOf(object, endpoint.storageType);
  return {
    type: 'put',
    key: endpoint.key(namespace, name),
    expected: objectRevision(resourceVersion),
    attributes: attributesOf(endpoint, object),
    value: (revision) => sealDraft(draft, object, revision),
  };
}
