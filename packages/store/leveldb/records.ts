import type { Batch } from '../watch-cache/committer.ts';
import type { Attributes, Entry, Revision } from '../store.ts';
import type { ValueTransformer } from '../value-transformer.ts';
import { createAttributesReader, writeAttributes } from './attributes-codec.ts';
import { createByteReader } from './byte-reader.ts';
import { createByteWriter } from './byte-writer.ts';
import type { DatabaseOperation } from './database.ts';
import { createSlab } from './slab.ts';

/**
 * What stands in the database (format 1):
 *
 *   m/format            the format, as a decimal number
 *   o<key>              an object: revision, payload
 *   l<counter>          the log entry of one batch: time, counters, events; its key is the counter after the batch
 *   c<type>             explicit compaction of a type: the revision
 *
 * A payload is the attributes and the body, through the transformer. An event names its key and revision and carries
 * the *previous* revision and payload; a delete carries its own payload besides. The payload of a put is the previous
 * one of the next event of the same key or, after the last event, the object itself: nothing is stored twice, and log
 * entries can be dropped from the old end at any time.
 */
export const currentFormat = 1;

export const keys = {
  format: 'm/format',
  objects: { gte: 'o', lt: 'p' },
  log: { gte: 'l', lt: 'm' },
  compactions: { gte: 'c', lt: 'd' },
  object: (key: string): string => `o${key}`,
  logEntry: (counter: number): string => `l${counter.toString().padStart(16, '0')}`,
  compaction: (type: string): string => `c${type}`,
} as const;

const create = 0;
const update = 1;
const remove = 2;

export interface LogRecord {
  readonly time: number;
  /** The store's counter before and after the batch. */
  readonly before: number;
  readonly after: number;
  readonly events: readonly LoggedEvent[];
}

export interface LoggedEvent {
  readonly key: string;
  readonly revision: Revision;
  readonly previous: Entry | undefined;
  /** The delete's own entry; undefined for a put. */
  readonly deleted: Entry | undefined;
}

export interface RecordWriter {
  /** The operations that make a batch durable after counter `before`. They view a shared buffer: valid until the next call. */
  batch(batch: Batch, before: number, time: number): DatabaseOperation[];
  /** The log entry that says that the counter went from one value to another without events. */
  jump(before: number, after: number, time: number): DatabaseOperation;
}

export function createRecordWriter(transformer: ValueTransformer | undefined): RecordWriter {
  const writer = createByteWriter();

  const payload = (entry: Entry): void => {
    const start = writer.position();
    const opened = writer.openLength();
    writeAttributes(writer, entry.attributes);
    writer.close(opened);
    writer.bytes(entry.value.bytes);
    if (!transformer) return;
    const stored = transformer.toStorage(writer.since(start), entry.key);
    writer.rewind(start);
    writer.bytes(stored);
  };
  const enclosedPayload = (entry: Entry): void => {
    const opened = writer.openLength();
    payload(entry);
    writer.close(opened);
  };
  const header = (time: number, before: number, after: number, count: number): void => {
    writer.double(time);
    writer.varint(before);
    writer.varint(after);
    writer.varint(count);
  };

  return {
    batch(batch, before, time) {
      writer.reset();
      const operations: DatabaseOperation[] = [];
      for (const [type, revision] of batch.compactions) {
        const start = writer.position();
        writer.varint(revision);
        operations.push({ type: 'put', key: keys.compaction(type), value: writer.since(start) });
      }
      for (const { type, key, entry } of batch.events) {
        if (type === 'delete') {
          operations.push({ type: 'del', key: keys.object(key) });
          continue;
        }
        const start = writer.position();
        writer.varint(entry.revision);
        payload(entry);
        operations.push({ type: 'put', key: keys.object(key), value: writer.since(start) });
      }
      if (batch.events.length === 0) return operations;
      const start = writer.position();
      header(time, before, batch.after, batch.events.length);
      for (const event of batch.events) {
        writer.byte(event.type === 'delete' ? remove : event.previous ? update : create);
        writer.string(event.key);
        writer.varint(event.revision);
        if (event.previous) {
          writer.varint(event.previous.revision);
          enclosedPayload(event.previous);
        }
        if (event.type === 'delete') enclosedPayload(event.entry);
      }
      operations.push({ type: 'put', key: keys.logEntry(batch.after), value: writer.since(start) });
      return operations;
    },
    jump(before, after, time) {
      writer.reset();
      header(time, before, after, 0);
      return { type: 'put', key: keys.logEntry(after), value: writer.since(0) };
    },
  };
}

export interface RecordReader {
  object(key: string, record: Uint8Array): Entry;
  /** Only the head of a log entry: when, and which counters. */
  logHead(record: Uint8Array): Omit<LogRecord, 'events'>;
  log(record: Uint8Array): LogRecord;
}

export function createRecordReader(transformer: ValueTransformer | undefined): RecordReader {
  const attributesOf = createAttributesReader();
  const slab = createSlab();
  const outer = createByteReader();
  const inner = createByteReader();

  const entryOf = (key: string, revision: Revision, stored: Uint8Array): Entry => {
    const reader = inner.over(transformer ? transformer.fromStorage(stored, key) : stored);
    const attributes: Attributes = attributesOf(reader.enclosed());
    return { key, revision, value: { bytes: slab.copy(reader.rest()), decoded: undefined }, attributes };
  };

  return {
    object(key, record) {
      const reader = outer.over(record);
      return entryOf(key, reader.varint(), reader.rest());
    },
    logHead(record) {
      const reader = outer.over(record);
      return { time: reader.double(), before: reader.varint(), after: reader.varint() };
    },
    log(record) {
      const reader = outer.over(record);
      const head = { time: reader.double(), before: reader.varint(), after: reader.varint() };
      const events: LoggedEvent[] = [];
      for (let count = reader.varint(); count > 0; count--) {
        const type = reader.byte();
        const key = reader.string();
        const revision = reader.varint();
        const previous = type === create ? undefined : entryOf(key, reader.varint(), reader.enclosed());
        const deleted = type === remove ? entryOf(key, revision, reader.enclosed()) : undefined;
        events.push({ key, revision, previous, deleted });
      }
      return { ...head, events };
    },
  };
}
