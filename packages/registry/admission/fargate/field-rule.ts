/** What becomes of a field of a pod on Fargate. One row each: admission reads them, and docs/compatibility.md is made of them. */
import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';

export interface FieldContext {
  readonly pod: Pod;
  /** For fields of a container. */
  readonly container?: Container;
  /** Of which list the container is one. */
  readonly kind?: 'containers' | 'initContainers' | 'ephemeralContainers';
}

export interface FieldRule {
  /**
   * `spec.hostNetwork`; of containers of every kind `container.image`, of their probes `probe.grpc`. List members are `[*]`.
   * A path stands for everything below it that has no row of its own.
   */
  readonly path: string;
  readonly state: 'supported' | 'refused' | 'ignored';
  /** Why it is refused or ignored; of what is supported, how. */
  readonly reason?: string;
  /** What to do instead. */
  readonly alternative?: string;
  /** For which values it holds, in words, where not for all; several rows of one path are such cases. */
  readonly only?: string;
  /** The same to decide by. Default: the field says something (true, not empty). */
  readonly test?: (value: unknown, context: FieldContext) => boolean;
}

/** Whether a field asks for anything: `false`, '' and empty lists do not. */
export function saysSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return !Array.isArray(value) || value.length > 0;
}
