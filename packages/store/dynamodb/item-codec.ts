import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ChunkRef, Life, LogItem, ObjectItem, PendingChunks, Sequence, StoredBody } from './table.ts';
import { type ItemKey, lifeItemKey, logItemKey, pendingItemKey } from './table-schema.ts';

/** Items of the table as the SDK takes and gives them. */
export type Item = Record<string, AttributeValue>;

export function keyItem({ pk, sk }: ItemKey): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}

const number = (value: number): AttributeValue => ({ N: String(value) });

function numberOf(item: Item, name: string): number {
  const text = item[name]?.N;
  if (text === undefined) throw new Error(`the item ${item['pk']?.S} ${item['sk']?.S} has no number ${name}`);
  return Number(text);
}

function bytesOf(item: Item, name: string): Uint8Array | undefined {
  return item[name]?.B;
}

export function objectToItem(key: ItemKey, { revision, time, state, expires }: ObjectItem): Item {
  const item: Item = { ...keyItem(key), r: number(revision), t: number(time) };
  if (!state) item['g'] = { BOOL: true };
  else if ('inline' in state.body) item['b'] = { B: state.body.inline };
  else item['c'] = chunkRefValue(state.body.chunks);
  if (expires !== undefined) item['x'] = number(expires);
  return item;
}

export function objectFromItem(type: string, item: Item): ObjectItem {
  const key = type + (item['sk']?.S ?? '');
  const body = bodyOf(item);
  return {
    key,
    revision: numberOf(item, 'r'),
    time: numberOf(item, 't'),
    state: body && { body },
  };
}

function bodyOf(item: Item): StoredBody | undefined {
  const inline = bytesOf(item, 'b');
  if (inline) return { inline };
  const ref = item['c']?.M;
  return ref && { chunks: { id: ref['id']?.S ?? '', parts: Number(ref['parts']?.N) } };
}

function chunkRefValue({ id, parts }: ChunkRef): AttributeValue {
  return { M: { id: { S: id }, parts: number(parts) } };
}

export function logToItem(type: string, { seq, count, writer, time, settled, events, expires }: LogItem): Item {
  return {
    ...keyItem(logItemKey(type, seq)),
    k: number(count),
    w: { S: writer },
    t: number(time),
    s: number(settled),
    x: number(expires),
    ...(events ? { e: { B: events } } : {}),
  };
}

export function logFromItem(item: Item): LogItem {
  return {
    seq: Number(item['sk']?.S),
    count: numberOf(item, 'k'),
    writer: item['w']?.S ?? '',
    time: numberOf(item, 't'),
    settled: numberOf(item, 's'),
    events: bytesOf(item, 'e'),
    expires: numberOf(item, 'x'),
  };
}

export function sequenceToItem(key: ItemKey, { last, base, compacted, touched, buckets, settled }: Sequence): Item {
  return {
    ...keyItem(key),
    n: number(last),
    base: number(base),
    compacted: number(compacted),
    t: number(touched),
    buckets: number(buckets),
    s: number(settled),
  };
}

export function sequenceFromItem(item: Item): Sequence {
  return {
    last: numberOf(item, 'n'),
    base: numberOf(item, 'base'),
    compacted: numberOf(item, 'compacted'),
    touched: numberOf(item, 't'),
    buckets: numberOf(item, 'buckets'),
    settled: numberOf(item, 's'),
  };
}

export function pendingToItem(chunks: PendingChunks): Item {
  const { type, id, parts, time } = chunks;
  return {
    ...keyItem(pendingItemKey(chunks)),
    type: { S: type },
    id: { S: id },
    parts: number(parts),
    t: number(time),
  };
}

export function pendingFromItem(item: Item): PendingChunks {
  return {
    type: item['type']?.S ?? '',
    id: item['id']?.S ?? '',
    parts: numberOf(item, 'parts'),
    time: numberOf(item, 't'),
  };
}

export function lifeToItem({ id, base }: Life): Item {
  return { ...keyItem(lifeItemKey), id: { S: id }, base: number(base) };
}

export function lifeFromItem(item: Item): Life {
  return { id: item['id']?.S ?? '', base: numberOf(item, 'base') };
}
