/**
 * Removes what has lost its owners, and carries out the foreground and orphan ways of deletion. Level-based: a request names
 * one object, and what happens to it follows from its owner references, its finalizers and its dependents as they are now.
 */
import type { ObjectMeta, OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { ResourceType } from '@nodeless/client/client';
import {
  type Change,
  type Controller,
  type Lister,
  type ReconcileContext,
  type Request,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { followTypes, pathOf, refreshRequest } from './followed-types.ts';

type Type = ResourceType<UnknownObject>;
interface Found {
  readonly type: Type;
  readonly object: UnknownObject;
}

const foreground = 'foregroundDeletion';
const orphan = 'orphan';
/** UIDs remembered as gone, so that their dependents need not ask the API server one by one. */
const maxRemembered = 4096;
const parallel = 64;

/** 'waiting': it is being deleted in the foreground, once its dependents are gone. */
export type OwnerState = 'solid' | 'dangling' | 'waiting';

export type Verdict =
  | { readonly do: 'nothing' }
  | { readonly do: 'unlink'; readonly uids: readonly string[] }
  | { readonly do: 'delete'; readonly propagationPolicy: 'Foreground' | 'Background' | 'Orphan' };

/** What becomes of an object whose owners are in these states. */
export function planDependent(
  metadata: ObjectMeta,
  states: readonly { owner: OwnerReference; state: OwnerState }[],
  hasDependents: boolean,
): Verdict {
  if (states.length === 0 || metadata.deletionTimestamp) return { do: 'nothing' };
  const of = (state: OwnerState): OwnerReference[] => states.filter((s) => s.state === state).map((s) => s.owner);
  const gone = [...of('dangling'), ...of('waiting')];
  if (gone.length === 0) return { do: 'nothing' };
  if (of('solid').length > 0) return { do: 'unlink', uids: gone.map((o) => o.uid) };
  if (of('waiting').length > 0 && hasDependents) return { do: 'delete', propagationPolicy: 'Foreground' };
  if (metadata.finalizers?.includes(orphan)) return { do: 'delete', propagationPolicy: 'Orphan' };
  if (metadata.finalizers?.includes(foreground)) return { do: 'delete', propagationPolicy: 'Foreground' };
  return { do: 'delete', propagationPolicy: 'Background' };
}

/** `served`: every resource that can be listed, watched and deleted, one version each; another array once custom ones come or go. */
export function createGarbageCollector(served: () => readonly Type[]): Controller {
  const typeOf = ({ apiVersion, kind }: OwnerReference): Type | undefined => {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    return followed.byKind(group, kind);
  };
  const gone = new Set<string>();

  const remember = (uid: string): void => {
    gone.add(uid);
    if (gone.size > maxRemembered) gone.delete(gone.values().next().value as string);
  };

  const dependentsOf = async (uid: string, cache: Lister): Promise<Found[]> => {
    const found: Found[] = [];
    for (const type of followed.types()) {
      const owned = cache.ownedBy(type, uid);
      for (const object of owned instanceof Promise ? await owned : owned) found.push({ type, object });
    }
    return found;
  };

  const ownerObject = async (
    owner: OwnerReference,
    namespace: string | undefined,
    cache: Lister,
  ): Promise<UnknownObject | undefined> => {
    const type = typeOf(owner);
    const object =
      type && (await cache.get(type, { namespace: type.namespaced ? namespace : undefined, name: owner.name }));
    return object?.metadata?.uid === owner.uid ? object : undefined;
  };

  const stateOf = async (
    owner: OwnerReference,
    dependent: UnknownObject,
    { cache, client, log }: ReconcileContext,
  ): Promise<OwnerState> => {
    if (gone.has(owner.uid)) return 'dangling';
    const namespace = dependent.metadata?.namespace;
    let object = await ownerObject(owner, namespace, cache);
    if (!object) {
      const type = typeOf(owner);
      // A kind that is not served may be served later: only what is known to be gone is dangling.
      if (!type) return 'solid';
      if (type.namespaced && !namespace) {
        log.warn('a cluster-scoped object names a namespaced owner', {
          dependent: dependent.metadata?.name,
          owner: owner.name,
        });
        return 'solid';
      }
      try {
        object = await client.get(type, { namespace: type.namespaced ? namespace : undefined, name: owner.name });
      } catch (error) {
        if (isNotFound(error)) return 'dangling';
        throw error;
      }
      if (object.metadata?.uid !== owner.uid) return 'dangling';
    }
    return waitsForDependents(object) ? 'waiting' : 'solid';
  };

  const collect = async ({ type, object }: Found, context: ReconcileContext): Promise<void> => {
    const { client, cache } = context;
    const metadata = object.metadata ?? {};
    const { uid = '' } = metadata;
    if (metadata.deletionTimestamp && metadata.finalizers?.includes(orphan)) {
      await eachOf(await dependentsOf(uid, cache), (dependent) => unlink(dependent, [uid], context));
      return dropFinalizer(type, object, orphan, context);
    }
    if (waitsForDependents(object)) {
      const dependents = await dependentsOf(uid, cache);
      if (
        !dependents.some(({ object: dependent }) =>
          dependent.metadata?.ownerReferences?.some((o) => o.uid === uid && o.blockOwnerDeletion),
        )
      )
        return dropFinalizer(type, object, foreground, context);
      return eachOf(
        dependents.filter(({ object: dependent }) => !waitsForDependents(dependent)),
        (dependent) => collect(dependent, context),
      );
    }
    const owners = metadata.ownerReferences ?? [];
    if (owners.length === 0 || metadata.deletionTimestamp) return;
    const states = await Promise.all(
      owners.map(async (owner) => ({ owner, state: await stateOf(owner, object, context) })),
    );
    const dependents = states.some((s) => s.state === 'waiting') ? await dependentsOf(uid, cache) : [];
    const verdict = planDependent(metadata, states, dependents.length > 0);
    if (verdict.do === 'unlink') await unlink({ type, object }, verdict.uids, context);
    if (verdict.do !== 'delete') return;
    let { resourceVersion } = metadata;
    // A dependent that is being deleted in the foreground may be what our owner waits for, through a circle: let the owner go first.
    if (verdict.propagationPolicy === 'Foreground' && dependents.some((d) => waitsForDependents(d.object)))
      resourceVersion = await unblock(type, object, context);
    const deletion = client.delete(type, keyOf(object), {
      propagationPolicy: verdict.propagationPolicy,
      preconditions: { uid: metadata.uid, resourceVersion },
    });
    await ignoreMissing(deletion);
  };

  const requestFor = ({ type, object }: Found): Request => ({
    namespace: object.metadata?.namespace,
    name: `${pathOf(type)}/${object.metadata?.name}`,
  });

  const dependentsAndOwners = async (object: UnknownObject, cache: Lister): Promise<Request[]> => {
    const dependents = await dependentsOf(object.metadata?.uid ?? '', cache);
    return [...dependents.map(requestFor), ...(await waitingOwners(object, cache))];
  };

  /** Owners that wait in the foreground look again when one of their dependents is gone or let go of them. */
  const waitingOwners = async (object: UnknownObject, cache: Lister): Promise<Request[]> => {
    const found: Request[] = [];
    for (const owner of object.metadata?.ownerReferences ?? []) {
      const type = typeOf(owner);
      const one = await ownerObject(owner, object.metadata?.namespace, cache);
      if (type && one?.metadata?.deletionTimestamp) found.push(requestFor({ type, object: one }));
    }
    return found;
  };

  const ownersChanged = async (
    type: Type,
    { object, previous }: Change<UnknownObject>,
    cache: Lister,
  ): Promise<Request[]> => {
    const requests = previous ? await waitingOwners(previous, cache) : [];
    for (const owner of object.metadata?.ownerReferences ?? []) {
      const found = await ownerObject(owner, object.metadata?.namespace, cache);
      if (!found || found.metadata?.deletionTimestamp) return [...requests, requestFor({ type, object })];
    }
    return requests;
  };

  // Nearly every event is of no interest here: those are told from the others without a promise.
  const requests =
    (type: Type) =>
    (change: Change<UnknownObject>, cache: Lister): readonly Request[] | Promise<readonly Request[]> => {
      const { object, previous } = change;
      if (change.type === 'deleted') {
        remember(object.metadata?.uid ?? '');
        return dependentsAndOwners(object, cache);
      }
      const { deletionTimestamp, finalizers, ownerReferences } = object.metadata ?? {};
      if (deletionTimestamp && finalizers?.some((f) => f === foreground || f === orphan))
        return [requestFor({ type, object })];
      if (previous ? sameOwners(previous.metadata?.ownerReferences, ownerReferences) : !ownerReferences?.length)
        return [];
      return ownersChanged(type, change, cache);
    };

  const followed = followTypes(served, (type) => watchRule({ type, requests: requests(type) }));

  return {
    name: 'generic-garbage-collector',
    concurrency: 32,
    watches: followed.watches,
    async reconcile(request, context) {
      if (request.name === refreshRequest) return followed.refresh(context);
      const slash = request.name.lastIndexOf('/');
      const type = followed.byPath(request.name.slice(0, slash));
      if (!type) return {};
      const object = await context.cache.get(type, {
        namespace: request.namespace,
        name: request.name.slice(slash + 1),
      });
      if (object) await collect({ type, object }, context);
      return {};
    },
  };
}

const keyOf = ({ metadata }: UnknownObject): { namespace: string | undefined; name: string } => ({
  namespace: metadata?.namespace,
  name: metadata?.name ?? '',
});
const waitsForDependents = ({ metadata }: UnknownObject): boolean =>
  metadata?.deletionTimestamp !== undefined && metadata.finalizers?.includes(foreground) === true;

function sameOwners(a: readonly OwnerReference[] = [], b: readonly OwnerReference[] = []): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every((owner, i) => owner.uid === b[i]?.uid && owner.blockOwnerDeletion === b[i]?.blockOwnerDeletion))
  );
}

