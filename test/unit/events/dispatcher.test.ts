import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { namespaces, pods, services } from '@nodeless/client/resource-types';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { watchRule } from '@nodeless/controller-runtime/controller';
import type { WorkMessage } from '@nodeless/controller-runtime/messages';
import { type Queue, type QueueEntry, SendError } from '@nodeless/controller-runtime/queues';
import { type Wakeable, createRuleTable } from '@nodeless/controller-runtime/rule-table';
import type { InvocationLister, StoreLister } from '@nodeless/controller-runtime/store-lister';
import { createDispatcher } from '@nodeless/events/dispatcher';
import { forward } from '@nodeless/events/forward';
import type { LoggedCommit, StreamImage, StreamRecords } from '@nodeless/store/dynamodb/stream-records';
import type { Entry, StoreEvent } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';

interface Told {
  readonly type: string;
  readonly revision: number;
  readonly name: string;
  readonly before?: boolean;
  /** Nobody can read it. */
  readonly broken?: boolean;
}

/** Its value is its name. */
const entry = (key: string, revision: number): Entry => ({
  key,
  revision,
  value: { bytes: Buffer.from(key.slice(key.lastIndexOf('/') + 1)) },
  attributes: { labels: undefined, fields: undefined, owners: undefined, trigger: undefined },
});

function commitOf({ type, revision, name, before, broken }: Told, time: number): LoggedCommit {
  const key = `${type}default/${name}`;
  const event: StoreEvent = {
    type: 'put',
    key,
    revision,
    entry: entry(key, revision),
    previous: before ? entry(key, revision - 1) : undefined,
  };
  return {
    type,
    revision,
    time,
    changes: () => (broken ? Promise.reject(new Error('poison')) : Promise.resolve([event])),
  };
}

const byName: Wakeable['watches'] = [
  watchRule({
    type: pods,
    requests: ({ object }) => [{ namespace: 'default', name: object.metadata?.name ?? '' }],
  }),
];

function setUp(options: { controllers?: readonly Wakeable[]; refuse?: (message: WorkMessage) => boolean } = {}) {
  const clock = createManualClock();
  const sent: { queue: string; entry: QueueEntry; message: WorkMessage }[] = [];
  const log: LoggedCommit[] = [];
  const queue = (name: string): Queue => ({
    async send(entries) {
      const failed: number[] = [];
      for (const [index, one] of entries.entries()) {
        const message = JSON.parse(one.body) as WorkMessage;
        if (options.refuse?.(message)) failed.push(index);
        else sent.push({ queue: name, entry: one, message });
      }
      if (failed.length > 0) throw new SendError('full', failed);
    },
  });
  const records: StreamRecords = {
    decode(image) {
      const told = image as unknown as Told;
      return told.revision === 0 ? undefined : commitOf(told, clock.now());
    },
    since: async (type, time) => log.filter((commit) => commit.type === type && commit.time >= time),
  };
  const { controllers = [{ name: 'c', watches: byName }] } = options;
  const lookup = { list: async () => [{ metadata: { name: 'there' } }] } as unknown as InvocationLister;
  const dispatcher = createDispatcher({
    records,
    rules: createRuleTable({ controllers, scheduler: [] }, ({ group, resource }) => `${group}/${resource}/`),
    queues: { controllers: queue('controllers'), scheduler: queue('scheduler'), kubelet: queue('kubelet') },
    lister: { begin: () => lookup } as unknown as StoreLister,
    objectOf: (_type, value) => ({ metadata: { name: Buffer.from(value.bytes).toString() } }) as KubernetesObject,
    refresh: async () => {},
    clock,
    log: silentLogger,
  });
  return { clock, sent, log, dispatcher };
}

const told = (name: string, revision: number, more: Partial<Told> = {}) => {
  const one: Told = { type: '/pods/', revision, name, ...more };
  return { eventId: `e${revision}`, sequenceNumber: `s${revision}`, image: one as unknown as StreamImage };
};

