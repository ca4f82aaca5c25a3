import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Entry, Operation, Precondition } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { meterTable } from '../../../builders/metered-table.ts';
import { createMemoryTable } from './memory-table.ts';

const roles = 'rbac.authorization.k8s.io/roles/';
const bindings = 'rbac.authorization.k8s.io/rolebindings/';
const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };

function put(key: string, text: string, expected: Precondition = 'any'): Operation {
  return { type: 'put', key, expected, attributes, value: () => ({ bytes: Buffer.from(text) }) };
}
const textOf = (entry: Entry | undefined): string | undefined => entry && Buffer.from(entry.value.bytes).toString();

function setUp() {
  const clock = createManualClock();
  const raw = createMemoryTable();
  const meter = meterTable(raw);
  const open = (table = raw as Parameters<typeof createDynamoDbStore>[0]['table']) =>
    createDynamoDbStore({ table, clock, pollMs: Infinity });
  return { clock, raw, meter, store: open(meter.table), other: open(), open };
}

describe('quiet types', () => {
  it('are all looked at with one read, and read on only when one of them was written', async () => {
    const { meter, store, other } = setUp();
    await other.commit([put(`${roles}a/r`, 'r1'), put(`${bindings}a/b`, 'b1')]);
    await Promise.all([store.list({ prefix: roles }), store.list({ prefix: bindings })]);
    meter.take();
    const look = async (): Promise<unknown> =>
      (await Promise.all([store.get(`${roles}a/r`), store.list({ prefix: `${bindings}a/` }), store.revision(roles)]))
        .slice(0, 1)
        .map((one) => textOf(one as Entry));
    expect(await look()).toEqual(['r1']);
    expect(meter.take().log).toEqual(['get QUIET 1r']);
    await other.commit([put('/pods/a/p', 'not quiet')]);
    await look();
    expect(meter.take().log).toEqual(['get QUIET 1r']);
    await other.commit([put(`${roles}a/r`, 'r2')]);
    expect(await look()).toEqual(['r2']);
    expect(meter.take().log.sort()).toEqual(['get QUIET 1r', `query LOG ${bindings} 1r`, `query LOG ${roles} 1r`]);
    await look();
    expect(meter.take().log).toEqual(['get QUIET 1r']);
  });

  it('a write of this process is seen at once, and costs no more than one look afterwards', async () => {
    const { store, other } = setUp();
    await store.list({ prefix: roles });
    await store.commit([put(`${roles}a/r`, 'own')]);
    expect(textOf(await store.get(`${roles}a/r`))).toBe('own');
    expect((await other.list({ prefix: roles })).entries.map(textOf)).toEqual(['own']);
  });

  it('watches of them hear of everything when they are looked at, also after hours', async () => {
    const { clock, store, other } = setUp();
    const heard: (string | undefined)[] = [];
    const { revision } = await store.list({ prefix: roles });
    let ended = false;
    store.watch({ prefix: roles }, revision, {
      onEvents: (events) => void heard.push(...events.map(({ entry }) => textOf(entry))),
      onEnd: () => (ended = true),
    });
    const mutable = clock as { now: () => number };
    const { now } = clock;
    mutable.now = () => now() + 5 * 3_600_000;
    // Nothing was written in all that time: what it holds is still all there is.
    await store.revision(roles);
    expect(ended).toBe(false);
    await other.commit([put(`${roles}a/r`, 'new')]);
    await store.revision(roles);
    expect(heard).toEqual(['new']);
    await store.close();
  });
});

