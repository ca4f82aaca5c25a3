import type { Namespace } from '@nodeless/apimachinery/generated/types/core/v1';
import { isQualifiedName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { check, type Faults, invalid } from '../checks.ts';

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];
const path = 'spec.finalizers';

export function validateNamespace(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  for (const name of (object as Namespace).spec?.finalizers ?? []) checkFinalizer(faults, path, name);
  return faults;
}

/** The door /finalize. */
export function validateFinalizers(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  (object as Namespace).spec?.finalizers?.forEach((name, i) => checkFinalizer(faults, `${path}[${i}]`, name));
  return faults;
}

function checkFinalizer(faults: Faults, at: string, name: string): void {
  check(faults, at, name, isQualifiedName(name));
  if (!name.includes('/') && !standardFinalizers.includes(name)) {
    faults.push(invalid(at, name, 'name is neither a standard finalizer name nor is it fully qualified'));
  }
}

export function validateNamespaceStatus(object: Readonly<UnknownObject>): Faults {
  const { metadata, status } = object as Readonly<Namespace>;
  const phase = status?.phase ?? '';
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const expected = isDeleted ? 'Terminating' : 'Active';
  if (phase === expected) return [];
  return [
    invalid(
      'status.Phase',
      phase,
      `may only be '${expected}' if \`deletionTimestamp\` is ${isDeleted ? 'not empty' : 'empty'}`,
    ),
  ];
}
