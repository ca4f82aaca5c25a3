import type { Secret } from '@nodeless/apimachinery/generated/types/core/v1';
import { JsonSyntaxError, parseJson } from '@nodeless/apimachinery/json';
import { isConfigMapKey } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { check, checkImmutable, type Faults, invalid, required, tooLong } from '../checks.ts';
import { checkFrozen, decodedSize, maxDataBytes } from './config-map-validation.ts';
import { keyPairFault } from './tls-key-pair.ts';

const accountName = 'kubernetes.io/service-account.name';
const tls = 'kubernetes.io/tls';

export function validateSecret(object: Readonly<UnknownObject>): Faults {
  const secret = object as Readonly<Secret>;
  const data = secret.data ?? {};
  const faults: Faults = [];
  let size = 0;
  for (const key in data) {
    check(faults, `data[${key}]`, key, isConfigMapKey(key));
    size += decodedSize(data[key]!);
  }
  if (size > maxDataBytes) faults.push(tooLong('data', maxDataBytes));
  checkType(faults, secret, data);
  return faults;
}

function checkType(faults: Faults, { type, metadata }: Readonly<Secret>, data: Readonly<Record<string, string>>): void {
  const has = (key: string): boolean => Object.hasOwn(data, key);
  const need = (key: string): void => {
    if (!has(key)) faults.push(required(`data[${key}]`));
  };
  switch (type) {
    case 'kubernetes.io/service-account-token':
      if (!metadata?.annotations?.[accountName]) faults.push(required(`metadata.annotations[${accountName}]`));
      return;
    case 'kubernetes.io/dockercfg':
      return checkJson(faults, '.dockercfg', data);
    case 'kubernetes.io/dockerconfigjson':
      return checkJson(faults, '.dockerconfigjson', data);
    case 'kubernetes.io/basic-auth':
      if (has('username') || has('password')) return;
      need('username');
      need('password');
      return;
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) faults.push(required('data[ssh-privatekey]'));
      return;
    case tls:
      need('tls.crt');
      need('tls.key');
  }
}

function checkJson(faults: Faults, key: string, data: Readonly<Record<string, string>>): void {
  const path = `data[${key}]`;
  if (!Object.hasOwn(data, key)) {
    faults.push(required(path));
    return;
  }
  const fault = objectFault(Buffer.from(data[key]!, 'base64'));
  if (fault) faults.push(invalid(path, '<secret contents redacted>', fault));
}

/** What Go says when it cannot read a JSON object. */
function objectFault(json: Uint8Array): string | undefined {
  try {
    const { value } = parseJson(json);
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
    const type = Array.isArray(value)
      ? 'array'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'string'
          ? 'string'
          : 'number';
    return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error.message;
    throw error;
  }
}

export function validateSecretUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkImmutable(faults, 'type', (object as Secret).type, (old as Secret).type);
  faults.push(...checkFrozen(object as Secret, old as Secret, ['data']), ...validateSecret(object));
  return faults;
}

export function secretWarnings(object: Readonly<UnknownObject>): string[] {
  const { type, data } = object as Readonly<Secret>;
  if (type !== tls) return [];
  const fault = keyPairFault(
    Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString('latin1'),
    Buffer.from(data?.['tls.key'] ?? '', 'base64').toString('latin1'),
  );
  return fault === undefined ? [] : [fault];
}
