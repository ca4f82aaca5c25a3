import { ApiError, badRequest, notFound } from '@nodeless/apimachinery/status';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import { type Entry, type Page, type Revision, isStoreError } from '@nodeless/store/store';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.ts';
import type { RegistryCore } from './core.ts';
import { encodedOf, listOf } from './encoded.ts';
import type { Endpoint } from './endpoint.ts';
import { checkListOptions } from './options-validation.ts';
import type { Encoded, GetOptions, List, ListOptions, RequestScope } from './registry.ts';
import { parseRevision, tooLargeRevision } from './revisions.ts';
import { type Selection, selectionOf } from './selection.ts';
import { storeFailure } from './store-errors.ts';

export async function get(core: RegistryCore, scope: RequestScope, options?: GetOptions): Promise<Encoded> {
  const endpoint = core.endpoints.of(scope);
  return encodedOf(endpoint, (await getEntry(core, scope, endpoint, options)).value);
}

export async function getEntry(
  core: RegistryCore,
  scope: RequestScope,
  endpoint: Endpoint,
  options?: GetOptions,
): Promise<Entry> {
  const wanted = options?.resourceVersion ? parseRevision(options.resourceVersion) : undefined;
  if (wanted) await reached(core, endpoint, wanted, options?.resourceVersion ?? '');
  const key = endpoint.key(scope.namespace, scope.name);
  let entry: Entry | undefined;
  try {
    entry = await core.store.get(key);
  } catch (error) {
    throw storeFailure(error);
  }
  if (entry) return entry;
  const wrong = isPathSegmentName(scope.name);
  if (wrong.length > 0) throw badRequest(`Name parameter invalid: ${JSON.stringify(scope.name)}: ${wrong.join(';')}`);
  throw notFound(scope, scope.name);
}

/** Everything here is current, so a revision that is not reached now will not be by waiting. */
async function reached(core: RegistryCore, endpoint: Endpoint, wanted: Revision, asked: string): Promise<void> {
  const current = await core.store.revision(endpoint.storage.prefix);
  if (wanted > current) throw tooLargeRevision(asked, current);
}

export async function list(core: RegistryCore, scope: RequestScope, options: ListOptions = {}): Promise<List> {
  const endpoint = core.endpoints.of(scope);
  const selection = selectionOf(endpoint, scope, options);
  checkListOptions(options);
  const request = listRequest(options);
  if (request.notOlderThan) await reached(core, endpoint, request.notOlderThan, options.resourceVersion ?? '');
  const page = await readPage(core, endpoint, selection, request, options);
  const last = page.entries.at(-1);
  const more = request.limit !== undefined && page.more && last !== undefined;
  return listOf(
    endpoint,
    {
      resourceVersion: String(page.revision),
      ...(more && {
        continue: encodeContinue({ revision: page.revision, start: last.key.slice(endpoint.storage.prefix.length) }),
      }),
      ...(more &&
        selection.filter === undefined &&
        page.remaining !== undefined &&
        page.remaining > 0 && { remainingItemCount: page.remaining }),
    },
    page.entries.map((entry) => encodedOf(endpoint, entry.value)),
  );
}

interface ListRequest {
  readonly limit: number | undefined;
  readonly token: ContinueToken | undefined;
  /** Exactly this revision. */
  readonly at: Revision | undefined;
  readonly notOlderThan: Revision | undefined;
}

/** How the parameters work together: https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list */
function listRequest(options: ListOptions): ListRequest {
  const wanted = listRevision(options.resourceVersion);
  // any revision is answered from the cache, which does not page
  const limit = options.limit !== undefined && options.limit > 0 && wanted !== 0 ? options.limit : undefined;
  if (options.continue) {
    const token = decodeContinue(options.continue);
    if (wanted) throw badRequest('specifying resource version is not allowed when using continue');
    return { limit, token, at: token.revision > 0 ? token.revision : undefined, notOlderThan: undefined };
  }
  if (!wanted) return { limit, token: undefined, at: undefined, notOlderThan: undefined };
  const isExact = options.resourceVersionMatch === 'Exact' || (!options.resourceVersionMatch && limit !== undefined);
  return { limit, token: undefined, at: isExact ? wanted : undefined, notOlderThan: wanted };
}

function listRevision(text: string | undefined): Revision | undefined {
  try {
    return parseRevision(text);
  } catch (error) {
    throw error instanceof ApiError ? badRequest(`invalid resource version: ${error.message}`) : error;
  }
}

/** No store begins below it: revisions have sixteen digits. */
const firstRevision = 1e15;

async function readPage(
  core: RegistryCore,
  endpoint: Endpoint,
  selection: Selection,
  request: ListRequest,
  options: ListOptions,
): Promise<Page> {
  // before the first of all revisions there was nothing, and that cannot be forgotten
  if (request.at !== undefined && request.at < firstRevision)
    return { entries: [], revision: request.at, more: false, remaining: 0 };
  const after = request.token && `${endpoint.storage.prefix}${request.token.start}`;
  try {
    return await core.store.list(selection.range, {
      limit: request.limit,
      after,
      at: request.at,
      filter: selection.filter,
    });
  } catch (error) {
    if (isStoreError(error, 'future') && request.at !== undefined) {
      throw tooLargeRevision(options.resourceVersion || request.at, await core.store.revision(endpoint.storage.prefix));
    }
    if (isStoreError(error, 'compacted') && request.token) throw expiredToken(request.token);
    throw storeFailure(error);
  }
}

/** 410, with a token that goes on from the same place in the current state. */
function expiredToken(token: ContinueToken): ApiError {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
  const error = new ApiError({ code: 410, reason: 'Expired', message });
  error.status.metadata = { continue: encodeContinue({ revision: -1, start: token.start }) };
  return error;
}
