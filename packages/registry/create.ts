import type { UnknownObject } from '@nodeless/apimachinery/object';
import { ApiError, alreadyExists } from '@nodeless/apimachinery/status';
import { type StoreError, isStoreError } from '@nodeless/store/store';
import { decodeBody } from './body-decoder.ts';
import type { RegistryCore } from './core.ts';
import { encodedOf, uncommitted } from './encoded.ts';
import { trackUpdate } from './managed-fields.ts';
import { dropRepeatedOwners, matchNamespace, metadataOf, wipeSystemFields } from './object-meta.ts';
import { checkWriteOptions } from './options-validation.ts';
import { type Prepared, prepareCreate } from './prepare-create.ts';
import type { RequestBody, RequestScope, WriteResult } from './registry.ts';
import { commitWith, tryLateWrites } from './related-writes.ts';
import { objectRevision } from './revisions.ts';
import { objectOf } from './stored-value.ts';
import { storeFailure } from './store-errors.ts';
import { type WriteRequest, admissionAttributes, beginWrite } from './write-request.ts';

/** How often another generated name is tried before a client hears that it exists. */
const maxNameAttempts = 8;
/** Allocations that collide are tried again with what is taken left out; so many times means that nothing is free. */
const maxAllocationAttempts = 64;

export async function create(core: RegistryCore, scope: RequestScope, body: RequestBody): Promise<WriteResult> {
  const endpoint = core.endpoints.of(scope);
  checkWriteOptions('CreateOptions', scope);
  const request = beginWrite(scope, endpoint, () => core.clock.now());
  const taken = new Set<string>();
  for (let names = 1, allocations = 1; ;) {
    request.late.length = 0;
    const object = decodeNew(request, body);
    const { name, generateName } = metadataOf(object);
    const isGenerated = !name && generateName !== undefined && generateName !== '';
    const sentRevision = object.metadata?.resourceVersion;
    await admitNew(core, request, object);
    const prepared = await prepareCreate(core, request, object, taken);
    if (objectRevision(sentRevision) !== 0) {
      throw new ApiError({ code: 500, message: 'resourceVersion should not be set on objects to be created' });
    }
    if (request.dryRun) return await dryRunResult(core, request, prepared);
    try {
      const [entry] = await commitWith(core, request.late, prepared.operations);
      return { code: 201, result: encodedOf(endpoint, entry!.value) };
    } catch (error) {
      if (
        isStoreError(error) &&
        error.key !== undefined &&
        error.key !== prepared.key &&
        allocations++ < maxAllocationAttempts
      ) {
        if (error.code === 'exists') taken.add(error.key);
        continue;
      }
      if (!isStoreError(error, 'exists')) throw storeFailure(error);
      if (isGenerated && names++ < maxNameAttempts) continue;
      throw await existsError(core, request, prepared, error);
    }
  }
}

/** A new object of the storage version, its defaults filled. */
export function decodeNew(request: WriteRequest, body: RequestBody): UnknownObject {
  const { endpoint, scope } = request;
  const object = endpoint.toStorage(decodeBody(body, endpoint.served, request));
  endpoint.strategy.default?.(object);
  const metadata = metadataOf(object);
  wipeSystemFields(metadata);
  matchNamespace(metadata, endpoint.served.namespaced, scope.namespace);
  dropRepeatedOwners(metadata, '', request.warn);
  return object;
}

async function admitNew(core: RegistryCore, request: WriteRequest, object: UnknownObject): Promise<void> {
  trackUpdate(request, undefined, object);
  const pending = core.admission.admit(admissionAttributes(request, 'CREATE', object, undefined));
  if (typeof pending === 'boolean' ? pending : await pending) {
    request.endpoint.strategy.default?.(object);
    dropRepeatedOwners(metadataOf(object), ' after mutating admission happens', request.warn);
  }
}

async function dryRunResult(core: RegistryCore, request: WriteRequest, prepared: Prepared): Promise<WriteResult> {
  if (await core.store.get(prepared.key)) throw await existsError(core, request, prepared);
  tryLateWrites(request.late);
  return { code: 201, result: uncommitted(request.endpoint, prepared.object) };
}

export async function existsError(
  core: RegistryCore,
  { scope }: WriteRequest,
  { key, object }: Prepared,
  cause?: StoreError,
): Promise<ApiError> {
  const error = alreadyExists(scope, object.metadata?.name ?? '');
  const current = cause?.current ?? (await core.store.get(key));
  if (!current || objectOf(current.value).metadata?.deletionTimestamp === undefined) return error;
  const { code, reason, message, details } = error.status;
  return new ApiError({ code: code ?? 409, reason, message: `object is being deleted: ${message}`, details });
}
