/**
 * Removes what has lost its owners, and carries out the foreground and orphan ways of deletion. Level-based: a request names
 * one object, and what happens to it follows from its owner references, its finalizers and its dependents as they are now.
 */
import type { ObjectMeta, OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import { apiVersionOf, type UnknownObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { ResourceType } from '@nodeless/client/client';
import { type Change, type Controller, type Lister, type ReconcileContext, type Request, watchRule } from '@nodeless/controller-runtime/controller';

type Type = ResourceType<UnknownObject>;

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

export type OwnerState = 'solid' | 'dangling' | 'waiting';

export type Verdict =
  | { readonly do: 'nothing' }
  | { readonly do: 'unlink'; readonly uids: readonly string[] }
  | { readonly do: 'delete'; readonly propagationPolicy: 'Foreground' | 'Background' | 'Orphan' };

/** What becomes of an object whose owners are in these states. */
export function planDependent(metadata: ObjectMeta, states: readonly { owner: OwnerReference; state: OwnerState }[], hasDependents: boolean): Verdict {
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

/** `types`: every served resource that can be listed, watched and deleted, one version each. */
export function createGarbageCollector(types: readonly Type[]): Controller {
  const byKind = new Map(types.map((type) => [`${apiVersionOf(type)}/${type.kind}`, type]));
  const byGroupKind = new Map(types.map((type) => [`${type.group}/${type.kind}`, type]));
  const byPath = new Map(types.map((type) => [pathOf(type), type]));
  const typeOf = ({ apiVersion, kind }: OwnerReference): Type | undefined => byKind.get(`${apiVersion}/${kind}`) ?? byGroupKind.get(`${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''}/${kind}`);

  const dependentsOf = async (uid: string, cache: Lister): Promise<{ type: Type; object: UnknownObject }[]> => {
    const found: { type: Type; object: UnknownObject }[] = [];
    for (const type of types) for (const object of await cache.ownedBy(type, uid)) found.push({ type, object });
    return found;
  };

  const ownerObject = async (owner: OwnerReference, namespace: string | undefined, cache: Lister): Promise<UnknownObject | undefined> => {
    const type = typeOf(owner);
    const object = type && (await cache.get(type, { namespace: type.namespaced ? namespace : undefined, name: owner.name }));
    return object?.metadata?.uid === owner.uid ? object : undefined;
  };

  const stateOf = async (owner: OwnerReference, dependent: UnknownObject, { cache, client, log }: ReconcileContext): Promise<OwnerState> => {
    const namespace = dependent.metadata?.namespace;
    let object = await ownerObject(owner, namespace, cache);
    if (!object) {
      const type = typeOf(owner);
      // A kind that is not served may be served later: only what is known to be gone is dangling.
      if (!type) return 'solid';
      if (type.namespaced && !namespace) {
        log.warn('a cluster-scoped object names a namespaced owner', { dependent: dependent.metadata?.name, owner: owner.name });
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
    const waits = object.metadata?.deletionTimestamp && object.metadata.finalizers?.includes(foreground);
    return waits && owner.blockOwnerDeletion ? 'waiting' : 'solid';
  };

  const collect = async (type: Type, object: UnknownObject, context: ReconcileContext): Promise<void> => {
    const { client, cache } = context;
    const metadata = object.metadata ?? {};
    const key = { namespace: metadata.namespace, name: metadata.name ?? '' };
    if (metadata.deletionTimestamp && metadata.finalizers?.includes(orphan)) {
      for (const { type: dependentType, object: dependent } of await dependentsOf(metadata.uid ?? '', cache)) await unlink(dependentType, dependent, [metadata.uid ?? ''], context);
      await dropFinalizer(type, object, orphan, context);
      return;
    }
    if (metadata.deletionTimestamp && metadata.finalizers?.includes(foreground)) {
      const dependents = await dependentsOf(metadata.uid ?? '', cache);
      const blocking = dependents.filter(({ object: dependent }) => dependent.metadata?.ownerReferences?.some((o) => o.uid === metadata.uid && o.blockOwnerDeletion));
      if (blocking.length === 0) await dropFinalizer(type, object, foreground, context);
      // Dependents that do not block are collected once their owner is gone.
      for (const dependent of blocking) await collect(dependent.type, dependent.object, context);
      return;
    }
    const owners = metadata.ownerReferences ?? [];
    const states = await Promise.all(owners.map(async (owner) => ({ owner, state: await stateOf(owner, object, context) })));
    const hasDependents = states.some((s) => s.state === 'waiting') && (await dependentsOf(metadata.uid ?? '', cache)).length > 0;
    const verdict = planDependent(metadata, states, hasDependents);
    if (verdict.do === 'unlink') await unlink(type, object, verdict.uids, context);
    if (verdict.do !== 'delete') return;
    try {
      const preconditions = { uid: metadata.uid, resourceVersion: metadata.resourceVersion };
      await client.delete(type, key, { propagationPolicy: verdict.propagationPolicy, preconditions });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  const requestFor = (type: Type, { metadata }: UnknownObject): Request => ({ namespace: metadata?.namespace, name: `${pathOf(type)}/${metadata?.name}` });

  const requests = (type: Type) => async (change: Change<UnknownObject>, cache: Lister): Promise<readonly Request[]> => {
    const { metadata } = change.object;
    if (change.type === 'deleted') {
      const dependents = await dependentsOf(metadata?.uid ?? '', cache);
      // An owner that waits in the foreground looks again when one of its dependents is gone.
      const waiting = await waitingOwners(change.object, cache);
      return [...dependents.map((d) => requestFor(d.type, d.object)), ...waiting];
    }
    if (metadata?.deletionTimestamp && metadata.finalizers?.some((f) => f === foreground || f === orphan)) return [requestFor(type, change.object)];
    const owners = metadata?.ownerReferences;
    if (!owners?.length) return change.previous?.metadata?.ownerReferences?.length ? waitingOwners(change.previous, cache) : [];
    if (change.previous && change.previous.metadata?.ownerReferences?.length === owners.length && !changedOwners(change.previous, change.object)) return [];
    for (const owner of owners) {
      const found = await ownerObject(owner, metadata?.namespace, cache);
      if (!found || found.metadata?.deletionTimestamp) return [requestFor(type, change.object)];
    }
    return [];
  };

  const waitingOwners = async (object: UnknownObject, cache: Lister): Promise<Request[]> => {
    const found: Request[] = [];
    for (const owner of object.metadata?.ownerReferences ?? []) {
      const type = typeOf(owner);
      const one = await ownerObject(owner, object.metadata?.namespace, cache);
      if (type && one?.metadata?.deletionTimestamp) found.push(requestFor(type, one));
    }
    return found;
  };

  return {
    name: 'generic-garbage-collector',
    concurrency: 32,
    watches: types.map((type) => watchRule({ type, requests: requests(type) })),
    async reconcile(request, context) {
      const slash = request.name.lastIndexOf('/');
      const type = byPath.get(request.name.slice(0, slash));
      if (!type) return;
      const key = { namespace: request.namespace, name: request.name.slice(slash + 1) };
      const object = await context.cache.get(type, key);
      if (object) await collect(type, object, context);
    },
  };
}

const pathOf = (type: Type): string => `${type.group}/${type.version}/${type.resource}`;

function changedOwners(before: UnknownObject, after: UnknownObject): boolean {
  return JSON.stringify(before.metadata?.ownerReferences) !== JSON.stringify(after.metadata?.ownerReferences);
}

async function unlink(type: Type, { metadata }: UnknownObject, uids: readonly string[], { client }: ReconcileContext): Promise<void> {
  const ownerReferences = (metadata?.ownerReferences ?? []).filter((o) => !uids.includes(o.uid));
  const body = { metadata: { uid: metadata?.uid, resourceVersion: metadata?.resourceVersion, ownerReferences: ownerReferences.length ? ownerReferences : null } };
  await ignoreMissing(client.patch(type, { namespace: metadata?.namespace, name: metadata?.name ?? '' }, 'merge', body));
}

async function dropFinalizer(type: Type, { metadata }: UnknownObject, finalizer: string, { client }: ReconcileContext): Promise<void> {
  const finalizers = (metadata?.finalizers ?? []).filter((f) => f !== finalizer);
  const body = { metadata: { resourceVersion: metadata?.resourceVersion, finalizers: finalizers.length ? finalizers : null } };
  await ignoreMissing(client.patch(type, { namespace: metadata?.namespace, name: metadata?.name ?? '' }, 'merge', body));
}

async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
