import { stringifyJson } from './json.ts';
import { compareGoStrings, structWriter, writeSorted } from './json-writer.ts';
import { quoteJson } from './json.ts';
import { type KubernetesObject, parseApiVersion } from './object.ts';
import { META_V1, type StructType, typeForKind, typeOf } from './schema.ts';

/**
 * The canonical wire form of objects: the bytes that are stored, sent and watched. Built-in kinds are written in the
 * order of Go's structs (kind, apiVersion, metadata, …), all others with their keys sorted, as kube-apiserver does.
 *
 * A revision is always written with sixteen digits (they start at seconds × 2^20), so an object can be encoded before
 * its revision is known, and the revision put in place later.
 */
export interface EncodedObject {
  readonly bytes: Buffer;
  /** Where the sixteen digits of metadata.resourceVersion are. */
  readonly revisionOffset: number;
  /**
   * As an item of a list the object is `{` followed by the bytes from here on: items of built-in lists have neither
   * kind nor apiVersion.
   */
  readonly itemOffset: number;
}

const DIGITS = 16;
const placeholder = '0'.repeat(DIGITS);

/** The type of a built-in object by its own kind and apiVersion; undefined for custom resources. */
export function typeOfObject(object: KubernetesObject): StructType | undefined {
  const gv = parseApiVersion(object.apiVersion ?? '');
  return gv === undefined || object.kind === undefined ? undefined : typeForKind(gv.group, gv.version, object.kind);
}

/** Any object, list or status, as text. `type` = how to write it; by default what its kind and apiVersion say. */
export function encodeText(object: KubernetesObject, type: StructType | undefined = typeOfObject(object)): string {
  return type === undefined ? writeSorted(object) : structWriter(type).write(object);
}

export function encodeObject(object: KubernetesObject, type?: StructType): Buffer {
  return Buffer.from(encodeText(object, type ?? typeOfObject(object)));
}

/** Encodes with room for a revision: `writeRevision` before the bytes are shown to anyone. */
export function encodeWithRevision(
  object: KubernetesObject,
  type: StructType | undefined = typeOfObject(object),
): EncodedObject {
  const { head, tail, itemOffset } = type === undefined ? splitSorted(object) : splitTyped(object, type);
  return { bytes: Buffer.from(head + placeholder + tail), revisionOffset: Buffer.byteLength(head), itemOffset };
}

/** @throws RangeError when the revision does not have sixteen digits. */
export function writeRevision(bytes: Uint8Array, revisionOffset: number, revision: number): void {
  if (!Number.isSafeInteger(revision) || revision < 1e15)
    throw new RangeError(`revision ${revision} does not have ${DIGITS} digits`);
  let rest = revision;
  for (let i = revisionOffset + DIGITS - 1; i >= revisionOffset; i--) {
    const next = Math.floor(rest / 10);
    bytes[i] = 0x30 + (rest - next * 10);
    rest = next;
  }
}

/** A copy of the bytes with another revision. */
export function withRevision(bytes: Uint8Array, revisionOffset: number, revision: number): Buffer {
  const copy = Buffer.from(bytes);
  writeRevision(copy, revisionOffset, revision);
  return copy;
}

export function readRevision(bytes: Uint8Array, revisionOffset: number): number {
  let revision = 0;
  for (let i = revisionOffset; i < revisionOffset + DIGITS; i++) revision = revision * 10 + (bytes[i] as number) - 0x30;
  return revision;
}

interface Split {
  /** Up to and including the quote before the revision. */
  head: string;
  tail: string;
  itemOffset: number;
}

const objectMeta = (): StructType => typeOf(`${META_V1}.ObjectMeta`);

function splitTyped(object: KubernetesObject, type: StructType): Split {
  const whole = structWriter(type);
  const meta = structWriter(objectMeta());
  const values = object as Record<string, unknown>;
  const metadata = (object.metadata ?? {}) as Record<string, unknown>;
  const metadataAt = whole.indexOf('metadata');
  const versionAt = meta.indexOf('resourceVersion');
  const typeText = whole.members(values, 0, metadataAt);
  const before = meta.members(metadata, 0, versionAt);
  const after = meta.members(metadata, versionAt + 1, meta.size);
  const rest = whole.members(values, metadataAt + 1, whole.size);
  const prefix = typeText === '' ? '{' : `{${typeText},`;
  return {
    head: `${prefix}"metadata":{${before}${before === '' ? '' : ','}"resourceVersion":"`,
    tail: `"${after === '' ? '' : ','}${after}}${rest === '' ? '' : ','}${rest}}`,
    itemOffset: Buffer.byteLength(prefix),
  };
}

function splitSorted(object: KubernetesObject): Split {
  const top = splitMembers(object as Record<string, unknown>, 'metadata');
  const metadata = splitMembers((object.metadata ?? {}) as Record<string, unknown>, 'resourceVersion');
  return {
    head: `{${top.before}"metadata":{${metadata.before}"resourceVersion":"`,
    tail: `"${metadata.after}}${top.after}}`,
    itemOffset: 1,
  };
}

/** Sorted members before and after `key`, with their commas. */
function splitMembers(object: Record<string, unknown>, key: string): { before: string; after: string } {
  let before = '';
  let after = '';
  for (const name of Object.keys(object).sort(compareGoStrings)) {
    if (name === key || object[name] === undefined) continue;
    const member = `${quoteJson(name)}:${writeSorted(object[name])}`;
    if (compareGoStrings(name, key) < 0) before += `${member},`;
    else after += `,${member}`;
  }
  return { before, after };
}

export interface ListHead {
  /** `PodList` */
  readonly kind: string;
  readonly apiVersion: string;
  /** In the order in which it is to be written: resourceVersion, continue, remainingItemCount. */
  readonly metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
}
/** What an item is made of; a stored value has it in its header. */
export interface ListItem {
  readonly bytes: Uint8Array;
  readonly itemOffset: number;
}

/** What stands before and after the items of a list; between them are commas. */
export function encodeListFrame(list: ListHead, builtIn = true): { head: string; tail: string } {
  const { resourceVersion, continue: next, remainingItemCount } = list.metadata;
  if (!builtIn) {
    const metadata = writeSorted({ ...list.metadata });
    return {
      head: `{"apiVersion":${quoteJson(list.apiVersion)},"items":[`,
      tail: `],"kind":${quoteJson(list.kind)},"metadata":${metadata}}`,
    };
  }
  const metadata = stringifyJson({
    resourceVersion: resourceVersion || undefined,
    continue: next || undefined,
    remainingItemCount,
  });
  return {
    head: `{"kind":${quoteJson(list.kind)},"apiVersion":${quoteJson(list.apiVersion)},"metadata":${metadata},"items":[`,
    tail: ']}',
  };
}

/** A whole list from the bytes of its items, none of which is parsed. */
export function encodeList(list: ListHead, items: readonly ListItem[], builtIn = true): Buffer {
  const frame = encodeListFrame(list, builtIn);
  const head = Buffer.from(frame.head);
  const tail = Buffer.from(frame.tail);
  let size = head.length + tail.length + Math.max(items.length - 1, 0);
  for (const item of items) size += item.bytes.length - item.itemOffset + 1;
  const out = Buffer.allocUnsafeSlow(size);
  let at = head.copy(out);
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as ListItem;
    if (i > 0) out[at++] = 0x2c;
    out[at++] = 0x7b;
    out.set(item.itemOffset === 0 ? item.bytes : item.bytes.subarray(item.itemOffset), at);
    at += item.bytes.length - item.itemOffset;
  }
  tail.copy(out, at);
  return out;
}
