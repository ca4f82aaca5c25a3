import type { UnknownObject } from '@nodeless/apimachinery/object';
import { conflict, forbidden, notFound } from '@nodeless/apimachinery/status';
import { type Entry, isStoreError } from '@nodeless/store/store';
import { decodeBody } from './body-decoder.ts';
import type { RegistryCore } from './core.ts';
import { existsError } from './create.ts';
import { encodedOf, uncommitted } from './encoded.ts';
import { trackUpdate } from './managed-fields.ts';
import { dropRepeatedOwners, matchName, matchNamespace, metadataOf } from './object-meta.ts';
import { checkWriteOptions } from './options-validation.ts';
import { prepareCreate } from './prepare-create.ts';
import { checkRevision, modifiedMessage, prepareUpdate } from './prepare-update.ts';
import type { RequestBody, RequestScope, WriteResult } from './registry.ts';
import { commitWith, tryLateWrites } from './related-writes.ts';
import { objectOf } from './stored-value.ts';
import { storeFailure } from './store-errors.ts';
import { type WriteRequest, admissionAttributes, beginWrite, fillDefaults } from './write-request.ts';

/** PUT of an object, or of one of its doors. */
export async function update(core: RegistryCore, scope: RequestScope, body: RequestBody): Promise<WriteResult> {
  const endpoint = core.endpoints.of(scope);
  checkWriteOptions('UpdateOptions', scope);
  const request = beginWrite(scope, endpoint, () => core.clock.now());
  // a bad body is told before a missing object
  let first: UnknownObject | undefined = decodeReplacement(request, body);
  const uid = first.metadata?.uid;
  const allowCreate = endpoint.strategy.allowCreateOnUpdate === true && scope.subresource === '';
  return guaranteedUpdate(core, request, { uid, allowCreate }, (old, entry) => {
    const object = first ?? decodeReplacement(request, body);
    first = undefined;
    // upstream looks after admission: telling the loser of a race early saves all the work
    if (entry) checkRevision(request, object, entry);
    trackUpdate(request, old, object);
    return object;
  });
}

function decodeReplacement(request: WriteRequest, body: RequestBody): UnknownObject {
  const { endpoint, scope } = request;
  const object = endpoint.toStorage(decodeBody(body, endpoint.served, request));
  fillDefaults(request, object);
  const metadata = metadataOf(object);
  matchNamespace(metadata, endpoint.served.namespaced, scope.namespace);
  matchName(metadata, scope.name);
  dropRepeatedOwners(metadata, '', request.warn);
  return object;
}

export interface UpdateRules {
  /** The object must have this uid. */
  readonly uid?: string | undefined;
  /** An object that does not exist is created. */
  readonly allowCreate: boolean;
}

/** Losing so often in a row to others means that something is wrong. */
const maxAttempts = 100;
/** After so many lost races one waits for one's turn. */
const freeAttempts = 2;

/** The new object of the storage version, mutable, defaulted, managed fields recorded; called again after each lost race. */
export type Transform = (
  old: Readonly<UnknownObject> | undefined,
  entry: Entry | undefined,
) => UnknownObject | Promise<UnknownObject>;

/** Reads, transforms, admits, validates and commits until nobody has changed the object meanwhile. */
export async function guaranteedUpdate(
  core: RegistryCore,
  request: WriteRequest,
  rules: UpdateRules,
  transform: Transform,
): Promise<WriteResult> {
  const { scope } = request;
  const key = keyOf(request);
  const taken = new Set<string>();
  const attempt = async (count: number): Promise<WriteResult | undefined> => {
    try {
      return await tryUpdate(core, request, key, rules, transform, taken);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      if (count >= maxAttempts)
        throw isStoreError(error, 'conflict') ? conflict(scope, scope.name, modifiedMessage) : storeFailure(error);
      if (error.code === 'exists' && error.key !== undefined && error.key !== key) taken.add(error.key);
      // somebody was faster: the transformation sees what they made
      else if (error.code !== 'conflict' && error.code !== 'exists' && error.code !== 'missing')
        throw storeFailure(error);
      return undefined;
    }
  };
  for (let count = 1; count <= freeAttempts; count++) {
    const result = await attempt(count);
    if (result) return result;
  }
  return core.turns.take(key, async () => {
    for (let count = freeAttempts + 1; ; count++) {
      const result = await attempt(count);
      if (result) return result;
    }
  });
}

