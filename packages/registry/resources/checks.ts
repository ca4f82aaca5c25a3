/** The checks that most kinds share. Each adds what is wrong to `faults`, in upstream's order and words. */
import {
  duplicate,
  forbiddenField,
  internalFieldError,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '@nodeless/apimachinery/field-errors';
import { validateCidr, validateIp, validateLegacyCidr, validateLegacyIp } from '@nodeless/apimachinery/ip-validation';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';
import {
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  nameIsDnsSubdomain,
  regexError,
} from '@nodeless/apimachinery/names';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { FieldError } from '@nodeless/apimachinery/status';

export {
  duplicate,
  forbiddenField as forbidden,
  internalFieldError,
  invalidValue as invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
};

export type Faults = FieldError[];

/** An invalid value that the message does not show. */
export function invalidUnshown(path: string, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field: path, message: `Invalid value: ${detail}` };
}

/** One fault for each complaint about the value. */
export function check(faults: Faults, path: string, value: unknown, complaints: readonly string[]): void {
  for (const complaint of complaints) faults.push(invalidValue(path, value, complaint));
}

export const mustNotBeNegative = 'must be greater than or equal to 0';
export const immutable = 'field is immutable';

export function checkNonNegative(faults: Faults, path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) faults.push(invalidValue(path, value, mustNotBeNegative));
}
export function checkPositive(faults: Faults, path: string, value: number | undefined): void {
  if ((value ?? 0) <= 0) faults.push(invalidValue(path, value ?? 0, 'must be greater than zero'));
}

/** `shown`: what the message shows of the new value, where that is not its JSON. */
export function checkImmutable(
  faults: Faults,
  path: string,
  value: unknown,
  old: unknown,
  shown: unknown = value,
): void {
  if (!sameValue(value, old)) faults.push(invalidValue(path, shown, immutable));
}

/** Go's semantic equality: no list is an empty list, wherever it is. */
export function sameValue(a: unknown, b: unknown): boolean {
  return (
    deepEqual(a ?? undefined, b ?? undefined) ||
    (isEmptyList(a) && isEmptyList(b)) ||
    (isObject(a) && isObject(b) && hasSameParts(a, b))
  );
}

function hasSameParts(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  if (Array.isArray(a) !== Array.isArray(b) || (Array.isArray(a) && a.length !== b.length)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => sameValue(a[key], b[key]));
}
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isEmptyList = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

/** Sorted, for maps whose faults Go finds in random order. */
export function sortedKeys(map: Readonly<Record<string, unknown>> | undefined | null): string[] {
  return !map ? [] : Object.keys(map).sort();
}

/** Fields that are always written are null where they are not set. */
export function isSet<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

export function isEmptyMap(map: Readonly<Record<string, unknown>> | undefined | null): boolean {
  if (!map) return true;
  for (const _ in map) return false;
  return true;
}

export function checkDnsLabel(faults: Faults, path: string, value: string): void {
  check(faults, path, value, isDns1123Label(value));
}
export function checkDnsSubdomain(faults: Faults, path: string, value: string): void {
  check(faults, path, value, isDns1123Subdomain(value));
}
export function checkQualifiedName(faults: Faults, path: string, value: string): void {
  check(faults, path, value, isQualifiedName(value));
}
/** Names of other objects: secrets, classes, nodes. */
export function checkObjectName(faults: Faults, path: string, value: string, prefix = false): void {
  check(faults, path, value, nameIsDnsSubdomain(value, prefix));
}

export function checkLabels(faults: Faults, path: string, labels: Readonly<Record<string, string>> | undefined): void {
  if (labels === undefined) return;
  for (const key in labels) {
    checkQualifiedName(faults, path, key);
    check(faults, path, labels[key], isLabelValue(labels[key]!));
  }
}

const annotationsLimit = 256 * 1024;

export function checkAnnotations(
  faults: Faults,
  path: string,
  annotations: Readonly<Record<string, string>> | undefined,
): void {
  if (annotations === undefined) return;
  let size = 0;
  for (const key in annotations) {
    check(faults, path, key, isQualifiedName(key.toLowerCase()));
    size += Buffer.byteLength(key) + Buffer.byteLength(annotations[key]!);
  }
  if (size > annotationsLimit) faults.push(tooLong(path, annotationsLimit));
}

export interface SelectorRules {
  /** Stored before values were checked. */
  readonly allowInvalidValues?: boolean;
  readonly allowUnknownOperators?: boolean;
}

export function checkLabelSelector(
  faults: Faults,
  path: string,
  selector: Readonly<LabelSelector> | undefined,
  rules: SelectorRules = {},
): void {
  if (!selector) return;
  checkLabels(faults, `${path}.matchLabels`, selector.matchLabels);
  selector.matchExpressions?.forEach((expression, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    const values = expression.values ?? [];
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (values.length === 0)
        faults.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length > 0)
        faults.push(
          forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
    } else if (!rules.allowUnknownOperators) {
      faults.push(invalidValue(`${at}.operator`, expression.operator ?? '', 'not a valid selector operator'));
    }
    checkQualifiedName(faults, `${at}.key`, expression.key ?? '');
    if (!rules.allowInvalidValues)
      values.forEach((value, j) => check(faults, `${at}.values[${j}]`, value, isLabelValue(value)));
  });
}

export function hasInvalidSelectorValue(selector: Readonly<LabelSelector> | undefined): boolean {
  return selector?.matchExpressions?.some((e) => e.values?.some((value) => isLabelValue(value).length > 0)) === true;
}

const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const wholeHttpPath = new RegExp(`^${httpPath}$`);

/** `acme.io/foo` */
export function checkDomainPath(faults: Faults, path: string, value: string): void {
  if (value === '') {
    faults.push(required(path));
    return;
  }
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    faults.push(invalidValue(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  const host = value.slice(0, slash);
  const rest = value.slice(slash + 1);
  check(faults, path, host, isDns1123Subdomain(host));
  if (!wholeHttpPath.test(rest)) faults.push(invalidValue(path, rest, regexError('Invalid path', httpPath)));
}

/** What must have a value of a list. `supported` in the order in which the message lists it. */
export function checkOneOf(
  faults: Faults,
  path: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (!supported.includes(value ?? '')) faults.push(notSupported(path, value ?? '', supported));
}
/** The same where nothing is a fault of its own. */
export function checkRequiredOneOf(
  faults: Faults,
  path: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (!value) faults.push(required(path));
  else if (!supported.includes(value)) faults.push(notSupported(path, value, supported));
}

/** Addresses in fields that once took sloppy ones; `stored` values stay valid. */
export function checkLegacyIp(faults: Faults, path: string, value: string, stored: readonly string[] = []): void {
  faults.push(...validateLegacyIp(path, value, { strict: true, old: stored }));
}
/** Addresses in newer fields. */
export function checkIp(faults: Faults, path: string, value: string): void {
  faults.push(...validateIp(path, value));
}
export function checkLegacyCidr(faults: Faults, path: string, value: string, stored: readonly string[] = []): void {
  faults.push(...validateLegacyCidr(path, value, { strict: true, old: stored }));
}
export function checkCidr(faults: Faults, path: string, value: string): void {
  faults.push(...validateCidr(path, value));
}
