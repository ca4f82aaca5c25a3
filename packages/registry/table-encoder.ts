import { stringifyJson } from '@nodeless/apimachinery/json';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { Encoded } from './registry.ts';
import type { ServedResource } from './resource-table.ts';
import type { ColumnDefinition, RowPrinter } from './table.ts';

/** metav1.Table and PartialObjectMetadata in place of objects: what `kubectl get` and metadata informers ask for by Accept. */
export interface TableOptions {
  /** What stands in a row's `object`: the default is its metadata. */
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  /** The version of meta.k8s.io asked for: v1 or v1beta1. */
  readonly version: string;
  /** False for all events of a watch but the first: the client knows the columns. */
  readonly columns: boolean;
  /** ms, for ages. */
  readonly now: number;
}

export interface TableMetadata {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function encodeTable(
  served: ServedResource,
  items: readonly Encoded[],
  metadata: TableMetadata,
  options: TableOptions,
): Buffer {
  const { columns, print } = served.definition.table ?? defaultTable;
  const { resourceVersion, continue: next, remainingItemCount } = metadata;
  const meta = stringifyJson({
    resourceVersion: resourceVersion || undefined,
    continue: next || undefined,
    remainingItemCount,
  });
  const head = `{"kind":"Table","apiVersion":"meta.k8s.io/${options.version}","metadata":${meta},"columnDefinitions":${options.columns ? columnsText(columns) : 'null'},"rows":[`;
  const parts: Uint8Array[] = [Buffer.from(head)];
  items.forEach((item, i) => {
    const row = print(item.stored(), options.now);
    const conditions =
      row.conditions && row.conditions.length > 0 ? `,"conditions":${stringifyJson(row.conditions)}` : '';
    parts.push(Buffer.from(`${i === 0 ? '' : ','}{"cells":${stringifyJson(row.cells)}${conditions},"object":`));
    parts.push(rowObject(item, options), closeBrace);
  });
  parts.push(tableEnd);
  return Buffer.concat(parts);
}

const closeBrace = Buffer.from('}');
const tableEnd = Buffer.from(']}');
const nothing = Buffer.from('null');

function rowObject(item: Encoded, { includeObject, version }: TableOptions): Uint8Array {
  if (includeObject === 'None') return nothing;
  return includeObject === 'Object' ? item.bytes() : encodePartialMetadata(item, version);
}

const columnTexts = new WeakMap<readonly ColumnDefinition[], string>();

function columnsText(columns: readonly ColumnDefinition[]): string {
  let text = columnTexts.get(columns);
  if (text === undefined) {
    text = stringifyJson(
      columns.map(({ name, type, format, description, priority }) => ({ name, type, format, description, priority })),
    );
    columnTexts.set(columns, text);
  }
  return text;
}

/** One PartialObjectMetadata, cut out of the object's bytes. */
export function encodePartialMetadata(item: Encoded, version: string): Buffer {
  return Buffer.concat([
    Buffer.from(`{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":`),
    metadataBytes(item),
    closeBrace,
  ]);
}

export function encodePartialMetadataList(items: readonly Encoded[], metadata: TableMetadata, version: string): Buffer {
  const { resourceVersion, continue: next, remainingItemCount } = metadata;
  const meta = stringifyJson({
    resourceVersion: resourceVersion || undefined,
    continue: next || undefined,
    remainingItemCount,
  });
  const parts: Uint8Array[] = [
    Buffer.from(
      `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${version}","metadata":${meta},"items":[`,
    ),
  ];
  items.forEach((item, i) => {
    if (i > 0) parts.push(comma);
    parts.push(encodePartialMetadata(item, version));
  });
  parts.push(tableEnd);
  return Buffer.concat(parts);
}

const comma = Buffer.from(',');
const metadataKey = Buffer.from('"metadata":{');

/** The JSON of metadata within the object's JSON. Keys of custom resources are sorted, so it need not be the first one. */
function metadataBytes(item: Encoded): Uint8Array {
  const bytes = item.bytes();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = item.itemOffset();
  if (buffer.subarray(first, first + metadataKey.length).equals(metadataKey)) {
    const start = first + metadataKey.length - 1;
    return buffer.subarray(start, endOfObject(buffer, start));
  }
  return Buffer.from(stringifyJson(item.object().metadata ?? {}));
}

const quote = 0x22;
const backslash = 0x5c;

/** Where the object that opens at `start` is over. */
function endOfObject(json: Buffer, start: number): number {
  let depth = 0;
  for (let i = start; i < json.length; i++) {
    const byte = json[i];
    if (byte === quote) {
      for (i++; json[i] !== quote; i++) if (json[i] === backslash) i++;
    } else if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return i + 1;
  }
  throw new Error('unterminated object');
}

/** Upstream's words for the two columns that every kind has. */
export const nameDescription =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';
export const createdDescription =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

/** What a kind without columns of its own shows. */
const defaultTable: { columns: readonly ColumnDefinition[]; print: RowPrinter } = {
  columns: [
    { name: 'Name', type: 'string', format: 'name', description: nameDescription, priority: 0 },
    { name: 'Created At', type: 'date', format: '', description: createdDescription, priority: 0 },
  ],
  print: ({ metadata }: Readonly<UnknownObject>) => ({
    cells: [metadata?.name ?? '', metadata?.creationTimestamp ?? '<unknown>'],
  }),
};
