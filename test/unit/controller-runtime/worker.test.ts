import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { conflict } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { pods } from '@nodeless/client/resource-types';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createLogger, silentLogger } from '@nodeless/component-base/logger';
import type { Controller, ReconcileContext } from '@nodeless/controller-runtime/controller';
import type { SharedInformers } from '@nodeless/controller-runtime/informer-lister';
import { workMessage } from '@nodeless/controller-runtime/messages';
import type { InvocationLister, StoreLister } from '@nodeless/controller-runtime/store-lister';
import { type Later, SendError } from '@nodeless/controller-runtime/queues';
import { workBatch } from '@nodeless/controller-runtime/work-batch';
import { type Outcome, createWorker, retryAfterMs } from '@nodeless/controller-runtime/worker';
import { describe, expect, it } from 'vitest';

const request = { namespace: 'default', name: 'web' };
const message = workMessage('c', request);

interface Setting {
  readonly reconcile: Controller['reconcile'];
  readonly more?: Partial<Controller>;
}

function setUp({ reconcile, more }: Setting) {
  const clock = createManualClock();
  const logged: string[] = [];
  const written: string[] = [];
  let renewals = 0;
  const client = {
    create: async (_type: unknown, object: Pod) => {
      written.push(object.metadata?.name ?? '');
      return object;
    },
  } as unknown as Client;
  const lister: StoreLister = {
    informers: { peek: () => undefined } as unknown as SharedInformers,
    begin: () => ({ renew: () => (renewals += 1) }) as unknown as InvocationLister,
  };
  const worker = createWorker({
    controllers: [{ name: 'c', watches: [], reconcile, ...more }],
    clientFor: () => client,
    lister,
    clock,
    log: createLogger({ level: 'warn', write: (line) => logged.push(line) }),
    random: () => 1,
  });
  return { clock, worker, logged, written, renewals: () => renewals };
}

async function outcomeOf(setting: Setting, one = message): Promise<Outcome> {
  return setUp(setting).worker.invocation().reconcile(one);
}

describe('a worker', () => {
  it('is done when the controller is', async () => {
    expect(await outcomeOf({ reconcile: async () => {} })).toBeUndefined();
    expect(await outcomeOf({ reconcile: async () => ({}) })).toBeUndefined();
  });

  it('brings back what asks for it, with no failures left', async () => {
    const outcome = await outcomeOf({ reconcile: async () => ({ requeueAfterMs: 5_000 }) }, { ...message, attempt: 3 });
    expect(outcome).toMatchObject({ afterMs: 5_000, message: { ...message, attempt: 0 } });
  });

  it('brings back what failed, later each time, up to a quarter of an hour', async () => {
    const reconcile = async (): Promise<void> => {
      throw new Error('no');
    };
    const waits: number[] = [];
    for (const attempt of [0, 1, 2, 9, 10, 40]) {
      const outcome = await outcomeOf({ reconcile }, { ...message, attempt });
      expect(outcome?.message.attempt).toBe(attempt + 1);
      waits.push(outcome?.afterMs ?? 0);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 512_000, 900_000, 900_000]);
    expect(retryAfterMs(3, () => 0)).toBe(4_000);
  });

  it('forgets hints of what was seen once', async () => {
    const outcome = await outcomeOf(
      { reconcile: async () => ({ requeueAfterMs: 5_000 }) },
      { ...message, hint: 'task' },
    );
    expect(outcome?.message).not.toHaveProperty('hint');
  });

  it('reads anew after a conflict, and says nothing of it', async () => {
    let times = 0;
    const { worker, logged, renewals } = setUp({
      async reconcile() {
        times += 1;
        if (times < 3) throw conflict({ group: '', resource: 'pods' }, 'web', 'changed');
      },
    });
    expect(await worker.invocation().reconcile(message)).toBeUndefined();
    expect([times, renewals(), logged]).toEqual([3, 2, []]);
  });

  it('waits for conflicts that do not end', async () => {
    const outcome = await outcomeOf({
      async reconcile() {
        throw conflict({ group: '', resource: 'pods' }, 'web', 'changed');
      },
    });
    expect(outcome).toMatchObject({ afterMs: 1_000, message: { attempt: 1 } });
  });

  it('does not send a wait of a moment around, but some of them', async () => {
    let times = 0;
    const { clock, worker } = setUp({
      async reconcile() {
        times += 1;
        return { requeueAfterMs: 1 };
      },
    });
    const outcome = worker.invocation().reconcile(message);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ afterMs: 1 });
    expect(times).toBe(6);
  });

  it('ends a reconcile at its deadline, and lets it write nothing any more', async () => {
    let go!: () => void;
    const { clock, worker, written, logged } = setUp({
      async reconcile(_request, { client }: ReconcileContext) {
        await client.create(pods, { metadata: { name: 'early' } });
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        await client.create(pods, { metadata: { name: 'late' } });
      },
    });
    const outcome = worker.invocation().reconcile(message);
    await clock.advance(60_000);
    expect(await outcome).toMatchObject({ afterMs: 1_000, message: { attempt: 1 } });
    go();
    await clock.advance(1);
    expect(written).toEqual(['early']);
    expect(logged).toHaveLength(1);
  });

  it('drops messages of controllers that are gone', async () => {
    const { worker, logged } = setUp({ reconcile: async () => {} });
    expect(await worker.invocation().reconcile({ ...message, controller: 'old' })).toBeUndefined();
    expect(logged).toHaveLength(1);
  });
});

