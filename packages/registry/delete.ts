import type { UnknownObject } from '@nodeless/apimachinery/object';
import { conflict, notFound } from '@nodeless/apimachinery/status';
import { type Entry, type Operation, isStoreError } from '@nodeless/store/store';
import { type RegistryCore, attributesOf } from './core.ts';
import { derivedScope } from './derived-scope.ts';
import { checkPreconditions, planDeletion, returnsDeletedObject } from './deletion.ts';
import { encodedOf, listOf, uncommitted } from './encoded.ts';
import type { Endpoint } from './endpoint.ts';
import { checkDeleteOptions } from './options-validation.ts';
import { modifiedMessage } from './prepare-update.ts';
import { list } from './read.ts';
import type { DeleteOptions, Encoded, List, ListOptions, RequestScope, WriteResult } from './registry.ts';
import { relatedOperations } from './related-writes.ts';
import { successStatus } from './success.ts';
import { atRevision, draftOf, isUnchanged, objectOf, sealDraft } from './stored-value.ts';
import { storeFailure } from './store-errors.ts';
import { admissionAttributes } from './write-request.ts';

const maxAttempts = 100;

export async function remove(
  core: RegistryCore,
  scope: RequestScope,
  options: DeleteOptions = {},
): Promise<WriteResult> {
  const endpoint = core.endpoints.of(scope);
  checkDeleteOptions(options);
  const outcome = await deleteObject(core, scope, endpoint, options);
  // what goes on in the background is said only to those who asked for it in the old way
  const code = !outcome.deleted && options.orphanDependents === false ? 202 : 200;
  return { code, result: outcome.result };
}

interface Outcome {
  /** False where it still waits for its grace period or finalizers. */
  readonly deleted: boolean;
  readonly result: Encoded;
}

/** Deletes one object; options have been checked. `admit` false: the request was admitted as another (an eviction). */
export async function deleteObject(
  core: RegistryCore,
  scope: RequestScope,
  endpoint: Endpoint,
  options: DeleteOptions,
  admit = true,
): Promise<Outcome> {
  const { served, strategy } = endpoint;
  const dryRun = options.dryRun !== undefined && options.dryRun.length > 0;
  const key = endpoint.key(scope.namespace, scope.name);
  const context = { user: scope.user, subresource: '', namespace: scope.namespace, now: () => core.clock.now() };
  for (let attempt = 1; ; attempt++) {
    const entry = await core.store.get(key);
    if (!entry) throw notFound(scope, scope.name);
    const object = objectOf(entry.value);
    checkPreconditions(object, options, { kind: served.kind, group: endpoint.storage.group });
    const plan = planDeletion(object, options, strategy, served, core.clock.now());
    if (plan.type === 'pending') return { deleted: false, result: pendingResult(endpoint, entry) };
    if (admit) await admitDelete(core, scope, endpoint, object, options, dryRun);
    warnOfOrphans(scope, options);
    const next = plan.object;
    if (dryRun) return { deleted: plan.type === 'remove', result: dryRunResult(endpoint, entry, plan.type, next) };
    const operation =
      plan.type === 'mark' ? markOperation(endpoint, entry, plan.object) : removeOperation(endpoint, entry, next);
    if (!operation) return { deleted: false, result: encodedOf(endpoint, entry.value) };
    const freed =
      plan.type === 'remove'
        ? ((await served.definition.sideEffects?.onDelete?.(object, context, core.reader)) ?? [])
        : [];
    try {
      const [committed] = await core.store.commit(
        freed.length > 0 ? [operation, ...(await relatedOperations(core, freed))] : [operation],
      );
      if (plan.type === 'mark') return { deleted: false, result: encodedOf(endpoint, committed!.value) };
      return { deleted: true, result: deletedResult(endpoint, object, committed ?? entry) };
    } catch (error) {
      if (!isStoreError(error)) throw error;
      const lost = error.code === 'conflict' || error.code === 'missing' || error.code === 'exists';
      if (!lost) throw storeFailure(error);
      if (attempt >= maxAttempts) throw conflict(scope, scope.name, modifiedMessage);
    }
  }
}

