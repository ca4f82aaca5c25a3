/** What a delete does to an object: goes at once, later, or when its finalizers are done (registry/rest/delete.go, generic/registry/store.go). */
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type ApiError, conflict } from '@nodeless/apimachinery/status';
import { cleanupFinalizer, isDefinitions, terminateDefinition } from './definition-deletion.ts';
import { hasNamespaceFinalizers, isNamespaces, terminateNamespace } from './namespace-deletion.ts';
import type { DeleteOptions } from './registry.ts';
import type { ServedResource } from './resource-table.ts';
import type { KindStrategy } from './strategy.ts';

export type DeletionPlan =
  /** Remove it from the store; `object` is its last state where that differs from the stored one. */
  | { readonly type: 'remove'; readonly object: UnknownObject | undefined }
  /** Store this state: it is now being deleted. */
  | { readonly type: 'mark'; readonly object: UnknownObject }
  /** Nothing to do: it is being deleted already. */
  | { readonly type: 'pending' };

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/** Pure; `object` is frozen, the plan's objects are new and share its parts. Options have been checked. `now` in ms. */
export function planDeletion(
  object: Readonly<UnknownObject>,
  options: DeleteOptions,
  strategy: KindStrategy,
  served: Pick<ServedResource, 'group' | 'resource'>,
  now: number,
): DeletionPlan {
  if (isNamespaces(served) && (object.metadata?.deletionTimestamp === undefined || hasNamespaceFinalizers(object))) {
    // its contents go first: the namespace controller takes the finalizer away
    if (object.metadata?.deletionTimestamp !== undefined) return { type: 'pending' };
    const metadata: ObjectMeta = { ...object.metadata, deletionTimestamp: timestamp(now) };
    setFinalizers(metadata, finalizersFor(metadata.finalizers ?? [], options, strategy));
    return { type: 'mark', object: terminateNamespace({ ...object, metadata }) };
  }
  if (isDefinitions(served) && object.metadata?.deletionTimestamp === undefined) {
    // its objects go first: the controller of definitions takes the finalizer away
    const { finalizers = [] } = object.metadata ?? {};
    const metadata: ObjectMeta = {
      ...object.metadata,
      deletionTimestamp: timestamp(now),
      deletionGracePeriodSeconds: 0,
    };
    const own = finalizers.includes(cleanupFinalizer) ? finalizers : [...finalizers, cleanupFinalizer];
    setFinalizers(metadata, finalizersFor(own, options, strategy));
    return { type: 'mark', object: terminateDefinition({ ...object, metadata }, timestamp(now)) };
  }
  const metadata: ObjectMeta = { ...object.metadata };
  const grace = planGrace(object, metadata, options, strategy, now);
  if (grace === 'pending') return { type: 'pending' };
  setFinalizers(metadata, finalizersFor(metadata.finalizers ?? [], options, strategy));
  const marked: UnknownObject = { ...object, metadata };
  if ((metadata.finalizers?.length ?? 0) > 0) {
    if (grace === undefined) markAsDeleting(metadata, now);
    return { type: 'mark', object: marked };
  }
  if (grace !== undefined && grace > 0) return { type: 'mark', object: marked };
  return { type: 'remove', object: grace === undefined ? undefined : marked };
}

/**
 * Sets deletion timestamp and grace period as graceful deletion wants them. The seconds; undefined where the object
 * is not deleted gracefully; 'pending' where an earlier delete already gives it no longer to live.
 */
