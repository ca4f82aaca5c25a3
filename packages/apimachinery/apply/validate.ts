import { displayPathElement } from './path-element.ts';
import type { ListNode, MapNode, TypedNode } from './typed-schema.ts';
import { asList, asMap, itemElement, scalarError, shown, sortOf } from './typed-value.ts';

/**
 * Checks a value against its typed schema before it is applied: structured-merge-diff's words for what does not fit.
 */
export interface TypedError {
  /** `.spec.containers[name="c"].image` */
  readonly path: string;
  readonly message: string;
}

/** Several errors as upstream prints them. */
export function typedErrorText(errors: readonly TypedError[]): string {
  const texts = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return texts.length === 1 ? (texts[0] as string) : ['errors:', ...texts.map((text) => `  ${text}`)].join('\n');
}

/** `allowDuplicates` is for objects that exist already. */
export function validateTyped(node: TypedNode, value: unknown, allowDuplicates: boolean): TypedError[] {
  const errors: TypedError[] = [];
  visit(node, value, '', allowDuplicates, errors);
  return errors;
}

function visit(node: TypedNode, value: unknown, path: string, allowDuplicates: boolean, errors: TypedError[]): void {
  const sort = sortOf(node, value);
  if (sort === 'map') visitMap(node.map as MapNode, value, path, allowDuplicates, errors);
  else if (sort === 'list') visitList(node.list as ListNode, value, path, allowDuplicates, errors);
  else {
    const message = scalarError(node.scalar as NonNullable<TypedNode['scalar']>, value);
    if (message !== undefined) errors.push({ path, message });
  }
}

function visitMap(node: MapNode, value: unknown, path: string, allowDuplicates: boolean, errors: TypedError[]): void {
  if (value === null) return;
  const map = asMap(value);
  if (map === undefined) {
    errors.push({ path, message: `expected map, got ${shown(value)}` });
    return;
  }
  for (const key of Object.keys(map)) {
    const child = node.fields.get(key)?.node ?? node.element;
    if (child === undefined) {
      errors.push({ path: `${path}.${key}`, message: 'field not declared in schema' });
      return;
    }
    visit(child, map[key], `${path}.${key}`, allowDuplicates, errors);
  }
}

function visitList(node: ListNode, value: unknown, path: string, allowDuplicates: boolean, errors: TypedError[]): void {
  if (value === null) return;
  const list = asList(value);
  if (list === undefined) {
    errors.push({ path, message: `expected list, got ${shown(value)}` });
    return;
  }
  const seen = new Set<string>();
  for (let i = 0; i < list.length; i++) {
    let element = `i:${i}`;
    if (!node.atomic) {
      try {
        element = itemElement(node, list[i]);
      } catch (error) {
        errors.push({ path, message: `element ${i}: ${(error as Error).message}` });
        return;
      }
      if (seen.has(element) && !allowDuplicates)
        errors.push({ path, message: `duplicate entries for key ${displayPathElement(element)}` });
      seen.add(element);
    }
    visit(node.items, list[i], path + displayPathElement(element), allowDuplicates, errors);
  }
}
