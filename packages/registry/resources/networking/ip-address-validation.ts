import type { IPAddress } from '@nodeless/apimachinery/generated/types/networking/v1';
import { validateIp } from '@nodeless/apimachinery/ip-validation';
import { isDns1123Subdomain, isPathSegmentName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { check, checkImmutable, type Faults, required } from '../checks.ts';
import { internalValue } from '../internal-value.ts';

/** The object's name is the address. */
export function validateAddressName(name: string): string[] {
  const shown = `Invalid value: ${quoteGo(name)}: `;
  return validateIp('', name).map(({ message }) => (message.startsWith(shown) ? message.slice(shown.length) : message));
}

export function validateAddress(object: Readonly<UnknownObject>): Faults {
  const parent = (object as unknown as IPAddress).spec?.parentRef;
  const faults: Faults = [];
  const path = 'spec.parentRef';
  if (!parent) return [required(path)];
  if (parent.group) check(faults, `${path}.group`, parent.group, isDns1123Subdomain(parent.group));
  for (const field of ['resource', 'name'] as const) {
    const value = parent[field];
    if (!value) faults.push(required(`${path}.${field}`));
    else check(faults, `${path}.${field}`, value, isPathSegmentName(value));
  }
  if (parent.namespace) check(faults, `${path}.namespace`, parent.namespace, isPathSegmentName(parent.namespace));
  return faults;
}

export function validateAddressUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults = validateAddress(object);
  const now = (object as unknown as IPAddress).spec?.parentRef;
  checkImmutable(
    faults,
    'spec.parentRef',
    now,
    (old as unknown as IPAddress).spec?.parentRef,
    now ? internalValue('ParentReference', now) : null,
  );
  return faults;
}
