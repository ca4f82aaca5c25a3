import { fillSystemFields, metadataOf } from './object-meta.ts';
import type { RegistryCore } from './core.ts';
import { attributesOf } from './core.ts';
import type { RelatedWrite } from './side-effects.ts';
import type { Operation } from '@nodeless/store/store';
import { atRevision, draftOf, sealDraft } from './stored-value.ts';

/** The store operations of writes that go with another one. What is to be deleted and is gone already needs nothing. */
export async function relatedOperations(core: RegistryCore, writes: readonly RelatedWrite[]): Promise<Operation[]> {
  const operations: Operation[] = [];
  for (const write of writes) {
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
