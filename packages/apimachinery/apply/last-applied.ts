import { getOwn, isObject } from '../decode/copy-json.ts';
import { writeSorted } from '../json-writer.ts';
import type { KubernetesObject } from '../object.ts';
import { compareObjects } from './compare.ts';
import { type FieldSet, difference } from './field-set.ts';
import { toFieldSet } from './to-field-set.ts';
import type { FieldContext } from './update-managed-fields.ts';
import { validateTyped } from './validate.ts';

/** What kubectl's client-side apply keeps, and how objects move from it to server-side apply and back. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Only kubectl's own manager takes over from client-side apply. */
export const KUBECTL = 'kubectl';

/** Limit of all annotations of an object together. */
const MAX_ANNOTATIONS_SIZE = 256 * 1024;

export function lastApplied(object: Readonly<KubernetesObject>): string {
  const annotations: unknown = object.metadata?.annotations;
  const value = isObject(annotations) ? getOwn(annotations, LAST_APPLIED) : undefined;
  return typeof value === 'string' ? value : '';
}

/**
 * Fields that client-side apply set and that are still as it set them: kubectl may take these over from any manager.
 * Undefined when the annotation does not tell.
 */
export function fieldsOfLastApplied(
  live: Readonly<KubernetesObject>,
  { schema, apiVersion }: FieldContext,
): FieldSet | undefined {
  const text = lastApplied(live);
  if (text === '') return undefined;
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(config) || typeof config['kind'] !== 'string' || config['apiVersion'] !== apiVersion) return undefined;
  if (validateTyped(schema.root, config, false).length > 0) return undefined;
  const { taken, removed } = compareObjects(schema.root, config, live);
  return difference(difference(toFieldSet(schema.root, config), taken), removed);
}

/** The object with the annotation brought up to date, so that a later client-side apply starts from this configuration. */
export function withLastApplied(
  object: Readonly<KubernetesObject>,
  config: Readonly<Record<string, unknown>>,
): KubernetesObject {
  const annotations: Record<string, string> = {
    ...object.metadata?.annotations,
    [LAST_APPLIED]: `${writeSorted(withoutAnnotation(config))}\n`,
  };
  if (sizeOf(annotations) > MAX_ANNOTATIONS_SIZE) delete annotations[LAST_APPLIED];
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function withoutAnnotation(config: Readonly<Record<string, unknown>>): unknown {
  const { metadata } = config;
  if (!isObject(metadata) || !isObject(metadata['annotations'])) return config;
  const { [LAST_APPLIED]: _, ...annotations } = metadata['annotations'];
  return { ...config, metadata: { ...metadata, annotations } };
}

function sizeOf(annotations: Record<string, string>): number {
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) size += Buffer.byteLength(key) + Buffer.byteLength(value);
  return size;
}
