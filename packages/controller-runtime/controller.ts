/** The controller seam. Level-based: a request names an object, never what happened to it. */
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { Logger } from '@nodeless/component-base/logger';
import type { Client, ObjectKey, ResourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { EventRecorder } from './events.ts';

/** The key that a controller reconciles; equal keys are one request however often they are added. */
export interface Request extends ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

export type ChangeType = 'added' | 'modified' | 'deleted';

export interface Change<T> {
  readonly type: ChangeType;
  /** The object as it is now; for 'deleted' its last state. */
  readonly object: T;
  /** The state before, where there was one. */
  readonly previous: T | undefined;
}

/**
 * Which events make which requests. Pure: it is also run by the AWS dispatcher, which has no caches.
 * A rule that needs other objects (a node's pods, a selector match) gets them from `cache` at reconcile time instead,
 * or looks them up through `lookup` where only the cluster knows.
 */
export interface WatchRule<T extends KubernetesObject = KubernetesObject> {
  readonly type: ResourceType<T>;
  requests(change: Change<T>, lookup: Lister): readonly Request[] | Promise<readonly Request[]>;
}

/** Read access to everything a controller watches: from informers locally, from the store in AWS. Frozen objects. */
export interface Lister {
  get<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey): T | undefined | Promise<T | undefined>;
  list<T extends KubernetesObject>(type: ResourceType<T>, namespace?: string): readonly T[] | Promise<readonly T[]>;
  /** Objects that have an owner of this UID: by index. '' = objects without any owner. */
  ownedBy<T extends KubernetesObject>(
    type: ResourceType<T>,
    ownerUid: string,
    namespace?: string,
  ): readonly T[] | Promise<readonly T[]>;
  /** Pods of a node, by index. */
  onNode<T extends KubernetesObject>(type: ResourceType<T>, nodeName: string): readonly T[] | Promise<readonly T[]>;
}

export interface Result {
  /** Reconcile this request again after so many milliseconds, whether or not anything changes. */
  readonly requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Acts as the controller's own user. */
  readonly client: Client;
  readonly cache: Lister;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  /**
   * The controller's rules may have changed: whoever feeds it asks for them again, now. Does nothing where they are asked for
   * anew with each event anyway.
   */
  rulesChanged(): void;
}

export interface Controller {
  /** `deployment-controller`; its user is system:serviceaccount:kube-system:<name>. */
  readonly name: string;
  /** 'apiserver': what upstream does inside kube-apiserver is done with its rights. Default: the controller's own user. */
  readonly actsAs?: 'apiserver';
  /** A function where kinds come and go: it tells the rules as they are now, each the same object for as long as it stands. */
  readonly watches: readonly WatchRule[] | (() => readonly WatchRule[]);
  /** Requests that run at once, each key by itself. Default 8. */
  readonly concurrency?: number;
  /** So long after a key was begun it is not begun again: events that come in a rush are worked off together. Default 0. */
  readonly minIntervalMs?: number;
  /** A request {name: ''} every so many milliseconds, for sweeps. */
  readonly resyncMs?: number;
  /**
   * Idempotent; throws to be retried with back-off (5 ms × 2^n to 16 min, as client-go's default rate limiter does).
   * A Conflict is retried without a line in the log.
   */
  reconcile(request: Request, context: ReconcileContext): Promise<Result | void>;
}

/** The controller's rules as they are now. */
export function rulesOf({ watches }: Pick<Controller, 'watches'>): readonly WatchRule[] {
  return typeof watches === 'function' ? watches() : watches;
}

/** Keeps a rule's object type for its `requests` and then forgets it, so that rules of many kinds stand in one list. */
export function watchRule<T extends KubernetesObject>(rule: WatchRule<T>): WatchRule {
  return rule as unknown as WatchRule;
}
