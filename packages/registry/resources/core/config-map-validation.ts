import type { ConfigMap } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConfigMapKey } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { check, type Faults, forbidden, invalid, sameValue, tooLong } from '../checks.ts';

/** Of config maps and secrets alike: all values together, in bytes. */
export const maxDataBytes = 1024 * 1024;

const decodedSize = (base64: string): number => Buffer.byteLength(base64, 'base64');

export function validateConfigMap(object: Readonly<UnknownObject>): Faults {
  const { data, binaryData } = object as Readonly<ConfigMap>;
  const faults: Faults = [];
  let size = 0;
  for (const key in data) {
    check(faults, `data[${key}]`, key, isConfigMapKey(key));
    if (binaryData && Object.hasOwn(binaryData, key))
      faults.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    size += Buffer.byteLength(data[key]!);
  }
  for (const key in binaryData) {
    check(faults, `binaryData[${key}]`, key, isConfigMapKey(key));
    size += decodedSize(binaryData[key]!);
  }
  if (size > maxDataBytes) faults.push(tooLong('[]', maxDataBytes));
  return faults;
}

export function validateConfigMapUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults = checkFrozen(object as ConfigMap, old as ConfigMap, ['data', 'binaryData']);
  faults.push(...validateConfigMap(object));
  return faults;
}

/** What was declared immutable stays so, with its data. */
export function checkFrozen<T extends { immutable?: boolean }>(
  object: Readonly<T>,
  old: Readonly<T>,
  fields: readonly (keyof T & string)[],
): Faults {
  if (!old.immutable) return [];
  const changed = fields.filter((field) => !sameValue(object[field] ?? {}, old[field] ?? {}));
  return [...(object.immutable ? [] : ['immutable']), ...changed].map((field) =>
    forbidden(field, 'field is immutable when `immutable` is set'),
  );
}

export { decodedSize };
