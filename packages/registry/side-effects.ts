/** Writes to other keys that must succeed or fail together with a write: allocations and charges. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { RequestContext } from './strategy.ts';

/** A write of another object in the same commit. `object` is complete (the registry fills uid and creationTimestamp). */
export type RelatedWrite =
  | { readonly type: 'create'; readonly group: string; readonly resource: string; readonly object: UnknownObject }
  | {
      readonly type: 'delete';
      readonly group: string;
      readonly resource: string;
      readonly namespace?: string;
      readonly name: string;
    }
  /** Something that only one object may have and that has no kind of its own: a node port. */
  | { readonly type: 'reserve'; readonly name: string }
  | { readonly type: 'release'; readonly name: string };

/** The store's key of a reservation. */
export const reservationKey = (name: string): string => `nodeless.dev/reservations//${name}`;

/** The next state of another object, written in the same commit if it is still at its metadata.resourceVersion. Taken over and frozen. */
export interface RelatedUpdate {
  readonly type: 'update';
  readonly group: string;
  readonly resource: string;
  readonly object: UnknownObject;
}

/**
 * Writes that are worked out at the last moment, with nothing between them and the commit, so that requests of this process
 * which change one object (a quota) build upon each other and do not race. When another process was faster, the request runs again.
 */
export interface LateWrites {
  /** Synchronous; also called in a dry run. Once committed, the objects carry their new resourceVersion. @throws ApiError to refuse */
  decide(): readonly RelatedUpdate[];
  /** The commit, if there was one, has ended, well or not. */
  settled?(): void;
}

/** What allocations may look at. */
export interface SideEffectReader {
  get(group: string, resource: string, namespace: string, name: string): Promise<Readonly<UnknownObject> | undefined>;
  list(group: string, resource: string, namespace?: string): Promise<readonly Readonly<UnknownObject>[]>;
}

export interface SideEffects {
  /**
   * Called after strategy and admission, before validation of the final object. May change `object` (fill clusterIP, nodePort)
   * and returns the writes to commit beside it. Called again, from the start, when a related create meets an existing key:
   * `taken` then names the keys that were met, so that another value is chosen. Dry runs call it too and drop the writes.
   * Errors: ApiError.
   */
  onCreate?(
    object: UnknownObject,
    context: RequestContext,
    read: SideEffectReader,
    taken: ReadonlySet<string>,
  ): Promise<readonly RelatedWrite[]>;
  onUpdate?(
    object: UnknownObject,
    old: Readonly<UnknownObject>,
    context: RequestContext,
    read: SideEffectReader,
    taken: ReadonlySet<string>,
  ): Promise<readonly RelatedWrite[]>;
  onDelete?(
    object: Readonly<UnknownObject>,
    context: RequestContext,
    read: SideEffectReader,
  ): Promise<readonly RelatedWrite[]>;
}