function planGrace(
  object: Readonly<UnknownObject>,
  metadata: ObjectMeta,
  options: DeleteOptions,
  { gracefulDeletion }: KindStrategy,
  now: number,
): number | 'pending' | undefined {
  if (!gracefulDeletion) return undefined;
  // negative means one second
  const requested =
    options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  const current = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp !== undefined) {
    if (!current) return undefined;
    if (requested === undefined || requested >= current) return 'pending';
    const due = Date.parse(metadata.deletionTimestamp) + (requested - current) * 1000;
    metadata.deletionTimestamp = timestamp(due);
    metadata.deletionGracePeriodSeconds = requested;
    return requested;
  }
  const seconds = gracefulDeletion.gracePeriodSeconds(object, requested);
  metadata.deletionTimestamp = timestamp(now + seconds * 1000);
  metadata.deletionGracePeriodSeconds = seconds;
  if (metadata.generation) metadata.generation += 1;
  return seconds;
}

/** What waits for finalizers but has no grace period of its own. */
function markAsDeleting(metadata: ObjectMeta, now: number): void {
  if (metadata.deletionTimestamp === undefined && metadata.generation) metadata.generation += 1;
  if (metadata.deletionTimestamp === undefined || Date.parse(metadata.deletionTimestamp) > now)
    metadata.deletionTimestamp = timestamp(now);
  metadata.deletionGracePeriodSeconds = 0;
}

/** The garbage collector's finalizers come and go with the propagation policy. */
function finalizersFor(current: readonly string[], options: DeleteOptions, strategy: KindStrategy): readonly string[] {
  const wanted = propagationOf(current, options, strategy);
  const others = current.filter((f) => f !== orphanFinalizer && f !== foregroundFinalizer);
  const next =
    wanted === 'Orphan'
      ? [...others, orphanFinalizer]
      : wanted === 'Foreground'
        ? [...others, foregroundFinalizer]
        : others;
  return next.length === current.length && next.every((f) => current.includes(f)) ? current : next;
}

function propagationOf(current: readonly string[], options: DeleteOptions, strategy: KindStrategy): string {
  if (strategy.defaultPropagation === 'Unsupported') return 'Background';
  if (options.orphanDependents !== undefined) return options.orphanDependents ? 'Orphan' : 'Background';
  if (options.propagationPolicy !== undefined) return options.propagationPolicy;
  if (current.includes(orphanFinalizer)) return 'Orphan';
  if (current.includes(foregroundFinalizer)) return 'Foreground';
  return strategy.defaultPropagation ?? 'Background';
}

function setFinalizers(metadata: ObjectMeta, finalizers: readonly string[]): void {
  if (finalizers.length === 0) delete metadata.finalizers;
  else metadata.finalizers = finalizers as string[];
}

/** The object has been waiting for its last finalizer, and this update takes it away. */
export function isDeletedByUpdate(
  object: Readonly<UnknownObject>,
  old: Readonly<UnknownObject>,
  served: Pick<ServedResource, 'group' | 'resource'>,
): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata ?? {};
  if (deletionTimestamp === undefined || (object.metadata?.finalizers?.length ?? 0) > 0 || deletionGracePeriodSeconds)
    return false;
  return !isNamespaces(served) || !hasNamespaceFinalizers(object);
}

/** @throws ApiError 409 */
export function checkPreconditions(
  object: Readonly<UnknownObject>,
  options: DeleteOptions,
  { kind, group }: Pick<ServedResource, 'kind' | 'group'>,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { name = '', uid: actualUid = '', resourceVersion: actualVersion = '' } = object.metadata ?? {};
  const refuse = (cause: string): ApiError => conflict({ group, resource: kind }, name, cause);
  if (uid !== undefined && uid !== actualUid) {
    throw refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${actualUid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== actualVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${actualVersion}). The object might have been modified`,
    );
  }
}

/** RFC 3339 in seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Kinds whose delete answers with the object and not with a Status (ReturnDeletedObject in upstream's storage). */
export function returnsDeletedObject({ group, resource }: Pick<ServedResource, 'group' | 'resource'>): boolean {
  return returningDeleted.has(`${group}/${resource}`);
}
const returningDeleted = new Set([
  '/namespaces',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/serviceaccounts',
  '/services',
  'apiextensions.k8s.io/customresourcedefinitions',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourceslices',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
]);
