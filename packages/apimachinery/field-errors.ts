import { stringifyJson } from './json.ts';
import { quoteGo } from './quote-go.ts';
import type { FieldError } from './status.ts';

/**
 * Where a fault is: `path('spec').child('containers').index(0).child('name')` is `spec.containers[0].name`. Cheap to
 * make: the text is put together only for an error.
 */
export class FieldPath {
  readonly #parent: FieldPath | undefined;
  /** A member name, or an index or key with its brackets. */
  readonly #element: string | number;
  readonly #isMember: boolean;

  constructor(parent: FieldPath | undefined, element: string | number, isMember: boolean) {
    this.#parent = parent;
    this.#element = element;
    this.#isMember = isMember;
  }
  child(...names: string[]): FieldPath {
    return names.reduce((parent: FieldPath, name) => new FieldPath(parent, name, true), this);
  }
  index(index: number): FieldPath {
    return new FieldPath(this, index, false);
  }
  key(key: string): FieldPath {
    return new FieldPath(this, key, false);
  }
  toString(): string {
    const before = this.#parent === undefined ? '' : this.#parent.toString();
    if (!this.#isMember || this.#element === '') return `${before}[${this.#element}]`;
    return before === '' ? `${this.#element}` : `${before}.${this.#element}`;
  }
}

export function path(name: string, ...more: string[]): FieldPath {
  return new FieldPath(undefined, name, true).child(...more);
}

/** A value whose text is known, for what JSON does not show as Go does: an internal type, a struct's field order. */
export class GoText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A value as field errors show it: strings quoted, everything else as JSON. */
export function formatBadValue(value: unknown): string {
  if (typeof value === 'string') return quoteGo(value);
  if (value instanceof GoText) return value.text;
  return value === undefined ? 'null' : stringifyJson(value);
}

type Where = FieldPath | string;

function error(
  type: FieldError['type'],
  where: Where,
  title: string,
  value: string | undefined,
  detail: string,
): FieldError {
  let message = value === undefined ? title : `${title}: ${value}`;
  if (detail !== '') message += `: ${detail}`;
  return { type, field: where.toString(), message };
}

export function required(where: Where, detail = ''): FieldError {
  return error('FieldValueRequired', where, 'Required value', undefined, detail);
}
export function invalidValue(where: Where, value: unknown, detail: string): FieldError {
  return error('FieldValueInvalid', where, 'Invalid value', formatBadValue(value), detail);
}
/** The value has the wrong type. */
export function typeInvalid(where: Where, value: unknown, detail: string): FieldError {
  return error('FieldValueTypeInvalid', where, 'Invalid value', formatBadValue(value), detail);
}
/** `valid` in the order in which they are to be listed: upstream sorts most lists. */
export function notSupported(where: Where, value: unknown, valid: readonly string[]): FieldError {
  const detail = valid.length === 0 ? '' : `supported values: ${valid.map(quoteGo).join(', ')}`;
  return error('FieldValueNotSupported', where, 'Unsupported value', formatBadValue(value), detail);
}
export function forbiddenField(where: Where, detail: string): FieldError {
  return error('FieldValueForbidden', where, 'Forbidden', undefined, detail);
}
export function duplicate(where: Where, value: unknown): FieldError {
  return error('FieldValueDuplicate', where, 'Duplicate value', formatBadValue(value), '');
}
export function notFoundValue(where: Where, value: unknown): FieldError {
  return error('FieldValueNotFound', where, 'Not found', formatBadValue(value), '');
}
/** Too many bytes. */
export function tooLong(where: Where, max: number): FieldError {
  return error(
    'FieldValueTooLong',
    where,
    'Too long',
    undefined,
    max < 0 ? 'value is too long' : `may not be more than ${plural(max, 'byte')}`,
  );
}
export function tooLongCharacters(where: Where, max: number): FieldError {
  return error(
    'FieldValueTooLong',
    where,
    'Too long',
    undefined,
    max < 0 ? 'value is too long' : `may not be more than ${plural(max, 'character')}`,
  );
}
export function tooShort(where: Where, min: number): FieldError {
  return error(
    'FieldValueTooShort',
    where,
    'Too short',
    undefined,
    min < 0 ? 'value is too short' : `must be at least ${plural(min, 'character')}`,
  );
}
/** `actual` below 0 is not shown. */
export function tooMany(where: Where, actual: number, max: number): FieldError {
  return error(
    'FieldValueTooMany',
    where,
    'Too many',
    actual < 0 ? undefined : `${actual}`,
    max < 0 ? 'has too many items' : `must have at most ${plural(max, 'item')}`,
  );
}
export function tooFew(where: Where, actual: number, min: number): FieldError {
  return error(
    'FieldValueTooFew',
    where,
    'Too few',
    `${actual}`,
    min < 0 ? 'has too few items' : `must have at least ${plural(min, 'item')}`,
  );
}
export function internalFieldError(where: Where, message: string): FieldError {
  return error('InternalError', where, 'Internal error', undefined, message);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** An error as text: `spec.x: Invalid value: 5: must be …`. */
export function formatFieldError(fault: FieldError): string {
  return `${fault.field}: ${fault.message}`;
}

/** Several errors as one text: once each, in brackets when there are more than one (field.ErrorList.ToAggregate). */
export function aggregate(messages: readonly string[]): string {
  const distinct = [...new Set(messages)];
  return distinct.length === 1 ? (distinct[0] as string) : distinct.length === 0 ? '' : `[${distinct.join(', ')}]`;
}
