import type { TopologySelectorTerm } from '@nodeless/apimachinery/generated/types/core/v1';
import type { StorageClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, checkQualifiedName, duplicate, type Faults, notSupported, required } from '../checks.ts';
import { warnOfNodeLabel } from '../core/pod-template/node-label-warnings.ts';
import { shownMap } from '../internal-value.ts';
import { checkDriver, checkParameters } from './driver-parameters.ts';

const reclaimPolicies = ['Delete', 'Retain'];
const bindingModes = ['Immediate', 'WaitForFirstConsumer'];

export function validateStorageClass(object: Readonly<UnknownObject>): Faults {
  const {
    provisioner,
    parameters,
    reclaimPolicy,
    volumeBindingMode: mode,
    allowedTopologies,
  } = object as unknown as StorageClass;
  const faults: Faults = [];
  checkDriver(faults, 'provisioner', provisioner);
  checkParameters(faults, 'parameters', parameters);
  if (reclaimPolicy && !reclaimPolicies.includes(reclaimPolicy))
    faults.push(notSupported('reclaimPolicy', reclaimPolicy, reclaimPolicies));
  if (mode === undefined) faults.push(required('volumeBindingMode'));
  else if (!bindingModes.includes(mode)) faults.push(notSupported('volumeBindingMode', mode, bindingModes));
  checkTopologies(faults, allowedTopologies ?? []);
  return faults;
}

export function validateStorageClassUpdate(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
): Faults {
  const faults = validateStorageClass(object);
  const now = object as unknown as StorageClass;
  const old = oldObject as unknown as StorageClass;
  checkImmutable(faults, 'parameters', now.parameters ?? {}, old.parameters ?? {}, shownMap(now.parameters));
  checkImmutable(faults, 'provisioner', now.provisioner ?? '', old.provisioner ?? '');
  checkImmutable(faults, 'reclaimPolicy', now.reclaimPolicy, old.reclaimPolicy);
  checkImmutable(faults, 'volumeBindingMode', now.volumeBindingMode, old.volumeBindingMode);
  return faults;
}

function checkTopologies(faults: Faults, terms: readonly TopologySelectorTerm[]): void {
  // Upstream's list of earlier terms starts with as many empty ones: terms without expressions repeat each of them.
  const seen: Record<string, string[]>[] = terms.map(() => ({}));
  terms.forEach((term, i) => {
    const path = `allowedTopologies[${i}].matchLabelExpressions`;
    const values = checkTerm(faults, path, term);
    for (const other of seen) if (deepEqual(values, other)) faults.push(duplicate(path, ''));
    seen.push(values);
  });
}

/** The values by key, sorted. */
function checkTerm(faults: Faults, path: string, term: Readonly<TopologySelectorTerm>): Record<string, string[]> {
  const byKey: Record<string, string[]> = {};
  term.matchLabelExpressions?.forEach(({ key = '', values }, i) => {
    const at = `${path}[${i}]`;
    if (!values?.length) faults.push(required(`${at}.values`));
    const unique = new Set<string>();
    values?.forEach((value, j) => {
      if (unique.has(value)) faults.push(duplicate(`${at}.values[${j}]`, value));
      unique.add(value);
    });
    checkQualifiedName(faults, `${at}.key`, key);
    if (Object.hasOwn(byKey, key)) faults.push(duplicate(`${at}.key`, key));
    Object.defineProperty(byKey, key, {
      value: [...unique].sort(),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  });
  return byKey;
}

export function storageClassWarnings(object: Readonly<UnknownObject>): string[] {
  const warnings: string[] = [];
  (object as unknown as StorageClass).allowedTopologies?.forEach((term, i) =>
    term.matchLabelExpressions?.forEach(({ key }, j) => {
      warnOfNodeLabel(
        warnings,
        key,
        (message) => `allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${message}`,
      );
    }),
  );
  return warnings;
}
