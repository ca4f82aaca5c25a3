import type {
  CSIPersistentVolumeSource,
  CSIVolumeSource,
  SecretReference,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123Subdomain } from '@nodeless/apimachinery/names';
import {
  check,
  checkDnsLabel,
  checkDnsSubdomain,
  checkObjectName,
  type Faults,
  required,
  tooLong,
} from '../../checks.ts';

export function checkCsiDriverName(faults: Faults, path: string, name: string): void {
  if (name === '') {
    faults.push(required(path));
    return;
  }
  if (Buffer.byteLength(name) > 63) faults.push(tooLong(path, 63));
  check(faults, path, name, isDns1123Subdomain(name.toLowerCase()));
}

export function checkCsiVolume(faults: Faults, path: string, source: Readonly<CSIVolumeSource>): void {
  checkCsiDriverName(faults, `${path}.driver`, source.driver ?? '');
  const secret = source.nodePublishSecretRef;
  if (!secret) return;
  if (!secret.name) faults.push(required(`${path}.nodePublishSecretRef.name`));
  // Upstream's path leaves the reference out.
  else checkObjectName(faults, `${path}.name`, secret.name);
}

export function checkPersistentCsi(faults: Faults, path: string, source: Readonly<CSIPersistentVolumeSource>): void {
  checkCsiDriverName(faults, `${path}.driver`, source.driver ?? '');
  if (!source.volumeHandle) faults.push(required(`${path}.volumeHandle`));
  for (const field of [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ] as const) {
    const secret = source[field];
    if (secret) checkSecret(faults, `${path}.${field}`, secret);
  }
}

function checkSecret(faults: Faults, path: string, secret: Readonly<SecretReference>): void {
  if (!secret.name) faults.push(required(`${path}.name`));
  else checkDnsSubdomain(faults, `${path}.name`, secret.name);
  if (!secret.namespace) faults.push(required(`${path}.namespace`));
  else checkDnsLabel(faults, `${path}.namespace`, secret.namespace);
}