describe('a batch', () => {
  const record = (id: string, group: string, name: string, attempt = 0) => ({
    id,
    group,
    body: JSON.stringify(workMessage('c', { name }, attempt)),
  });
  const laterOf = () => {
    const put: NonNullable<Outcome>[] = [];
    const later: Later = {
      async put(outcomes) {
        put.push(...outcomes);
      },
    };
    return { later, put };
  };

  it('works the messages of a group in order, those for the same once, and groups side by side', async () => {
    const log: string[] = [];
    const { worker } = setUp({
      async reconcile({ name }) {
        log.push(`+${name}`);
        await Promise.resolve();
        log.push(`-${name}`);
      },
    });
    const { later } = laterOf();
    const records = [record('1', 'g', 'a'), record('2', 'h', 'x'), record('3', 'g', 'b'), record('4', 'g', 'a')];
    expect(await workBatch(records, { worker, later, log: silentLogger })).toEqual([]);
    expect(log.filter((entry) => !entry.endsWith('x'))).toEqual(['+a', '-a', '+b', '-b']);
    expect(log.indexOf('+x')).toBeLessThan(log.indexOf('-a'));
  });

  it('puts failures by, and acknowledges them', async () => {
    const { worker } = setUp({
      async reconcile() {
        throw new Error('no');
      },
    });
    const { later, put } = laterOf();
    const records = [record('1', 'g', 'a', 2), record('2', 'g', 'a')];
    expect(await workBatch(records, { worker, later, log: silentLogger })).toEqual([]);
    expect(put).toMatchObject([{ afterMs: 4_000, message: { name: 'a', attempt: 3 } }]);
  });

  it('fails what cannot be put by, with all behind it in its group, and nothing of other groups', async () => {
    const { worker } = setUp({
      async reconcile({ name }) {
        if (name === 'b') throw new Error('no');
      },
    });
    const later: Later = { put: () => Promise.reject(new SendError('down', [0])) };
    const records = [record('1', 'g', 'a'), record('2', 'g', 'b'), record('3', 'g', 'c'), record('4', 'h', 'd')];
    expect(await workBatch(records, { worker, later, log: silentLogger })).toEqual(['2', '3']);
  });

  it('fails what nobody can read', async () => {
    const { worker } = setUp({ reconcile: async () => {} });
    const { later } = laterOf();
    const records = [{ id: '1', group: 'g', body: 'nonsense' }, record('2', 'h', 'd')];
    expect(await workBatch(records, { worker, later, log: silentLogger })).toEqual(['1']);
  });
});
