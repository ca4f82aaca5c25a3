/**
 * How controllers, the scheduler and the virtual kubelet see the cluster, and nothing else of it.
 * Two implementations: http (http-client.ts) and inline (registry/inline-client.ts: straight into the API
 * server's pipeline as a named user, objects in and out, no JSON). Contract suite: test/contract/client.ts.
 *
 * Objects returned or delivered are frozen and shared: never change them. Objects passed in are not kept or
 * changed by the client. Errors are ApiError (apimachinery/status.ts) with kube-apiserver's reasons.
 */
import type { GroupVersionResource, KubernetesObject } from '@nodeless/apimachinery/object';

/** Names a resource and the type of its objects: `resource<Pod>('', 'v1', 'pods', 'Pod')`. */
export interface ResourceType<T extends KubernetesObject> extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
  /** Type carrier only; never set. */
  readonly __object?: T;
}

export interface ObjectKey {
  /** Absent or '' for cluster-scoped resources. */
  readonly namespace?: string;
  readonly name: string;
}

export interface ListQuery {
  /** Absent = all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

export interface List<T> {
  readonly items: readonly T[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  /** 'status', 'scale', 'binding', 'eviction', 'token', 'finalize', … */
  readonly subresource?: string;
}

export type PatchType = 'json' | 'merge' | 'strategic';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface WatchQuery {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this one; absent or '' = a synthetic ADDED for everything that exists, then changes. */
  readonly resourceVersion?: string;
}

export interface WatchHandler<T> {
  /** In order of revision. Must not throw and must be cheap. */
  onEvent(event: WatchEvent<T>): void;
  /** The watch ended: an ApiError (410 Expired: list again), or undefined when it may simply be resumed. At most once. */
  onEnd(error: Error | undefined): void;
}

export interface Watch {
  /** Idempotent; nothing is delivered after it. */
  stop(): void;
}

export interface Client {
  get<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options?: { subresource?: string },
  ): Promise<T>;
  list<T extends KubernetesObject>(type: ResourceType<T>, query?: ListQuery): Promise<List<T>>;
  /**
   * Creates. With a subresource (binding, eviction, token) the object is that subresource's kind, `metadata.name` names
   * the parent, and the answer is what the subresource answers.
   */
  create<T extends KubernetesObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces; conflicts when the object carries a resourceVersion that is not current. */
  update<T extends KubernetesObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patchType: PatchType,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<T>;
  /** Server-side apply. `fieldManager` is required. */
  apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions & { fieldManager: string; force?: boolean },
  ): Promise<T>;
  delete<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  deleteCollection<T extends KubernetesObject>(
    type: ResourceType<T>,
    query: ListQuery,
    options?: DeleteOptions,
  ): Promise<void>;
  watch<T extends KubernetesObject>(type: ResourceType<T>, query: WatchQuery, handler: WatchHandler<T>): Watch;
}

export function resourceType<T extends KubernetesObject>(
  group: string,
  version: string,
  resource: string,
  kind: string,
  namespaced = true,
): ResourceType<T> {
  return { group, version, resource, kind, namespaced };
}
