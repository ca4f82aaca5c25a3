import type { Attributes, Entry, StoreEvent } from '@nodeless/store/store';
import { createAttributesReader, writeAttributes } from '@nodeless/store/leveldb/attributes-codec';
import { createByteReader } from '@nodeless/store/leveldb/byte-reader';
import { createByteWriter } from '@nodeless/store/leveldb/byte-writer';
import { createRecordReader, createRecordWriter, keys } from '@nodeless/store/leveldb/records';
import { createSlab } from '@nodeless/store/leveldb/slab';
import type { ValueTransformer } from '@nodeless/store/value-transformer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 60, maxLength: 200 }));
const strings = fc.option(fc.dictionary(text, text), { nil: undefined });
const attributes: fc.Arbitrary<Attributes> = fc.record({
  labels: strings,
  fields: strings,
  owners: fc.option(fc.array(text), { nil: undefined }),
  trigger: fc.option(text, { nil: undefined }),
});
const plain = (of: Attributes) => ({
  ...of,
  labels: of.labels && { ...of.labels },
  fields: of.fields && { ...of.fields },
});

describe('bytes', () => {
  it('come back as they were written', () => {
    const part = fc.oneof(
      fc.record({ varint: fc.maxSafeNat() }),
      fc.record({ double: fc.double() }),
      fc.record({ string: text }),
      fc.record({ bytes: fc.uint8Array({ maxLength: 300 }) }),
      fc.record({ byte: fc.integer({ min: 0, max: 255 }) }),
    );
    const writer = createByteWriter();
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        writer.reset();
        for (const one of parts) {
          if ('varint' in one) writer.varint(one.varint);
          else if ('double' in one) writer.double(one.double);
          else if ('string' in one) writer.string(one.string);
          else if ('byte' in one) writer.byte(one.byte);
          else {
            const opened = writer.openLength();
            writer.bytes(one.bytes);
            writer.close(opened);
          }
        }
        const reader = createByteReader(writer.since(0));
        for (const one of parts) {
          if ('varint' in one) expect(reader.varint()).toBe(one.varint);
          else if ('double' in one) expect(reader.double()).toBe(one.double);
          else if ('string' in one) expect(reader.string()).toBe(one.string);
          else if ('byte' in one) expect(reader.byte()).toBe(one.byte);
          else expect(new Uint8Array(reader.enclosed())).toEqual(one.bytes);
        }
        expect(reader.done()).toBe(true);
        expect(() => reader.byte()).toThrow(RangeError);
      }),
    );
  });

  it('views stay valid while the buffer grows', () => {
    const writer = createByteWriter();
    writer.string('first');
    const first = writer.since(0);
    const start = writer.position();
    writer.bytes(new Uint8Array(10_000_000).fill(7));
    const second = writer.since(start);
    writer.string('third');
    expect(createByteReader(first).string()).toBe('first');
    expect(second.every((byte) => byte === 7)).toBe(true);
    writer.reset();
    expect(writer.position()).toBe(0);
  });

  it('a record that was cut short is noticed', () => {
    const writer = createByteWriter();
    writer.string('a long enough text');
    expect(() => createByteReader(writer.since(0).subarray(0, 5)).string()).toThrow(RangeError);
  });
});

describe('attributes', () => {
  it('come back as they were written', () => {
    const writer = createByteWriter();
    const read = createAttributesReader();
    fc.assert(
      fc.property(attributes, (of) => {
        writer.reset();
        writeAttributes(writer, of);
        expect(plain(read(Buffer.from(writer.since(0))))).toEqual(plain(of));
      }),
    );
  });

  it('inherit nothing, and equal ones are one object', () => {
    const writer = createByteWriter();
    const labels = JSON.parse('{"__proto__":"x","app":"y"}') as Record<string, string>;
    writeAttributes(writer, { labels, fields: {}, owners: [], trigger: '' });
    const read = createAttributesReader();
    const first = read(Buffer.from(writer.since(0)));
    expect(Object.hasOwn(first.labels!, '__proto__')).toBe(true);
    expect(first.labels!['constructor']).toBeUndefined();
    expect('toString' in first.labels!).toBe(false);
    expect([first.fields, first.owners, first.trigger].map((part) => JSON.stringify(part))).toEqual(['{}', '[]', '""']);
    expect(read(Buffer.from(writer.since(0)))).toBe(first);
  });
});

