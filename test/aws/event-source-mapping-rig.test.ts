import { describe, expect, it } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import {
  type BatchResponse,
  type StreamMappingOptions,
  createQueueMapping,
  createStreamMapping,
  createStreamRig,
} from './rigs/event-source-mapping.ts';
import { createQueueRig } from './rigs/fifo-queue.ts';

type Records = readonly { sequenceNumber: string; data: string }[];

function streamed(
  options: Partial<StreamMappingOptions<string>> & { answer?: (data: string[], call: number) => BatchResponse | void },
) {
  const clock = createManualClock();
  const stream = createStreamRig<string>({ clock });
  const calls: string[][] = [];
  const given: { reason: string; size: number }[] = [];
  let running = 0;
  let most = 0;
  const mapping = createStreamMapping<string>({
    clock,
    stream,
    batchSize: 10,
    onFailure: ({ reason, size }) => given.push({ reason, size }),
    async invoke(records: Records) {
      running += 1;
      most = Math.max(most, running);
      const data = records.map((record) => record.data);
      calls.push(data);
      // Invocations take their time.
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, 1);
      });
      running -= 1;
      return options.answer?.(data, calls.length);
    },
    ...options,
  });
  const put = (...data: string[]): string[] => data.map((one) => stream.put('k', one).sequenceNumber);
  return { clock, stream, calls, given, mapping, put, most: () => most };
}

const numberOf = (data: string): string => data.padStart(21, '0');
const failAt = (data: string): BatchResponse => ({ batchItemFailures: [{ itemIdentifier: numberOf(data) }] });

describe('a mapping of a stream', () => {
  it('gathers for its window, or until the batch is full', async () => {
    const { clock, calls, put } = streamed({ windowMs: 1_000, batchSize: 3 });
    put('1', '2');
    await clock.advance(999);
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect(calls).toEqual([['1', '2']]);
    put('3', '4', '5', '6');
    await clock.advance(5);
    expect(calls.slice(1)).toEqual([['3', '4', '5']]);
    await clock.advance(1_000);
    expect(calls.slice(2)).toEqual([['6']]);
  });

  it('passes over what the filter does not want', async () => {
    const { clock, calls, put } = streamed({ filter: (data) => data !== '2' });
    put('1', '2', '3');
    await clock.advance(10);
    expect(calls).toEqual([['1', '3']]);
  });

  it('runs one batch of a shard at a time; with parallelization, those of other keys beside it', async () => {
    const one = streamed({ batchSize: 1 });
    for (let i = 0; i < 8; i++) one.stream.put(`key-${i}`, String(i));
    await one.clock.advance(100);
    expect(one.most()).toBe(1);
    expect(one.calls.flat()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);

    const many = streamed({ batchSize: 1, parallelization: 4 });
    for (let i = 0; i < 20; i++) many.stream.put(`key-${i % 5}`, String(i));
    await many.clock.advance(100);
    expect(many.most()).toBeGreaterThan(1);
    for (let key = 0; key < 5; key++) {
      const ofKey = many.calls.flat().filter((data) => Number(data) % 5 === key);
      expect(ofKey).toEqual(ofKey.toSorted((a, b) => Number(a) - Number(b)));
    }
  });

  it('comes again from the first record that failed', async () => {
    const { clock, calls, put } = streamed({
      reportFailures: true,
      answer: (data, call) => (call === 1 ? failAt('2') : undefined),
    });
    put('1', '2', '3');
    await clock.advance(5_000);
    expect(calls.map((call) => call.join(''))).toEqual(['123', '23']);
  });

  it('holds back what follows while a batch is tried again, gives it up in the end and goes on', async () => {
    const { clock, calls, given, put } = streamed({
      batchSize: 1,
      maxRetries: 2,
      answer: ([data]) => {
        if (data === '1') throw new Error('poison');
      },
    });
    put('1', '2');
    await clock.advance(60_000);
    expect(calls.map((call) => call.join(''))).toEqual(['1', '1', '1', '2']);
    expect(given).toEqual([{ reason: 'RetryAttemptsExhausted', size: 1 }]);
  });

  it('splits a batch that failed as a whole, until the bad one is alone', async () => {
    const { clock, calls, given, put } = streamed({
      windowMs: 10,
      bisect: true,
      maxRetries: 1,
      answer(data) {
        if (data.includes('3')) throw new Error('poison');
      },
    });
    put('1', '2', '3', '4');
    await clock.advance(120_000);
    expect(calls.map((call) => call.join(''))).toEqual(['1234', '12', '34', '3', '3', '4']);
    expect(given).toEqual([{ reason: 'RetryAttemptsExhausted', size: 1 }]);
  });

  it('gives up what is too old', async () => {
    const { clock, calls, given, put } = streamed({
      batchSize: 1,
      maxAgeMs: 5_000,
      answer() {
        throw new Error('down');
      },
    });
    put('1');
    await clock.advance(60_000);
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.length).toBeLessThan(6);
    expect(given).toEqual([{ reason: 'MaximumRecordAgeExceeded', size: 1 }]);
  });
});

describe('a mapping of a queue', () => {
  const queued = (answer: (bodies: string[]) => readonly string[]) => {
    const clock = createManualClock();
    const queue = createQueueRig({ clock, name: 'q', fifo: true, visibilityMs: 30_000 });
    const calls: string[][] = [];
    const mapping = createQueueMapping({
      clock,
      queue,
      batchSize: 10,
      async invoke(messages) {
        const bodies = messages.map(({ body }) => body);
        calls.push(bodies);
        const failed = answer(bodies);
        return {
          batchItemFailures: messages
            .filter(({ body }) => failed.includes(body))
            .map(({ messageId }) => ({ itemIdentifier: messageId })),
        };
      },
    });
    const send = (group: string, body: string): string => queue.send({ group, body, id: `${group}${body}` });
    return { clock, queue, calls, mapping, send };
  };

  it('deletes what was worked off, and only that', async () => {
    let first = true;
    const { clock, queue, calls, send } = queued((bodies) => {
      const failed = first ? bodies.filter((body) => body === '2') : [];
      first = false;
      return failed;
    });
    send('a', '1');
    send('b', '2');
    await clock.advance(1_000);
    expect(calls).toEqual([['1', '2']]);
    expect(queue.bodies()).toEqual(['2']);
    await clock.advance(30_000);
    expect(calls).toEqual([['1', '2'], ['2']]);
    expect(queue.bodies()).toEqual([]);
  });

  it('leaves all of them when the function throws', async () => {
    let broken = true;
    const { clock, queue, calls, mapping, send } = queued(() => {
      if (broken) throw new Error('it died');
      return [];
    });
    send('a', '1');
    send('a', '2');
    await clock.advance(1_000);
    expect(queue.depth().inFlight).toBe(2);
    broken = false;
    await clock.advance(30_000);
    expect(calls).toEqual([
      ['1', '2'],
      ['1', '2'],
    ]);
    expect(mapping.counts).toMatchObject({ invocations: 2, failures: 1 });
  });
});
