/** The admission seam: a chain of plugins between strategy and commit. */
import type { GroupVersionKind, GroupVersionResource, UnknownObject } from '@nodeless/apimachinery/object';
import type { LateWrites } from '../side-effects.ts';
import type { UserInfo } from '../strategy.ts';

export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly resource: GroupVersionResource;
  readonly kind: GroupVersionKind;
  readonly subresource: string;
  readonly namespace: string;
  /** May be '' on create with generateName, and on deletecollection. */
  readonly name: string;
  /** The new object (storage version), mutable in admit and frozen in validate; undefined on DELETE. CONNECT: the options. */
  readonly object: UnknownObject | undefined;
  /** Frozen; undefined on CREATE and CONNECT. */
  readonly oldObject: Readonly<UnknownObject> | undefined;
  readonly options: Readonly<UnknownObject> | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Adds a text to the response's Warning header. */
  warn(text: string): void;
  /** Adds an annotation to the audit event. */
  annotate(key: string, value: string): void;
  /** From a validating plugin: commits these writes together with the object. Absent where no object is written (DELETE, CONNECT, posted bodies). */
  alsoWrite?(writes: LateWrites): void;
}

/** Reads that plugins make: always current (watch cache), objects frozen, storage versions. */
export interface AdmissionReader {
  get(group: string, resource: string, namespace: string, name: string): Promise<Readonly<UnknownObject> | undefined>;
  list(group: string, resource: string, namespace?: string): Promise<readonly Readonly<UnknownObject>[]>;
}

export interface AdmissionPlugin {
  /** Upstream's name: `NamespaceLifecycle`. */
  readonly name: string;
  /** `admit` refuses or leaves the object as it is: nothing needs to be done again after it. */
  readonly onlyRefuses?: boolean;
  /** Cheap; false skips both calls. */
  handles(attributes: AdmissionAttributes): boolean;
  /** Mutating. Throws ApiError (403 forbidden as a rule) to refuse. */
  admit?(attributes: AdmissionAttributes, read: AdmissionReader): void | Promise<void>;
  /** Validating; sees the final object. Throws ApiError to refuse. */
  validate?(attributes: AdmissionAttributes, read: AdmissionReader): void | Promise<void>;
}
