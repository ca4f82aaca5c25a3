/** A served kind: generated facts (names, versions, verbs) joined with what is written by hand for it. One list: resources/index.ts. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindStrategy } from './strategy.ts';
import type { ColumnDefinition, RowPrinter } from './table.ts';
import type { SideEffects } from './side-effects.ts';

/** What a file in resources/<group>/<kind>.ts exports. Everything it leaves out follows from the generated schema. */
export interface KindDefinition {
  /** Storage group and plural resource: `apps`, `deployments`. */
  readonly group: string;
  readonly resource: string;
  readonly strategy: KindStrategy;
  /** `kubectl get` columns; absent = Name and Age as upstream's default table. */
  readonly table?: { readonly columns: readonly ColumnDefinition[]; readonly print: RowPrinter };
  /** Conversions from the storage version to the other served versions and back (autoscaling/v1 ⇄ v2, events). Key = `group/version`. */
  readonly conversions?: Readonly<Record<string, Conversion>>;
  /** Where desired counts live, for /scale. */
  readonly scale?: ScaleAccess;
  /** Other keys that must be committed atomically with a write of this kind (Service → IPAddress objects, node ports). */
  readonly sideEffects?: SideEffects;
}

export interface Conversion {
  /** Both return new objects and set apiVersion; inputs may be frozen. */
  toStorage(object: Readonly<UnknownObject>): UnknownObject;
  fromStorage(object: Readonly<UnknownObject>): UnknownObject;
  /** Defaulting of that version, run on its own form before toStorage. */
  default?(object: UnknownObject): void;
}

export interface ScaleAccess {
  replicas(object: Readonly<UnknownObject>): number;
  statusReplicas(object: Readonly<UnknownObject>): number;
  /** Serialised label selector for status.selector. */
  selector(object: Readonly<UnknownObject>): string;
  setReplicas(object: UnknownObject, replicas: number): void;
}
