/** What each door leaves alone: the main one keeps status, /status keeps the rest. `old` parts are frozen and shared, not copied. */
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';

/** Makes a top-level field what it was. */
export function carryOver(object: UnknownObject, old: Readonly<UnknownObject>, field: string): void {
  if (old[field] === undefined) delete object[field];
  else object[field] = old[field];
}

export function clearStatus(object: UnknownObject): void {
  object.status = {};
}
export function keepStatus(object: UnknownObject, old: Readonly<UnknownObject>): void {
  carryOver(object, old, 'status');
}
export function keepSpec(object: UnknownObject, old: Readonly<UnknownObject>): void {
  carryOver(object, old, 'spec');
}

export function metadataOf(object: UnknownObject): ObjectMeta {
  return (object.metadata ??= {});
}

export function keepLabels(object: UnknownObject, old: Readonly<UnknownObject>): void {
  const metadata = metadataOf(object);
  if (old.metadata?.labels === undefined) delete metadata.labels;
  else metadata.labels = old.metadata.labels;
}

/**
 * Status doors of newer kinds take nothing of the metadata except managed fields: deletion, labels, annotations,
 * finalizers and owners stay as they are stored.
 */
export function keepMetadata(object: UnknownObject, old: Readonly<UnknownObject>): void {
  const metadata = metadataOf(object);
  const stored = old.metadata ?? {};
  for (const field of [
    'deletionTimestamp',
    'generation',
    'labels',
    'annotations',
    'finalizers',
    'ownerReferences',
  ] as const) {
    if (stored[field] === undefined) delete metadata[field];
    else (metadata as Record<string, unknown>)[field] = stored[field];
  }
}

/** Kinds that count changes of something else than spec. */
export function bumpGeneration(object: UnknownObject, old: Readonly<UnknownObject>): void {
  metadataOf(object).generation = (old.metadata?.generation ?? 0) + 1;
}
