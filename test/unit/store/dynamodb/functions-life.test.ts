import { type ManualClock, createManualClock } from '@nodeless/component-base/manual-clock';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { ObjectItem, Table } from '@nodeless/store/dynamodb/table';
import type { Entry, Operation, Store, StoreEvent } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { type Meter, meterTable } from '../../../builders/metered-table.ts';
import { type MemoryTable, createMemoryTable } from './memory-table.ts';

/** What a function's process lives through: it starts cold, sleeps for minutes or hours between requests, and pays for each look. */
const pods = '/pods/';
const historyMs = 300_000;
const minute = 60_000;

function put(key: string, text: string, trigger?: string): Operation {
  const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger };
  return { type: 'put', key, expected: 'any', attributes, value: () => ({ bytes: Buffer.from(text) }) };
}
function remove(key: string): Operation {
  const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
  return { type: 'delete', key, expected: 'any', attributes, value: () => ({ bytes: Buffer.from('gone') }) };
}
const textOf = ({ value }: Entry): string => Buffer.from(value.bytes).toString();

interface Rig {
  readonly clock: ManualClock;
  readonly raw: MemoryTable;
  readonly meter: Meter;
  /** Another process, always awake; what it asks for is not counted. */
  readonly other: Store;
  readonly open: (table?: Table) => DynamoDbStore;
}

function rig(): Rig {
  const clock = createManualClock();
  const raw = createMemoryTable();
  const meter = meterTable(raw);
  const open = (table: Table = meter.table): DynamoDbStore =>
    createDynamoDbStore({ table, clock, historyMs, pollMs: 250 });
  return { clock, raw, meter, open, other: open(raw) };
}

/** What the time to live takes. */
function sweep({ raw, clock }: Rig): void {
  for (const log of raw.logs.values()) {
    for (const [seq, { expires }] of log) if (expires * 1000 < clock.now()) log.delete(seq);
  }
  for (const [key, { expires = Infinity }] of raw.items) if (expires * 1000 < clock.now()) raw.items.delete(key);
}

async function fill({ other }: Rig): Promise<void> {
  for (let ns = 0; ns < 10; ns++) {
    await other.commit(Array.from({ length: 30 }, (_, i) => put(`/pods/ns${ns}/p${i}`, `${ns}.${i}`, `node-${i % 3}`)));
  }
}