const none: Attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const entry = (key: string, revision: number, body: string): Entry => ({
  key,
  revision,
  value: { bytes: Buffer.from(body) },
  attributes: { ...none, labels: { body } },
});
const shown = (of: Entry | undefined) =>
  of && {
    key: of.key,
    revision: of.revision,
    body: Buffer.from(of.value.bytes).toString(),
    labels: { ...of.attributes.labels },
  };

/** Not a cipher: it shows that everything goes through, with its key. */
const scramble: ValueTransformer = {
  toStorage: (bytes, key) => Buffer.concat([Buffer.from(`${key}|`), Buffer.from(bytes.map((byte) => byte ^ 0x5a))]),
  fromStorage: (bytes, key) => {
    const prefix = Buffer.from(`${key}|`);
    if (!prefix.equals(bytes.subarray(0, prefix.length))) throw new Error('exchanged');
    return bytes.subarray(prefix.length).map((byte) => byte ^ 0x5a);
  },
};

describe.each([
  { name: 'as they are', transformer: undefined },
  { name: 'through a transformer', transformer: scramble },
])('records $name', ({ transformer }) => {
  it('a batch comes back', () => {
    const [made, changed, gone] = [
      entry('/pods/a/x', 11, 'made'),
      entry('/pods/a/x', 12, 'changed'),
      entry('/pods/a/x', 13, 'gone'),
    ];
    const events: StoreEvent[] = [
      { type: 'put', key: made.key, revision: 11, entry: made, previous: undefined },
      { type: 'put', key: made.key, revision: 12, entry: changed, previous: made },
      { type: 'delete', key: made.key, revision: 13, entry: gone, previous: changed },
    ];
    const operations = createRecordWriter(transformer).batch(
      { events, after: 13, compactions: [['/pods/', 9]] },
      10,
      1234.5,
    );
    const shapes = operations.map(({ type, key }) => `${type} ${key}`);
    expect(shapes).toEqual([
      'put c/pods/',
      'put o/pods/a/x',
      'put o/pods/a/x',
      'del o/pods/a/x',
      `put ${keys.logEntry(13)}`,
    ]);
    const values = operations.map((operation) => (operation.type === 'put' ? operation.value : new Uint8Array()));
    if (transformer) for (const value of values) expect(Buffer.from(value).includes('changed')).toBe(false);
    const reader = createRecordReader(transformer);
    expect(shown(reader.object(made.key, values[2]!))).toEqual(shown(changed));
    expect(reader.logHead(values[4]!)).toEqual({ time: 1234.5, before: 10, after: 13 });
    const log = reader.log(values[4]!);
    expect(
      log.events.map(({ key, revision, previous, deleted }) => ({
        key,
        revision,
        previous: shown(previous),
        deleted: shown(deleted),
      })),
    ).toEqual([
      { key: made.key, revision: 11, previous: undefined, deleted: undefined },
      { key: made.key, revision: 12, previous: shown(made), deleted: undefined },
      { key: made.key, revision: 13, previous: shown(changed), deleted: shown(gone) },
    ]);
  });

  it('a body is written once for a create, twice for an update', () => {
    const writer = createRecordWriter(transformer);
    const size = (events: StoreEvent[]): number =>
      writer
        .batch({ events, after: 2, compactions: [] }, 0, 0)
        .reduce((sum, one) => sum + (one.type === 'put' ? one.value.byteLength : 0), 0);
    const [old, now] = [entry('/pods/a/x', 1, 'o'.repeat(1000)), entry('/pods/a/x', 2, 'n'.repeat(1000))].map((of) => ({
      ...of,
      attributes: none,
    }));
    expect(size([{ type: 'put', key: now!.key, revision: 2, entry: now!, previous: undefined }])).toBeLessThan(1150);
    expect(size([{ type: 'put', key: now!.key, revision: 2, entry: now!, previous: old! }])).toBeLessThan(2200);
  });
});

it('log entries sort by their counters', () => {
  const counters = [5, 10, 1_985_432_518_656_006, 8_000_000_000_000_000, 9, 99];
  expect(counters.map(keys.logEntry).sort()).toEqual(counters.sort((a, b) => a - b).map(keys.logEntry));
});

it('a slab keeps bodies apart', () => {
  const slab = createSlab(1024);
  const bodies = Array.from({ length: 500 }, (_, i) => Buffer.alloc((i * 37) % 700, i % 251));
  const copies = bodies.map((body) => slab.copy(body));
  for (const body of bodies) body.fill(0xff);
  for (const [i, copy] of copies.entries()) expect(copy.equals(Buffer.alloc((i * 37) % 700, i % 251))).toBe(true);
});
