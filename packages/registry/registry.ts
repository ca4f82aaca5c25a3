/**
 * The API server's heart, without a transport: what the HTTP door (lambdas/apiserver) and the inline client call.
 * The caller has authenticated and authorized the request; the registry decodes, defaults, admits, validates and
 * commits. It asks the authorizer only for what a request implies (PUT that creates, per-object deletes need nothing).
 *
 * Errors of every method: ApiError, worded as kube-apiserver's. Objects and bytes handed out are shared and frozen.
 */
import type { JsonDocument } from '@nodeless/apimachinery/json';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ApiError } from '@nodeless/apimachinery/status';
import type { AdmissionReader } from './admission/admission.ts';
import type { ResourceTable, ServedResource } from './resource-table.ts';
import type { UserInfo } from './strategy.ts';

/** Who asks for what. One object a request; the registry keeps none of it. */
export interface RequestScope {
  readonly user: UserInfo;
  readonly group: string;
  readonly version: string;
  /** Plural: `pods`. */
  readonly resource: string;
  /** '' or `status`, `scale`, `binding`, `eviction`, `token`, `finalize`, `approval`, `ephemeralcontainers`, `resize`, … */
  readonly subresource: string;
  /** '' for cluster-scoped resources and for requests over all namespaces. */
  readonly namespace: string;
  /** '' for collections. */
  readonly name: string;
  /** The `dryRun` values as sent; checked here (`["All"]` is the only good one). Deletes have it in DeleteOptions and ignore this. */
  readonly dryRun?: readonly string[];
  /** As sent; checked here. Absent: made from `userAgent` as upstream does (the part before the first slash). */
  readonly fieldManager?: string;
  /** `Ignore`, `Warn` (what absent means) or `Strict`, as sent; checked here. */
  readonly fieldValidation?: string;
  readonly userAgent: string;
  /** A text for the Warning header. */
  warn(text: string): void;
  /** An annotation for the audit event. */
  annotate(key: string, value: string): void;
}

/** What a client sent as a body. Lazy, so that bad options are found before a bad body, as upstream does. */
export type RequestBody =
  /** From the wire. */
  | {
      readonly form: 'wire';
      /**
       * The body as a JSON value: parsed JSON, YAML made into JSON, protobuf decoded. Called again, for a fresh value, when
       * the write is tried again. Throws JsonSyntaxError for bad JSON and any other Error with Go's message for bad YAML or
       * protobuf; the registry puts its words around them.
       */
      read(): WireValue;
      /** The bytes that were sent: error messages quote their beginning. */
      readonly raw?: Uint8Array;
    }
  /** From this process: an object of the request's version; trusted to have the right field types. Not kept, not changed. */
  | { readonly form: 'object'; readonly object: Readonly<UnknownObject> };

/** As parsed by apimachinery/json.ts (`literals` and `duplicates` empty where there are none). It may be wrong-typed anywhere. */
export interface WireValue extends JsonDocument {
  /** What YAML's parser found wrong with the text besides, one line each: `line 3: key "data" already set in map`. */
  readonly problems?: readonly string[];
}

/** A result, made into bytes or an object when asked for, once. */
export interface Encoded {
  /** Wire JSON of the version asked for, without a trailing newline. Stored bytes are passed through where they can be. */
  bytes(): Uint8Array;
  /** The same, frozen. No JSON is parsed when the object was written by this process. */
  object(): Readonly<UnknownObject>;
  /** The storage version of it, which table printers read. */
  stored(): Readonly<UnknownObject>;
  /**
   * An item of a list carries no kind and apiVersion: its JSON is `{` followed by `bytes().subarray(itemOffset())`.
   * List.chunks() does it.
   */
  itemOffset(): number;
}

/** GET of one object. */
export interface GetOptions {
  /** '' or absent: most recent. '0': any. Else not older than this. */
  readonly resourceVersion?: string;
}