describe('a cold process', () => {
  it('gets an object by reading that, and no more', async () => {
    const one = rig();
    await fill(one);
    const cold = one.open();
    expect(textOf((await cold.get('/pods/ns3/p7'))!)).toBe('3.7');
    expect(one.meter.take().log).toEqual(['get SEQ /pods/ 1r', 'get LIFE 1r', 'get /pods/ns3/p7 1r']);
    expect(await cold.get('/pods/ns3/none')).toBeUndefined();
    expect(one.meter.take().log).toEqual(['get /pods/ns3/none 1r']);
  });

  it('lists a namespace by reading its items, and again by a look at the end of the log', async () => {
    const one = rig();
    await fill(one);
    const cold = one.open();
    const page = await cold.list({ prefix: '/pods/ns3/' });
    expect(page.entries.map(textOf).sort()).toEqual(Array.from({ length: 30 }, (_, i) => `3.${i}`).sort());
    const { log } = one.meter.take();
    expect(log.filter((line) => line.startsWith('query OBJ'))).toHaveLength(4);
    expect(log.every((line) => !line.startsWith('query OBJ /pods/ '))).toBe(true);
    await one.other.commit([put('/pods/ns3/p0', 'new'), put('/pods/ns4/p0', 'elsewhere')]);
    const again = await cold.list({ prefix: '/pods/ns3/', trigger: 'node-1' });
    expect(again.revision).toBe(await one.other.revision(pods));
    expect(again.entries).toHaveLength(10);
    expect(textOf((await cold.list({ prefix: '/pods/ns3/p0' })).entries[0]!)).toBe('new');
    const lines = one.meter.take().log;
    expect(lines[0]).toMatch(/^query LOG \/pods\//);
    expect(lines.filter((line) => line.startsWith('query OBJ'))).toEqual([]);
  });

  it('sees what is committed while it reads a namespace, and its revision is exact', async () => {
    const one = rig();
    await fill(one);
    const { raw, other } = one;
    const scan = async (...args: Parameters<Table['scan']>): Promise<ObjectItem[]> => {
      const stale = await raw.scan(...args);
      await other.commit([put('/pods/ns3/p0', 'changed'), put('/pods/ns3/zz', 'made'), put('/pods/ns5/p0', 'other')]);
      await other.commit([remove('/pods/ns3/p1')]);
      return stale;
    };
    const cold = one.open({ ...raw, scan });
    const page = await cold.list({ prefix: '/pods/ns3/' });
    const expected = await other.list({ prefix: '/pods/ns3/' });
    expect(page.revision).toBe(expected.revision);
    expect(page.entries.map((e) => [e.key, e.revision, textOf(e)])).toEqual(
      expected.entries.map((e) => [e.key, e.revision, textOf(e)]),
    );
  });

  it('pages through a namespace and a type without reading them twice, all pages at one revision', async () => {
    for (const prefix of ['/pods/ns3/', pods]) {
      const one = rig();
      await fill(one);
      const cold = one.open();
      const first = await cold.list({ prefix }, { limit: 10 });
      one.meter.take();
      await one.other.commit([remove('/pods/ns3/p5'), put('/pods/ns3/p6', 'later')]);
      const keys = first.entries.map(({ key }) => key);
      for (let more = first.more; more;) {
        const page = await cold.list({ prefix }, { limit: 10, after: keys.at(-1)!, at: first.revision });
        expect(page.revision).toBe(first.revision);
        keys.push(...page.entries.map(({ key }) => key));
        ({ more } = page);
      }
      expect(keys).toHaveLength(prefix === pods ? 300 : 30);
      expect(new Set(keys).size).toBe(keys.length);
      expect(one.meter.take().log).toEqual([]);
    }
  });

  it('goes on with pages that another process began', async () => {
    const one = rig();
    await fill(one);
    const first = await one.other.list({ prefix: '/pods/ns3/' }, { limit: 20 });
    await one.other.commit([remove('/pods/ns3/p9'), put('/pods/ns3/p8', 'later')]);
    const cold = one.open();
    const rest = await cold.list({ prefix: '/pods/ns3/' }, { after: first.entries.at(-1)!.key, at: first.revision });
    expect(rest.revision).toBe(first.revision);
    expect([...first.entries, ...rest.entries].map(textOf).sort()).toEqual(
      Array.from({ length: 30 }, (_, i) => `3.${i}`).sort(),
    );
  });

  it('knows the revision of a type without reading it', async () => {
    const one = rig();
    await fill(one);
    const cold = one.open();
    expect(await cold.revision(pods)).toBe(await one.other.revision(pods));
    const { log } = one.meter.take();
    expect(log.map((line) => line.split(' ', 2).join(' '))).toEqual(['get SEQ', 'get LIFE', 'query LOG']);
    await cold.revision(pods);
    expect(one.meter.take().log).toEqual(['query LOG /pods/ 1r']);
  });

  it('watches from an earlier revision by reading the objects and the log from there', async () => {
    const one = rig();
    await fill(one);
    const start = await one.other.revision(pods);
    await one.other.commit([put('/pods/ns1/p0', 'second'), remove('/pods/ns1/p1')]);
    const cold = one.open();
    const events: StoreEvent[] = [];
    cold.watch({ prefix: '/pods/ns1/' }, start, { onEvents: (batch) => void events.push(...batch), onEnd: () => {} });
    await one.clock.advance(1);
    expect(events.map(({ type, key, previous }) => [type, key, previous && textOf(previous)])).toEqual([
      ['put', '/pods/ns1/p0', '1.0'],
      ['delete', '/pods/ns1/p1', '1.1'],
    ]);
    await cold.close();
  });

  it('watches a namespace by reading that, and goes on by looks at the end of the log', async () => {
    const one = rig();
    await fill(one);
    const start = await one.other.revision(pods);
    await one.other.commit([put('/pods/ns1/p0', 'second'), put('/pods/ns2/p0', 'elsewhere')]);
    const cold = one.open();
    const events: StoreEvent[] = [];
    cold.watch({ prefix: '/pods/ns1/' }, start, { onEvents: (batch) => void events.push(...batch), onEnd: () => {} });
    await one.clock.advance(1);
    expect(events.map(({ entry }) => textOf(entry))).toEqual(['second']);
    expect(one.meter.take().log.filter((line) => line.startsWith('query OBJ /pods/ '))).toEqual([]);
    await one.other.commit([put('/pods/ns1/p1', 'third'), put('/pods/ns2/p1', 'elsewhere')]);
    // Whoever asks for the revision has its watchers told first.
    const told = await cold.revision(pods);
    expect(told).toBe(await one.other.revision(pods));
    expect(events.map(({ entry }) => textOf(entry))).toEqual(['second', 'third']);
    // The whole type takes over for new readers; the watch goes on.
    await cold.list({ prefix: pods });
    await one.other.commit([put('/pods/ns1/p2', 'fourth')]);
    await one.clock.advance(300);
    cold.poke(pods);
    await one.clock.advance(1);
    expect(events.map(({ entry }) => textOf(entry))).toEqual(['second', 'third', 'fourth']);
    await cold.close();
  });

  it('a list, then a watch from before it: both are whole', async () => {
    const one = rig();
    const start = await one.other.revision(pods);
    await fill(one);
    const cold = one.open();
    await cold.list({ prefix: pods });
    const early: StoreEvent[] = [];
    const late: StoreEvent[] = [];
    const now = await cold.revision(pods);
    cold.watch({ prefix: pods }, now, { onEvents: (batch) => void late.push(...batch), onEnd: () => {} });
    cold.watch({ prefix: pods }, start, { onEvents: (batch) => void early.push(...batch), onEnd: () => {} });
    await one.other.commit([put('/pods/ns1/p0', 'second')]);
    await one.clock.advance(600);
    await one.other.commit([put('/pods/ns1/p0', 'third')]);
    await one.clock.advance(600);
    expect(late.map(({ entry }) => textOf(entry))).toEqual(['second', 'third']);
    expect(early).toHaveLength(302);
    expect(early.slice(-2).map(({ entry }) => textOf(entry))).toEqual(['second', 'third']);
    await cold.close();
  });

  it('whoever lists many namespaces has the whole type in the end, and reads nothing more', async () => {
    const one = rig();
    await fill(one);
    const cold = one.open();
    for (let ns = 0; ns < 10; ns++) expect((await cold.list({ prefix: `/pods/ns${ns}/` })).entries).toHaveLength(30);
    one.meter.take();
    await cold.list({ prefix: '/pods/ns9/' });
    expect(one.meter.take().log).toEqual(['query LOG /pods/ 1r']);
  });
});

describe('a warm process', () => {
  it('pays one look at the end of the log for each type that a request touches', async () => {
    const one = rig();
    await fill(one);
    await one.other.commit([put('/nodes//n', 'n')]);
    const store = one.open();
    await store.list({ prefix: pods });
    await store.list({ prefix: '/nodes/' });
    one.meter.take();
    await Promise.all([
      store.get('/pods/ns1/p1'),
      store.list({ prefix: pods }),
      store.revision(pods),
      store.get('/nodes//n'),
    ]);
    const { log } = one.meter.take();
    expect(log.filter((line) => line.includes('/nodes/'))).toEqual(['query LOG /nodes/ 1r']);
    // Those that come while one is under way share the next.
    expect(log.filter((line) => line.includes('/pods/')).length).toBeLessThanOrEqual(2);
    for (const line of log) expect(line).toMatch(/^query LOG .* 1r$/);
  });

  it('reads one key by itself when it has slept, however much was written meanwhile', async () => {
    const one = rig();
    await fill(one);
    const store = one.open();
    await store.list({ prefix: pods });
    await one.clock.advance(2 * minute);
    for (let i = 0; i < 300; i++) await one.other.commit([put('/pods/ns2/busy', 'x'.repeat(2000) + i)]);
    await one.other.commit([put('/pods/ns1/p1', 'now')]);
    one.meter.take();
    expect(textOf((await store.get('/pods/ns1/p1'))!)).toBe('now');
    expect(one.meter.take()).toMatchObject({ requests: 1, reads: 1 });
  });

  it.each([5, 25, 70, 180, 26 * 60])(
    'that was frozen for %i minutes answers as if it had not been',
    async (minutes) => {
      const one = rig();
      await fill(one);
      const store = one.open();
      const before = await store.list({ prefix: pods });
      await store.list({ prefix: '/pods/ns1/' });
      let ended: unknown;
      const heard: StoreEvent[] = [];
      store.watch({ prefix: pods }, before.revision, {
        onEvents: (batch) => void heard.push(...batch),
        onEnd: (error) => (ended = error),
      });
      await one.clock.advance(1);
      // Frozen: its timers do not run, while others write and the broom comes.
      await one.other.commit([put('/pods/ns1/p1', 'one'), remove('/pods/ns2/p2')]);
      sleepFrozen(one.clock, minutes * minute);
      await one.other.commit([put('/pods/ns1/p1', 'two'), put('/pods/ns1/new', 'new')]);
      sweep(one);
      const expected = await one.other.list({ prefix: pods });
      const page = await store.list({ prefix: pods });
      expect(page.revision).toBe(expected.revision);
      expect(page.entries.map((e) => [e.key, e.revision, textOf(e)])).toEqual(
        expected.entries.map((e) => [e.key, e.revision, textOf(e)]),
      );
      expect(textOf((await store.get('/pods/ns1/p1'))!)).toBe('two');
      expect(await store.revision(pods)).toBe(expected.revision);
      if (minutes <= 25) {
        expect(ended).toBeUndefined();
        expect(heard.map(({ entry }) => textOf(entry))).toEqual(['one', 'gone', 'two', 'new']);
      } else {
        // What it missed cannot be told any more: it is told that, and nothing else.
        expect(ended).toMatchObject({ code: 'compacted' });
        expect(heard).toEqual([]);
      }
      await store.close();
    },
  );

  it('writes on after a long sleep, from what it knew', async () => {
    const one = rig();
    await fill(one);
    const store = one.open();
    const [made] = await store.commit([put('/pods/a/x', 'mine')]);
    await one.other.commit([put('/pods/a/x', 'theirs')]);
    sleepFrozen(one.clock, 200 * minute);
    sweep(one);
    const stale: Operation = { ...put('/pods/a/x', 'late'), expected: made!.revision } as Operation;
    await expect(store.commit([stale])).rejects.toMatchObject({ code: 'conflict' });
    const [next] = await store.commit([put('/pods/a/x', 'again')]);
    expect(next!.revision).toBeGreaterThan(made!.revision + 1);
    const cold = one.open(one.raw);
    expect(textOf((await cold.list({ prefix: '/pods/a/' })).entries[0]!)).toBe('again');
    expect(await cold.revision(pods)).toBe(next!.revision);
  });
});

/** Lets the wall clock run on while no timer does. */
function sleepFrozen(clock: ManualClock, ms: number): void {
  const mutable = clock as { now: () => number };
  const before = mutable.now;
  mutable.now = () => before() + ms;
}
