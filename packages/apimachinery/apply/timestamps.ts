import type { ManagedFieldsEntry } from '../generated/types/meta/v1.ts';
import type { KubernetesObject } from '../object.ts';
import { deepEqual } from '../equality.ts';

/**
 * The managed fields to store: those of before where nothing but their times would change, so that a write without
 * effect makes no revision. To be asked last, after admission.
 */
export function withoutSpuriousTimes(
  live: Readonly<KubernetesObject>,
  updated: Readonly<KubernetesObject>,
): ManagedFieldsEntry[] | undefined {
  const before = live.metadata?.managedFields;
  const after = updated.metadata?.managedFields;
  if (before === after || before === undefined || after === undefined || before.length !== after.length) return after;
  if (after.every((entry, i) => entry.time === before[i]?.time)) return after;
  const sameButForTimes = after.every((entry, i) => deepEqual({ ...entry, time: null }, { ...before[i], time: null }));
  return sameButForTimes && deepEqual(withoutManagedFields(live), withoutManagedFields(updated)) ? before : after;
}

function withoutManagedFields(object: Readonly<KubernetesObject>): unknown {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}