/** Many at a time, so that they share commits. The first error is thrown once all have ended. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: unknown;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++] as T).catch((error: unknown) => (failure ??= error));
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  if (failure !== undefined) throw failure as Error;
}

async function unlink({ type, object }: Found, uids: readonly string[], context: ReconcileContext): Promise<void> {
  const ownerReferences = (object.metadata?.ownerReferences ?? []).filter((o) => !uids.includes(o.uid));
  await patchMetadata(type, object, { ownerReferences: ownerReferences.length > 0 ? ownerReferences : null }, context);
}

async function unblock(type: Type, object: UnknownObject, context: ReconcileContext): Promise<string | undefined> {
  const ownerReferences = (object.metadata?.ownerReferences ?? []).map((o) => ({ ...o, blockOwnerDeletion: false }));
  return (await patchMetadata(type, object, { ownerReferences }, context))?.metadata?.resourceVersion;
}

async function dropFinalizer(
  type: Type,
  object: UnknownObject,
  finalizer: string,
  context: ReconcileContext,
): Promise<void> {
  const finalizers = (object.metadata?.finalizers ?? []).filter((f) => f !== finalizer);
  await patchMetadata(type, object, { finalizers: finalizers.length > 0 ? finalizers : null }, context);
}

/** undefined: it is gone. */
async function patchMetadata(
  type: Type,
  object: UnknownObject,
  change: object,
  { client }: ReconcileContext,
): Promise<UnknownObject | undefined> {
  const { uid, resourceVersion } = object.metadata ?? {};
  return ignoreMissing(client.patch(type, keyOf(object), 'merge', { metadata: { uid, resourceVersion, ...change } }));
}

async function ignoreMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return undefined;
  }
}
