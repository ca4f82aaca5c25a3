import {
  isDns1123Label,
  isDns1123Subdomain,
  isCIdentifier,
  isLabelValue,
  isQualifiedName,
} from '@nodeless/apimachinery/names';
import { check, duplicate, type Faults, invalid, required, tooLong, tooMany } from '../checks.ts';
import { checkCsiDriverName } from '../core/pod-template/csi-validation.ts';

const longestPool = 253;
const longestIdentifier = 32;

export { checkCsiDriverName as checkDriverName };

/** Also of requests and of counters. */
export function checkDeviceName(faults: Faults, path: string, name: string): void {
  check(faults, path, name, isDns1123Label(name));
}

export function checkPoolName(faults: Faults, path: string, name: string): void {
  if (name === '') {
    faults.push(required(path));
    return;
  }
  if (name.length > longestPool) faults.push(tooLong(path, longestPool));
  for (const part of name.split('/')) check(faults, path, part, isDns1123Subdomain(part));
}

const normalUid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function checkShareId(faults: Faults, path: string, uid: string): void {
  if (normalUid.test(uid)) return;
  const fault = uidFault(uid);
  const rule =
    fault === undefined
      ? 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'
      : `error validating uid: ${fault}`;
  faults.push(invalid(path, uid, rule));
}

/** As Go's uuid package reads them: also in braces, as URNs and without dashes. */
function uidFault(uid: string): string | undefined {
  const length = Buffer.byteLength(uid);
  let body = uid;
  if (length === 45) {
    if (uid.slice(0, 9).toLowerCase() !== 'urn:uuid:') return `invalid urn prefix: "${uid.slice(0, 9)}"`;
    body = uid.slice(9);
  } else if (length === 38) {
    if (!/^\{.*\}$/.test(uid)) return 'invalid bracketed UUID format';
    body = uid.slice(1, -1);
  } else if (length === 32) return /^[0-9a-fA-F]{32}$/.test(uid) ? undefined : 'invalid UUID format';
  else if (length !== 36) return `invalid UUID length: ${length}`;
  return /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(body) ? undefined : 'invalid UUID format';
}

function checkIdentifier(faults: Faults, path: string, name: string): void {
  if (Buffer.byteLength(name) > longestIdentifier) faults.push(tooLong(path, longestIdentifier));
  check(faults, path, name, isCIdentifier(name));
}

/** Names of attributes and capacities: `model`, `example.com/model`. */
export function checkAttributeName(faults: Faults, path: string, name: string): void {
  const parts = name.split('/');
  if (parts.length === 1) checkIdentifier(faults, path, name);
  if (parts.length !== 2) return;
  const [domain, own] = parts as [string, string];
  if (domain === '') faults.push(invalid(path, '', 'the domain must not be empty'));
  else checkCsiDriverName(faults, path, domain);
  if (own === '') faults.push(invalid(path, '', 'the name must not be empty'));
  else checkIdentifier(faults, path, own);
}

export function checkFullAttributeName(faults: Faults, path: string, name: string): void {
  checkAttributeName(faults, path, name);
  if (!name.includes('/'))
    faults.push(invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash'));
}

export function checkLabelName(faults: Faults, path: string, name: string): void {
  check(faults, path, name, isQualifiedName(name));
}
export function checkLabelValue(faults: Faults, path: string, value: string): void {
  check(faults, path, value, isLabelValue(value));
}

/** Nothing else is said of a list that is too long. */
export function checkEach<T>(
  faults: Faults,
  path: string,
  items: readonly T[] | undefined | null,
  most: number,
  checkItem: (item: T, path: string) => void,
): boolean {
  if (!items) return true;
  if (most >= 0 && items.length > most) {
    faults.push(tooMany(path, items.length, most));
    return false;
  }
  items.forEach((item, i) => checkItem(item, `${path}[${i}]`));
  return true;
}

/** The same where two items may not have the same key. */
export function checkSet<T>(
  faults: Faults,
  path: string,
  items: readonly T[] | undefined | null,
  most: number,
  keyOf: (item: T) => string,
  checkItem: (item: T, path: string) => void,
): void {
  if (!checkEach(faults, path, items, most, checkItem)) return;
  const seen = new Set<string>();
  items?.forEach((item, i) => {
    const key = keyOf(item);
    if (seen.has(key)) faults.push(duplicate(`${path}[${i}]`, key));
    seen.add(key);
  });
}

/** Drivers may ask to be waited for before a pod is bound to a node. */
export function checkBindingConditions(
  faults: Faults,
  at: string,
  {
    bindingConditions = [],
    bindingFailureConditions = [],
  }: { bindingConditions?: string[]; bindingFailureConditions?: string[] },
): void {
  const most = 4;
  const [path, failurePath] = [`${at}.bindingConditions`, `${at}.bindingFailureConditions`];
  checkEach(faults, path, bindingConditions, most, (name, place) => checkLabelName(faults, place, name));
  checkEach(faults, failurePath, bindingFailureConditions, most, (name, place) => checkLabelName(faults, place, name));
  bindingConditions.forEach((name, i) => {
    if (bindingConditions.indexOf(name) < i) faults.push(duplicate(`${path}[${i}]`, name));
  });
  bindingFailureConditions.forEach((name, i) => {
    if (bindingFailureConditions.indexOf(name) < i) faults.push(duplicate(`${failurePath}[${i}]`, name));
    if (bindingConditions.includes(name)) {
      faults.push(
        invalid(`${failurePath}[${i}]`, name, 'bindingFailureConditions must not overlap with bindingConditions'),
      );
    }
  });
  if (bindingConditions.length === 0 && bindingFailureConditions.length > 0) {
    faults.push(invalid(path, null, 'bindingConditions are required to use bindingFailureConditions'));
  }
  if (bindingFailureConditions.length === 0 && bindingConditions.length > 0) {
    faults.push(invalid(failurePath, null, 'bindingFailureConditions are required to use bindingConditions'));
  }
}
