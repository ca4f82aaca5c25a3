import { createEventCodec } from '@nodeless/store/dynamodb/event-codec';
import { createStates, inlineBytes } from '@nodeless/store/dynamodb/states';
import type { Attributes } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { createMemoryTable } from './memory-table.ts';

const attributes: Attributes = { labels: { a: 'b' }, fields: undefined, owners: ['u'], trigger: '' };

function setUp() {
  const table = createMemoryTable();
  const codec = createEventCodec();
  let ids = 0;
  return { table, codec, states: createStates({ table, codec, newId: () => `id${ids++}`, now: () => 5 }) };
}

/** Bytes that no compression makes smaller. */
function noise(length: number, seed: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
      return (state >>> 24) & 0xff;
    }),
  );
}

describe('stored states', () => {
  it.each([0, 1, 127, 128, 5000, 290_000])('a body of %i bytes comes back, inline', async (length) => {
    const { states, table } = setUp();
    for (const bytes of [noise(length, 7), Buffer.alloc(length, 'a')]) {
      const packed = states.pack({ value: { bytes }, attributes });
      await states.spill('/pods/', [packed]);
      const entry = await states.entry('/pods/a/x', 5, packed, 1);
      expect(Buffer.compare(entry.value.bytes, bytes)).toBe(0);
      expect(entry.attributes).toEqual(attributes);
    }
    expect(table.bodies.size).toBe(0);
  });

  it('the largest bodies of a batch go into pieces until the rest fits', async () => {
    const { states, table, codec } = setUp();
    const bodies = [noise(100_000, 1), noise(900_000, 2), noise(150_000, 3), noise(120_000, 4)];
    const packed = bodies.map((bytes) => states.pack({ value: { bytes }, attributes }));
    packed[1]!.expires = 77;
    await states.spill('/pods/', packed);
    expect(packed.map(({ body }) => 'inline' in body)).toEqual([true, false, false, true]);
    const inline = packed.flatMap(({ body }) => ('inline' in body ? [body.inline.byteLength] : []));
    expect(inline.reduce((a, b) => a + b)).toBeLessThanOrEqual(inlineBytes);
    // What a body is packed with: the form, and the attributes before the value.
    const head = 1 + codec.join(attributes, new Uint8Array()).byteLength;
    expect([...table.bodies.values()].map(({ data, expires }) => [data.byteLength, expires])).toEqual([
      [380_000, 77],
      [380_000, 77],
      [140_000 + head, 77],
      [150_000 + head, undefined],
    ]);
    for (const [i, one] of packed.entries()) {
      expect(Buffer.compare((await states.entry('/pods/a/x', 5, one, 1)).value.bytes, bodies[i]!)).toBe(0);
    }
  });

  it('a body with a piece missing is an error, not half a body', async () => {
    const { states, table } = setUp();
    const packed = states.pack({ value: { bytes: noise(900_000, 2) }, attributes });
    await states.spill('/pods/', [packed]);
    table.bodies.delete([...table.bodies.keys()][1]!);
    await expect(states.entry('/pods/a/x', 5, packed, 1)).rejects.toThrow(/2 of its 3 parts/);
  });
});

describe('the events of a log entry', () => {
  it('come back as they were', () => {
    const { codec, states } = setUp();
    const state = states.pack({ value: { bytes: Buffer.from('body') }, attributes });
    const large = { body: { chunks: { id: 'abc', parts: 3 } } };
    const changes = [
      { type: 'put' as const, rest: 'a/x', revision: 2 ** 52, state, previous: undefined },
      {
        type: 'put' as const,
        rest: 'ü/🐙',
        revision: 2 ** 52 + 1,
        state: large,
        previous: { revision: 7, state: undefined },
      },
      {
        type: 'delete' as const,
        rest: '/n',
        revision: 2 ** 52 + 2,
        state,
        previous: { revision: 2 ** 52, state: large },
      },
    ];
    const decoded = codec.decode(codec.encode(changes));
    expect(JSON.stringify(decoded, plainBytes)).toBe(
      JSON.stringify(
        changes.map((c) => ({ ...c, state: pick(c.state) })),
        plainBytes,
      ),
    );
  });
});

function pick({ body }: { body: unknown }): unknown {
  return { body };
}

function plainBytes(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { type, data } = value as { type?: string; data?: unknown };
  if (type === 'Buffer') return data;
  return value instanceof Uint8Array ? [...value] : value;
}