describe('one request', () => {
  it('reads each key and each type once, and sees what it has written itself', async () => {
    const { meter, store, other } = setUp();
    await other.commit([put('/namespaces//a', 'n'), put('/resourcequotas/a/q', 'q')]);
    await store.list({ prefix: '/resourcequotas/a/' });
    await store.get('/namespaces//a');
    meter.take();
    await store.during(async () => {
      for (let i = 0; i < 3; i++) {
        expect(textOf(await store.get('/namespaces//a'))).toBe('n');
        expect((await store.list({ prefix: '/resourcequotas/a/' })).entries).toHaveLength(1);
      }
      expect(meter.take().log).toEqual(['get /namespaces//a 1r', 'query LOG /resourcequotas/ 1r']);
      await store.commit([put('/namespaces//a', 'mine'), put('/resourcequotas/a/q2', 'q2')]);
      expect(textOf(await store.get('/namespaces//a'))).toBe('mine');
      expect((await store.list({ prefix: '/resourcequotas/a/' })).entries).toHaveLength(2);
    });
  });

  it('is not answered from before it began', async () => {
    const { store, other } = setUp();
    await other.commit([put('/namespaces//a', 'one')]);
    await store.list({ prefix: '/namespaces/' });
    expect(textOf(await store.during(() => store.get('/namespaces//a')))).toBe('one');
    await other.commit([put('/namespaces//a', 'two')]);
    expect(textOf(await store.during(() => store.get('/namespaces//a')))).toBe('two');
    await other.commit([put('/namespaces//a', 'three')]);
    expect(textOf(await store.get('/namespaces//a'))).toBe('three');
  });

  it('sees what is new once a commit of its own was refused', async () => {
    const { store, other } = setUp();
    const [made] = await other.commit([put('/pods/a/p', 'one')]);
    await store.list({ prefix: '/pods/a/' });
    await store.during(async () => {
      expect(textOf(await store.get('/pods/a/p'))).toBe('one');
      const [next] = await other.commit([put('/pods/a/p', 'two')]);
      expect(textOf(await store.get('/pods/a/p'))).toBe('one');
      await expect(store.commit([put('/pods/a/p', 'mine', made!.revision)])).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(textOf(await store.get('/pods/a/p'))).toBe('two');
      expect(textOf((await store.list({ prefix: '/pods/a/' })).entries[0])).toBe('two');
      await store.commit([put('/pods/a/p', 'mine', next!.revision)]);
    });
    expect(textOf(await other.get('/pods/a/p'))).toBe('mine');
  });

  it('that takes long sees what happens meanwhile', async () => {
    const { clock, store, other } = setUp();
    await other.commit([put('/pods/a/p', 'one')]);
    await store.during(async () => {
      expect(textOf(await store.get('/pods/a/p'))).toBe('one');
      await other.commit([put('/pods/a/p', 'two')]);
      await clock.advance(1001);
      expect(textOf(await store.get('/pods/a/p'))).toBe('two');
    });
  });

  it('does not hold for another that goes on at the same time', async () => {
    const { store, other } = setUp();
    await other.commit([put('/pods/a/p', 'one')]);
    let go: (() => void) | undefined;
    const first = store.during(async () => {
      await store.get('/pods/a/p');
      await new Promise<void>((resolve) => (go = resolve));
      return textOf(await store.get('/pods/a/p'));
    });
    await new Promise((resolve) => setImmediate(resolve));
    await other.commit([put('/pods/a/p', 'two')]);
    expect(textOf(await store.during(() => store.get('/pods/a/p')))).toBe('two');
    go!();
    // Newer than it need be is well.
    expect(['one', 'two']).toContain(await first);
  });
});

describe('the doorbell', () => {
  it('brings what was written without waiting for the next look, however often and in whatever order it rings', async () => {
    const { clock, open, raw, other } = setUp();
    const store = createDynamoDbStore({ table: raw, clock, pollMs: 60_000 });
    const { revision } = await store.list({ prefix: '/pods/' });
    const heard: (string | undefined)[] = [];
    store.watch({ prefix: '/pods/' }, revision, {
      onEvents: (events) => void heard.push(...events.map(({ entry }) => textOf(entry))),
      onEnd: () => {},
    });
    await other.commit([put('/pods/a/p', 'one')]);
    await clock.advance(100);
    expect(heard).toEqual([]);
    store.poke('/pods/');
    await clock.advance(1);
    expect(heard).toEqual(['one']);
    for (let i = 0; i < 5; i++) store.poke('/pods/');
    store.poke('/nodes/');
    await other.commit([put('/pods/a/q', 'two')]);
    for (let i = 0; i < 3; i++) store.poke('/pods/a/q');
    await clock.advance(1);
    expect(heard).toEqual(['one', 'two']);
    // Without it, the next look comes all the same.
    await other.commit([put('/pods/a/p', 'three')]);
    await clock.advance(60_000);
    expect(heard).toEqual(['one', 'two', 'three']);
    await store.close();
    store.poke('/pods/');
    await open().close();
  });
});
