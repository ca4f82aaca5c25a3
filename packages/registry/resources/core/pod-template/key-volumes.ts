/** Volumes of a ConfigMap's or Secret's keys. */
import type {
  ConfigMapVolumeSource,
  KeyToPath,
  SecretVolumeSource,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { type Faults, invalid, required } from '../../checks.ts';
import { checkLocalNonReservedPath } from './paths.ts';

export function checkMode(faults: Faults, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777))
    faults.push(invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
}

export function checkKeyToPath(faults: Faults, path: string, item: Readonly<KeyToPath>): void {
  if (!item.key) faults.push(required(`${path}.key`));
  if (!item.path) faults.push(required(`${path}.path`));
  checkLocalNonReservedPath(faults, `${path}.path`, item.path ?? '');
  checkMode(faults, `${path}.mode`, item.mode);
}

function checkItems(
  faults: Faults,
  path: string,
  source: Readonly<{ defaultMode?: number; items?: readonly KeyToPath[] }>,
): void {
  checkMode(faults, `${path}.defaultMode`, source.defaultMode);
  source.items?.forEach((item, i) => checkKeyToPath(faults, `${path}.items[${i}]`, item));
}

export function checkSecretVolume(faults: Faults, path: string, source: Readonly<SecretVolumeSource>): void {
  if (!source.secretName) faults.push(required(`${path}.secretName`));
  checkItems(faults, path, source);
}

export function checkConfigMapVolume(faults: Faults, path: string, source: Readonly<ConfigMapVolumeSource>): void {
  if (!source.name) faults.push(required(`${path}.name`));
  checkItems(faults, path, source);
}