/** Rejects with the StoreError of a lost race. */
async function tryUpdate(
  core: RegistryCore,
  request: WriteRequest,
  key: string,
  rules: UpdateRules,
  transform: Transform,
  taken: ReadonlySet<string>,
): Promise<WriteResult> {
  const { endpoint, scope } = request;
  request.late.length = 0;
  const entry = await core.store.get(key);
  if (!entry && !rules.allowCreate) throw notFound(scope, scope.name);
  const old = entry && objectOf(entry.value);
  if (rules.uid && rules.uid !== (old?.metadata?.uid ?? ''))
    throw uidConflict(request, key, rules.uid, old?.metadata?.uid ?? '');
  const object = await transform(old, entry);
  await admitUpdate(core, request, object, old);
  if (!entry || !old) return createInstead(core, request, object, taken);
  const prepared = await prepareUpdate(core, request, object, old, entry, taken);
  if (prepared.effect === 'none') return { code: 200, result: encodedOf(endpoint, entry.value) };
  if (request.dryRun) tryLateWrites(request.late);
  else {
    const [committed] = await commitWith(core, request.late, prepared.operations);
    if (prepared.effect === 'put') return { code: 200, result: encodedOf(endpoint, committed!.value) };
  }
  return { code: 200, result: uncommitted(endpoint, prepared.object) };
}

async function admitUpdate(
  core: RegistryCore,
  request: WriteRequest,
  object: UnknownObject,
  old: Readonly<UnknownObject> | undefined,
): Promise<void> {
  const pending = core.admission.admit(admissionAttributes(request, old ? 'UPDATE' : 'CREATE', object, old));
  if (typeof pending === 'boolean' ? pending : await pending) {
    fillDefaults(request, object);
    dropRepeatedOwners(metadataOf(object), ' after mutating admission happens', request.warn);
  }
}

/** PUT and apply may create, if the user may. */
async function createInstead(
  core: RegistryCore,
  request: WriteRequest,
  object: UnknownObject,
  taken: ReadonlySet<string>,
): Promise<WriteResult> {
  const { endpoint, scope } = request;
  const { user, group, version, resource, subresource, namespace, name } = scope;
  const { decision, reason } = await core.authorizer.authorize({
    user,
    verb: 'create',
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
  });
  if (decision !== 'allow') throw forbidden(scope, name, reason);
  const prepared = await prepareCreate(core, request, object, taken);
  if (request.dryRun) {
    tryLateWrites(request.late);
    return { code: 201, result: uncommitted(endpoint, prepared.object) };
  }
  try {
    const [entry] = await commitWith(core, request.late, prepared.operations);
    return { code: 201, result: encodedOf(endpoint, entry!.value) };
  } catch (error) {
    if (isStoreError(error, 'exists') && error.key === prepared.key && prepared.key !== keyOf(request))
      throw await existsError(core, request, prepared, error);
    throw error;
  }
}

export function keyOf({ endpoint, scope }: Pick<WriteRequest, 'endpoint' | 'scope'>): string {
  return endpoint.key(scope.namespace, scope.name);
}

function uidConflict({ scope }: WriteRequest, key: string, wanted: string, actual: string): Error {
  const etcdKey = `/registry/${key.slice(key.indexOf('/') + 1).replace('//', '/')}`;
  return conflict(
    scope,
    scope.name,
    `StorageError: invalid object, Code: 4, Key: ${etcdKey}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${actual}`,
  );
}