describe('a batch of records', () => {
  it('becomes messages, each with its group and the id of its record', async () => {
    const { dispatcher, sent } = setUp();
    expect(await dispatcher.dispatch([told('a', 1), told('b', 2)])).toBeUndefined();
    expect(sent.map(({ queue, message }) => [queue, message])).toEqual([
      ['controllers', { v: 1, controller: 'c', namespace: 'default', name: 'a', attempt: 0 }],
      ['controllers', { v: 1, controller: 'c', namespace: 'default', name: 'b', attempt: 0 }],
    ]);
    expect(new Set(sent.flatMap(({ entry: { group, id } }) => [group, id])).size).toBe(4);
  });

  it('asks once for what several want, with the id of the last of them', async () => {
    const first = setUp();
    await first.dispatcher.dispatch([told('a', 1), told('a', 2)]);
    const alone = setUp();
    await alone.dispatcher.dispatch([told('a', 2)]);
    const early = setUp();
    await early.dispatcher.dispatch([told('a', 1)]);
    expect(first.sent).toHaveLength(1);
    expect(first.sent[0]?.entry.id).toBe(alone.sent[0]?.entry.id);
    expect(first.sent[0]?.entry.id).not.toBe(early.sent[0]?.entry.id);
  });

  it('has the same ids when it comes again', async () => {
    const { dispatcher, sent } = setUp();
    await dispatcher.dispatch([told('a', 1)]);
    await dispatcher.dispatch([told('a', 1)]);
    expect(sent[0]?.entry.id).toBe(sent[1]?.entry.id);
  });

  it('passes over what nobody wants, and what is nothing', async () => {
    const { dispatcher, sent } = setUp();
    const records = [told('a', 0), told('b', 2, { type: '/secrets/', broken: true })];
    expect(await dispatcher.dispatch(records)).toBeUndefined();
    expect(sent).toEqual([]);
  });

  it('comes again from a record that cannot be read, and the others go on at once', async () => {
    const { dispatcher, sent } = setUp();
    expect(await dispatcher.dispatch([told('a', 1), told('x', 2, { broken: true }), told('b', 3)])).toBe('s2');
    expect(sent.map(({ message }) => message.name)).toEqual(['a', 'b']);
  });

  it('comes again from a record whose rule throws', async () => {
    const watches = [
      watchRule({
        type: pods,
        requests: ({ object }) => {
          if (object.metadata?.name === 'x') throw new Error('a bug');
          return [{ name: object.metadata?.name ?? '' }];
        },
      }),
    ];
    const { dispatcher, sent } = setUp({ controllers: [{ name: 'c', watches }] });
    expect(await dispatcher.dispatch([told('a', 1), told('x', 2)])).toBe('s2');
    expect(sent).toHaveLength(1);
  });

  it('comes again from the first record whose message was not taken', async () => {
    const { dispatcher } = setUp({ refuse: ({ name }) => name === 'b' });
    expect(await dispatcher.dispatch([told('a', 1), told('b', 2), told('c', 3), told('b', 4)])).toBe('s2');
  });
});

describe('a tick', () => {
  it('asks for sweeps in their time', async () => {
    const controllers: Wakeable[] = [
      { name: 'often', watches: [], resyncMs: 20_000 },
      { name: 'seldom', watches: [], resyncMs: 900_000 },
      { name: 'never', watches: [] },
    ];
    const { clock, dispatcher, sent } = setUp({ controllers });
    const times = new Map<string, number>();
    await clock.advance(60_000);
    for (let tick = 0; tick < 12; tick++) {
      await clock.advance(300_000);
      await dispatcher.tick(`t${tick}`);
    }
    for (const { message } of sent) times.set(message.controller, (times.get(message.controller) ?? 0) + 1);
    expect([...times]).toEqual([
      ['often', 12],
      ['seldom', 4],
    ]);
    expect(new Set(sent.map(({ entry: { id } }) => id)).size).toBe(16);
  });

  it('makes good what was lost lately, and only that', async () => {
    const { clock, dispatcher, sent, log } = setUp();
    await clock.advance(3_600_000);
    const now = clock.now();
    log.push(
      commitOf({ type: '/pods/', revision: 1, name: 'long-ago' }, now - 3_000_000),
      commitOf({ type: '/pods/', revision: 2, name: 'lost' }, now - 200_000),
      commitOf({ type: '/pods/', revision: 3, name: 'broken', broken: true }, now - 200_000),
      commitOf({ type: '/pods/', revision: 4, name: 'came' }, now - 200_000),
      commitOf({ type: '/pods/', revision: 5, name: 'on-its-way' }, now - 1_000),
    );
    await dispatcher.dispatch([told('came', 4)]);
    await dispatcher.tick('t');
    expect(sent.map(({ message }) => message.name)).toEqual(['came', 'lost']);
  });

  it('looks at everything once a day, and when it is told to', async () => {
    const { clock, dispatcher, sent } = setUp();
    await dispatcher.tick('t0', true);
    expect(sent.map(({ message }) => message.name)).toEqual(['there']);
    for (let tick = 0; tick < 288; tick++) {
      await clock.advance(300_000);
      await dispatcher.tick(`t${tick + 1}`);
    }
    expect(sent).toHaveLength(2);
  });

  it('fails as a whole when messages are not taken: it comes again', async () => {
    const controllers = [{ name: 'c', watches: byName, resyncMs: 20_000 }];
    await expect(setUp({ controllers, refuse: () => true }).dispatcher.tick('t', true)).rejects.toThrow('not taken');
  });
});

