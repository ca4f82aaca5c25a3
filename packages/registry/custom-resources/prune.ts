import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import {
  type Schema,
  additionalOf,
  isEmbedded,
  itemsOf,
  preservesUnknown,
  propertyOf,
  typeFields,
} from './structural-schema.ts';

/**
 * Removes in place what the schema does not know; the paths of what was removed, sorted. An object that keeps unknown
 * fields keeps them whole; its declared ones are pruned by their own schemas.
 */
export function pruneObject(object: Record<string, unknown>, schema: Schema): string[] {
  const pruned: string[] = [];
  prune(object, schema, true, '', pruned);
  return pruned.sort();
}

function prune(value: unknown, schema: Schema, isResource: boolean, path: string, pruned: string[]): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (!items && preservesUnknown(schema)) return;
    value.forEach((item, i) =>
      prune(item, items ?? {}, items !== undefined && isEmbedded(items), `${path}[${i}]`, pruned),
    );
    return;
  }
  if (!isObject(value)) return;
  const preserve = preservesUnknown(schema);
  const additional = additionalOf(schema);
  for (const key of Object.keys(value)) {
    if (isResource && typeFields.has(key)) continue;
    const at = path === '' ? key : `${path}.${key}`;
    const property = propertyOf(schema, key);
    if (property) prune(value[key], property, isEmbedded(property), at, pruned);
    else if (additional === true) continue;
    else if (additional) prune(value[key], additional, isEmbedded(additional), at, pruned);
    else if (!preserve) {
      pruned.push(at);
      delete value[key];
    }
  }
}
