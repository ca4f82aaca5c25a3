import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { type StreamImage, createStreamRecords } from '@nodeless/store/dynamodb/stream-records';
import type { StoreEvent } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { createStreamingTable } from '../../../builders/streaming-table.ts';
import { attributes, put, remove, shownEvent } from '../../../contract/store-harness.ts';

const historyMs = 300_000;

function setUp() {
  const clock = createManualClock();
  const images: StreamImage[] = [];
  const steps: string[] = [];
  const inner = createStreamingTable(({ eventName, image }) => eventName === 'INSERT' && images.push(image));
  const store = createDynamoDbStore({ table: inner, clock, historyMs, pollMs: Infinity });
  const table = {
    sequence: inner.sequence,
    chunks: inner.chunks,
    logEntry: (...args: Parameters<typeof inner.logEntry>) => (steps.push('logEntry'), inner.logEntry(...args)),
    logBefore: (...args: Parameters<typeof inner.logBefore>) => (steps.push('logBefore'), inner.logBefore(...args)),
  };
  const decodeAll = async (records = createStreamRecords(table)): Promise<unknown[]> => {
    const events: StoreEvent[] = [];
    for (const image of images) events.push(...((await records.decode(image)?.changes()) ?? []));
    return events.map(shownEvent);
  };
  return { clock, images, steps, inner, store, table, decodeAll };
}

/** What a watch tells of the same. */
async function watched(store: ReturnType<typeof setUp>['store'], play: () => Promise<void>): Promise<unknown[]> {
  const events: StoreEvent[] = [];
  const revision = await store.revision('/pods/');
  const subscription = store.watch({ prefix: '/pods/' }, revision, {
    onEvents: (batch) => events.push(...batch),
    onEnd: () => {},
  });
  await play();
  subscription.stop();
  return events.map(shownEvent);
}

const text = (length: number, seed: string): string => {
  let out = '';
  for (let i = 0; out.length < length; i++) out += Math.sin(i + seed.length).toString(36);
  return out.slice(0, length);
};

describe('records of the stream', () => {
  it('tell what a watch tells, with what was before', async () => {
    const { store, decodeAll } = setUp();
    const expected = await watched(store, async () => {
      await store.commit([put('/pods/a/x', { text: '1', attributes: attributes({ trigger: 'n1' }) })]);
      await store.commit([
        put('/pods/a/x', { text: '2' }),
        put('/pods/a/y', { text: '3', attributes: attributes({ labels: { app: 'web' } }) }),
      ]);
      await store.commit([put('/pods/a/y', { text: '4' })]);
      await store.commit([remove('/pods/a/x')]);
    });
    expect(expected).toHaveLength(5);
    expect(await decodeAll()).toEqual(expected);
  });

  it('come in any order to readers that know nothing', async () => {
    const { store, images, decodeAll, steps } = setUp();
    const expected = await watched(store, async () => {
      await store.commit([put('/pods/a/x', { text: '1' }), put('/pods/a/y', { text: '2' })]);
      await store.commit([put('/pods/a/y', { text: '3' }), put('/pods/a/x', { text: '4' })]);
      await store.commit([put('/pods/a/x', { text: '5' })]);
    });
    images.reverse();
    const decoded = await decodeAll();
    expect(decoded).toHaveLength(5);
    expect(decoded).toEqual(expect.arrayContaining(expected));
    // Of states that stand in an entry with others: by its end.
    expect(steps).toContain('logBefore');
  });

  it('bring bodies that are kept in pieces', async () => {
    const { store, images, decodeAll } = setUp();
    const large = text(900_000, 'x');
    await store.commit([put('/pods/a/x', { text: large })]);
    await store.commit([put('/pods/a/x', { text: `${large}!` })]);
    expect(JSON.stringify(images).length).toBeLessThan(100_000);
    expect(await decodeAll()).toMatchObject([
      { type: 'put', entry: { text: large } },
      { type: 'put', entry: { text: `${large}!` }, previous: { text: large } },
    ]);
  });

  it('of tombstones and of other items are nothing', async () => {
    const { inner, table, images, clock } = setUp();
    await inner.putLog('/pods/', {
      seq: 1_000_000_000_000_001,
      count: 1,
      writer: 'w',
      time: clock.now(),
      settled: 0,
      events: undefined,
      expires: 1,
    });
    const records = createStreamRecords(table);
    expect(images).toHaveLength(1);
    expect(records.decode(images[0] as StreamImage)).toBeUndefined();
    expect(records.decode({ pk: { S: 'OBJ#/pods/#0' }, sk: { S: 'a/x' } })).toBeUndefined();
    expect(records.decode({})).toBeUndefined();
  });

  it('that are broken throw', async () => {
    const { store, table, images } = setUp();
    await store.commit([put('/pods/a/x', { text: '1' })]);
    const records = createStreamRecords(table);
    const broken = { ...(images[0] as StreamImage), e: { B: 'AQ==' } };
    await expect((async () => records.decode(broken)?.changes())()).rejects.toThrow();
    expect(() => records.decode({ pk: { S: 'LOG#/pods/#1' }, sk: { S: '1' } })).toThrow();
  });

  it('need not be read again for what they brought themselves', async () => {
    const { store, decodeAll, steps } = setUp();
    for (const value of ['1', '2', '3', '4']) await store.commit([put('/pods/a/x', { text: value })]);
    await decodeAll();
    expect(steps).toEqual([]);
  });

  it('of one batch know of each other, also when one of them is broken', async () => {
    const { store, images, table, steps } = setUp();
    for (const value of ['1', '2', '3']) await store.commit([put('/pods/a/x', { text: value })]);
    const broken = { ...(images[0] as StreamImage), e: { B: 'AQ==' } };
    const records = createStreamRecords(table);
    const all = await Promise.allSettled(
      [broken, ...images].map(async (image) => await records.decode(image)?.changes()),
    );
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(steps).toEqual([]);
  });

  it('look like the making of what is too old to be found', async () => {
    const { store, images, table, inner } = setUp();
    await store.commit([put('/pods/a/x', { text: '1' })]);
    await store.commit([put('/pods/a/x', { text: '2' })]);
    const records = createStreamRecords({
      ...table,
      logEntry: async () => undefined,
      logBefore: async () => ({ items: [], more: false }),
    });
    expect(await records.decode(images[1] as StreamImage)?.changes()).toMatchObject([
      { type: 'put', previous: undefined },
    ]);
    expect(inner).toBeDefined();
  });

  it('of the last while can be had from the log', async () => {
    const { clock, store, table } = setUp();
    await store.commit([put('/pods/a/x', { text: '1' })]);
    await clock.advance(60_000);
    const since = clock.now();
    await store.commit([put('/pods/a/x', { text: '2' })]);
    await store.commit([put('/pods/a/y', { text: '3' })]);
    const records = createStreamRecords(table);
    const commits = await records.since('/pods/', since);
    expect((await Promise.all(commits.map((commit) => commit.changes()))).flat().map(shownEvent)).toMatchObject([
      { entry: { text: '2' }, previous: { text: '1' } },
      { entry: { text: '3' } },
    ]);
    expect(await records.since('/pods/', clock.now() + 1)).toEqual([]);
    expect(await records.since('/nodes/', 0)).toEqual([]);
  });
});
