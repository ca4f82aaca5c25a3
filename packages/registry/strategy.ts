/**
 * What makes one kind different from another. All hooks work on the *storage* version of a decoded object that the
 * registry owns (plain, mutable, not shared) unless said otherwise; `old` objects are frozen.
 * The order of a create: default → prepareForCreate → (mutating admission, default again) → validate → canonicalize.
 * The order of an update: default → prepareForUpdate → (mutating admission, default again) → validateUpdate → canonicalize.
 */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { FieldError } from '@nodeless/apimachinery/status';
import type { Attributes } from '@nodeless/store/store';

export interface RequestContext {
  readonly user: UserInfo;
  /** '' for the resource itself, else 'status', 'scale', … */
  readonly subresource: string;
  readonly namespace: string;
  readonly now: () => number;
  /** In which version the client speaks: `events.k8s.io/v1` for events that are stored as `v1`. */
  readonly apiVersion?: string;
}

export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Strategy {
  /** Fills defaults in place, as upstream's SetDefaults functions for the version do. Must be idempotent. */
  default?(object: UnknownObject): void;
  /** Clears or sets fields that a client does not own on create (status, generation). metadata is already filled. */
  prepareForCreate?(object: UnknownObject, context: RequestContext): void;
  /** Carries over what this door may not change (status on the main one, spec on /status) and bumps generation. */
  prepareForUpdate?(object: UnknownObject, old: Readonly<UnknownObject>, context: RequestContext): void;
  /** Everything wrong with the object apart from metadata, which the registry checks with `validateName`. */
  validate?(object: Readonly<UnknownObject>, context: RequestContext): readonly FieldError[];
  /** Called in place of validate on updates; usually calls it and adds immutability rules. */
  validateUpdate?(
    object: Readonly<UnknownObject>,
    old: Readonly<UnknownObject>,
    context: RequestContext,
  ): readonly FieldError[];
  /** Texts for the Warning header. */
  warnings?(
    object: Readonly<UnknownObject>,
    old: Readonly<UnknownObject> | undefined,
    context: RequestContext,
  ): readonly string[];
  /** Normal form, after validation (sorted lists, dropped empties). */
  canonicalize?(object: UnknownObject): void;
  /** Field paths that managed fields must leave out for this door (`['status']` on the main door of a kind with /status). */
  readonly resetFields?: readonly (readonly string[])[];
}

export interface GracefulDeletion {
  /**
   * Decides how long the object lives on after a delete; 0 = at once. `requested` is what the client asked for.
   * Pods: spec.terminationGracePeriodSeconds, 0 for pods that are not scheduled or are finished.
   */
  gracePeriodSeconds(object: Readonly<UnknownObject>, requested: number | undefined): number;
}

export interface KindStrategy extends Strategy {
  /** Messages for a bad metadata.name ([] = good). Default: RFC 1123 subdomain. `prefix`: the name is a generateName prefix. */
  validateName?(name: string, prefix: boolean): readonly string[];
  /** PUT to a name that does not exist creates it (leases, limitranges, pods' no). Default false. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is accepted. Default true, as for most kinds. */
  readonly allowUnconditionalUpdate?: boolean;
  /** Objects of the kind have metadata.generation. The registry sets 1 on create and bumps it when `spec` changes. Default false. */
  readonly generation?: boolean;
  readonly gracefulDeletion?: GracefulDeletion;
  /**
   * Default for propagationPolicy where the client sends none. Default 'Background'. Jobs and RCs: 'Orphan'.
   * 'Unsupported': objects of the kind own nothing, and policies are ignored (events).
   */
  readonly defaultPropagation?: 'Background' | 'Orphan' | 'Unsupported';
  /** The /status door. Absent = the kind has none. */
  readonly status?: Strategy;
  /** Other doors that write the object: 'ephemeralcontainers', 'resize', 'approval', 'finalize'. */
  readonly subresources?: Readonly<Record<string, Strategy>>;
  /** Selectable fields beyond metadata.name/namespace, as the field selector names them. */
  selectableFields?(object: Readonly<UnknownObject>): Record<string, string>;
  /** Names that a field selector may use beyond metadata.name/namespace. */
  readonly fieldNames?: readonly string[];
  /** Value of the one trigger index. */
  trigger?: { readonly field: string; of(object: Readonly<UnknownObject>): string };
}

export type { Attributes };
