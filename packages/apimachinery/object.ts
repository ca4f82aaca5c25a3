import type { ObjectMeta } from './generated/types/meta/v1.ts';

/** Any API object. Objects from the store, a client or an informer are frozen; copy before changing. */
export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** A stored object of a kind that is not known at compile time. */
export interface UnknownObject extends KubernetesObject {
  [field: string]: unknown;
}

export interface GroupResource {
  /** '' is the core group. */
  readonly group: string;
  /** Plural, lower case: `pods`. */
  readonly resource: string;
}
export interface GroupVersionResource extends GroupResource {
  readonly version: string;
}
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(gv: { group: string; version: string }): string {
  return gv.group === '' ? gv.version : `${gv.group}/${gv.version}`;
}

/** The inverse of apiVersionOf; undefined where the text has more than one slash. */
export function parseApiVersion(text: string): { group: string; version: string } | undefined {
  const parts = text.split('/');
  if (parts.length === 1) return { group: '', version: parts[0] as string };
  if (parts.length === 2) return { group: parts[0] as string, version: parts[1] as string };
  return undefined;
}