/** As sent by the client (numbers parsed by the door); combinations are checked here, `ListOptions.meta.k8s.io "" is invalid: …`. */
export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  /** Watches only: */
  readonly sendInitialEvents?: boolean;
  readonly allowWatchBookmarks?: boolean;
  /** Watches: the stream ends after so many seconds (with a bookmark before, if allowed). Absent: it does not end by itself. */
  readonly timeoutSeconds?: number;
}

/** metav1.DeleteOptions as decoded from body or query by the door; checked here. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: string;
  readonly dryRun?: readonly string[];
}

export interface List {
  /** The list's own kind and apiVersion (`ConfigMapList`, `v1`). */
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly Encoded[];
  /** The whole wire JSON in pieces, in order: header, items with separators, footer. Nothing is parsed or copied. */
  chunks(): Iterable<Uint8Array>;
}

export interface WriteResult {
  /** 201 created, 200 otherwise, 202 for a delete that goes on in the background. */
  readonly code: 200 | 201 | 202;
  /** The object, or a Status (most deletes, bindings, evictions). */
  readonly result: Encoded;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface PatchOptions {
  readonly type: PatchType;
  /** Apply only. */
  readonly force?: boolean;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

export interface WatchEvent {
  readonly type: WatchEventType;
  readonly object: Encoded;
  /** `{"type":"MODIFIED","object":…}\n`: made once for all watchers of a version that get this type of event. Shared. */
  frame(): Uint8Array;
}

export interface WatchSink {
  /** In order of revision; called synchronously from the commit, never re-entered. Must not throw and must be cheap: it queues. */
  onEvents(events: readonly WatchEvent[]): void;
  /**
   * The stream is over; nothing follows. With an error the door writes `{"type":"ERROR","object":<its status>}` first
   * (410 Expired). undefined: time is up or the registry closes. At most once, not after stop().
   */
  onEnd(error: ApiError | undefined): void;
}

export interface WatchSession {
  /** Idempotent. No call of the sink follows it. */
  stop(): void;
  /** A bookmark at the stream's current revision, for a door that is about to close it. undefined where there is none to give. */
  bookmark(): WatchEvent | undefined;
}

/** What a connect request (log, exec, attach, portforward, proxy) goes to, once admission (CONNECT) let it pass. */
export interface ConnectTarget {
  readonly resource: ServedResource;
  /** The Pod, Service or Node. Frozen. */
  readonly object: Readonly<UnknownObject>;
}

export interface Registry {
  /** What is served; may grow at run time (custom resources). `resources.find(group, version, resource)`. */
  readonly resources: ResourceTable;
  /** Current objects for admission plugins, authorizers and the like: storage versions, frozen. */
  readonly reader: AdmissionReader;

  /** One object, or with scope.subresource 'status' or 'scale' that view of it. */
  get(scope: RequestScope, options?: GetOptions): Promise<Encoded>;
  list(scope: RequestScope, options?: ListOptions): Promise<List>;
  /**
   * Rejects when the watch cannot start (bad options, selector); what goes wrong later arrives at onEnd.
   * With `scope.name` it is a watch of that one object. The sink may be called before the promise resolves.
   */
  watch(scope: RequestScope, options: ListOptions, sink: WatchSink): Promise<WatchSession>;
  /** Creates, or posts to a subresource (binding, eviction, token) or a virtual resource (tokenreviews, subjectaccessreviews, …). */
  create(scope: RequestScope, body: RequestBody): Promise<WriteResult>;
  update(scope: RequestScope, body: RequestBody): Promise<WriteResult>;
  patch(scope: RequestScope, body: RequestBody, options: PatchOptions): Promise<WriteResult>;
  delete(scope: RequestScope, options?: DeleteOptions): Promise<WriteResult>;
  /** The list of what was deleted (as it was before). */
  deleteCollection(scope: RequestScope, list?: ListOptions, options?: DeleteOptions): Promise<List>;
  /** Resolves and admits a connect request. `options` is the PodExecOptions and the like, as an object. */
  connect(scope: RequestScope, options: Readonly<UnknownObject>): Promise<ConnectTarget>;
  /** Ends every watch. The store is its owner's to close. Idempotent. */
  close(): void;
}