describe('rules', () => {
  it('are asked for anew when kinds come and go', async () => {
    let watches = byName;
    const { dispatcher, sent } = setUp({ controllers: [{ name: 'c', watches: () => watches as never }] });
    const service = watchRule({ type: services, requests: () => [{ name: 'service' }] });
    await dispatcher.dispatch([told('a', 1, { type: '/services/' })]);
    watches = [service];
    await dispatcher.dispatch([told('a', 2, { type: '/services/' }), told('a', 3)]);
    expect(sent.map(({ message }) => message.name)).toEqual(['service']);
  });

  it('of a controller that works one by one make one group', async () => {
    const watches = [
      watchRule({ type: namespaces, requests: ({ object }) => [{ name: object.metadata?.name ?? '' }] }),
    ];
    const { dispatcher, sent } = setUp({ controllers: [{ name: 'c', concurrency: 1, watches }] });
    await dispatcher.dispatch([told('a', 1, { type: '/namespaces/' }), told('b', 2, { type: '/namespaces/' })]);
    expect(new Set(sent.map(({ entry: { group } }) => group)).size).toBe(1);
  });
});

describe('events of tasks', () => {
  it('go to the virtual kubelet with what was seen', async () => {
    const { dispatcher, sent } = setUp();
    const request = { namespace: 'default', name: 'p', hint: { taskArn: 'arn' } };
    await dispatcher.ask('kubelet', 'virtual-kubelet', [request], 'event-1');
    await dispatcher.ask('kubelet', 'virtual-kubelet', [request], 'event-1');
    expect(sent[0]).toMatchObject({ queue: 'kubelet', message: { name: 'p', hint: { taskArn: 'arn' } } });
    expect(sent[0]?.entry.id).toBe(sent[1]?.entry.id);
  });
});

describe('what waited', () => {
  const waited = (name: string, queue = 'controllers') => ({
    v: 1,
    queue,
    group: 'g',
    id: `id-${name}`,
    message: { v: 1, controller: 'c', name, attempt: 2 },
  });

  it('goes back to its queue; what cannot, is told', async () => {
    const taken: QueueEntry[] = [];
    const queue: Queue = {
      async send(entries) {
        taken.push(...entries.filter(({ id }) => id !== 'id-b'));
        const failed = entries.findIndex(({ id }) => id === 'id-b');
        if (failed >= 0) throw new SendError('full', [failed]);
      },
    };
    const records = [
      { id: '1', body: JSON.stringify(waited('a')) },
      { id: '2', body: waited('b') },
      { id: '3', body: 'nonsense' },
      { id: '4', body: waited('d', 'nowhere') },
    ];
    const failed = await forward(records, { queues: { controllers: queue }, log: silentLogger });
    expect(failed.toSorted()).toEqual(['2', '3', '4']);
    expect(taken).toEqual([{ body: JSON.stringify(waited('a').message), group: 'g', id: 'id-a' }]);
  });
});