async function admitDelete(
  core: RegistryCore,
  scope: RequestScope,
  endpoint: Endpoint,
  object: Readonly<UnknownObject>,
  options: DeleteOptions,
  dryRun: boolean,
): Promise<void> {
  const { name = scope.name, namespace = scope.namespace } = object.metadata ?? {};
  const request = {
    scope: derivedScope(scope, { name, namespace }),
    endpoint,
    dryRun,
    warn: (text: string) => scope.warn(text),
  };
  const attributes = admissionAttributes(request, 'DELETE', undefined, object, {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...options,
  });
  const pending = core.admission.admit(attributes);
  if (typeof pending !== 'boolean') await pending;
  await core.admission.validate(() => attributes);
}

/** undefined: it is marked like that already. */
function markOperation(endpoint: Endpoint, entry: Entry, object: UnknownObject): Operation | undefined {
  const draft = draftOf(object, endpoint.storageType);
  if (isUnchanged(draft, entry.value)) return undefined;
  return {
    type: 'put',
    key: entry.key,
    expected: entry.revision,
    attributes: attributesOf(endpoint, object),
    value: (revision) => sealDraft(draft, object, revision),
  };
}

/** The event shows the last state, with the grace period it ended with. */
function removeOperation(endpoint: Endpoint, entry: Entry, last: UnknownObject | undefined): Operation {
  const operation = { type: 'delete', key: entry.key, expected: entry.revision, attributes: entry.attributes } as const;
  if (!last) return { ...operation, value: (revision) => atRevision(entry.value, revision) };
  const draft = draftOf(last, endpoint.storageType);
  return { ...operation, value: (revision) => sealDraft(draft, last, revision) };
}

function dryRunResult(
  endpoint: Endpoint,
  entry: Entry,
  type: 'remove' | 'mark',
  next: UnknownObject | undefined,
): Encoded {
  if (type === 'remove' && !returnsDeletedObject(endpoint.served)) return detailsOf(endpoint, objectOf(entry.value));
  if (!next) return encodedOf(endpoint, entry.value);
  return uncommitted(endpoint, next);
}

function deletedResult(endpoint: Endpoint, object: Readonly<UnknownObject>, last: Entry): Encoded {
  return returnsDeletedObject(endpoint.served) ? encodedOf(endpoint, last.value) : detailsOf(endpoint, object);
}

function pendingResult(endpoint: Endpoint, entry: Entry): Encoded {
  return returnsDeletedObject(endpoint.served)
    ? encodedOf(endpoint, entry.value)
    : detailsOf(endpoint, objectOf(entry.value));
}

/** What was deleted, as a Status. */
function detailsOf({ served }: Endpoint, { metadata = {} }: Readonly<UnknownObject>): Encoded {
  const { group, resource } = served;
  return successStatus({ name: metadata.name, ...(group !== '' && { group }), kind: resource, uid: metadata.uid });
}

/** batch/v1 keeps pods of deleted jobs for the sake of old clients, and says so. */
function warnOfOrphans(scope: RequestScope, options: DeleteOptions): void {
  if (scope.group !== 'batch' || scope.resource !== 'jobs') return;
  if (options.propagationPolicy !== undefined || options.orphanDependents !== undefined) return;
  scope.warn(
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  );
}

/** How many objects of a collection are being deleted at a time: they share commits. */
const parallelDeletes = 64;

export async function removeCollection(
  core: RegistryCore,
  scope: RequestScope,
  options: ListOptions = {},
  deletion: DeleteOptions = {},
): Promise<List> {
  const endpoint = core.endpoints.of(scope);
  checkDeleteOptions(deletion);
  const selected = await list(core, scope, options);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < selected.items.length) {
      const { metadata = {} } = selected.items[next++]!.object();
      const one = derivedScope(scope, { name: metadata.name ?? '', namespace: metadata.namespace ?? '' });
      try {
        await deleteObject(core, one, endpoint, deletion);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelDeletes, selected.items.length) }, work));
  return listOf(endpoint, selected.metadata, selected.items);
}

/** Somebody else deleted it first: that is what was wanted. */
function isGone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === 404;
}
