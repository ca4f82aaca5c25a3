import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { beforeEach, describe, expect, test } from 'vitest';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { createCloudWatchLogStore } from '@nodeless/virtual-kubelet/providers/fargate/cloudwatch-log-store';
import { createPodLogs } from '@nodeless/virtual-kubelet/providers/fargate/pod-logs';
import type { LogOptions, ObservedPod, PodLogs } from '@nodeless/virtual-kubelet/providers/provider';
import { createLogs, type LogsModel } from '../../../aws/rigs/cloudwatch-logs.ts';

const ref = { namespace: 'shop', name: 'web', uid: 'u' };
const group = '/nodeless/test/pods';
const stream = 'shop/app/two';
const start = Date.UTC(2030, 0, 1);
const options: LogOptions = { container: 'app', follow: false, previous: false, timestamps: false };

let clock: ManualClock;
let model: LogsModel;
let running: boolean;
let previous: string | undefined;
let logs: PodLogs;

beforeEach(() => {
  clock = createManualClock(start);
  // Pages of three lines: every longer read goes over several.
  model = createLogs(group, 3);
  running = true;
  previous = 'arn:aws:ecs:us-east-1:1:task/c/one';
  const client = new CloudWatchLogsClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: model.requestHandler,
  });
  const observed = (): ObservedPod =>
    ({
      ref,
      finished: !running,
      containers: [{ name: 'app', state: running ? { running: {} } : { terminated: { exitCode: 0 } } }],
    }) as unknown as ObservedPod;
  logs = createPodLogs({
    store: createCloudWatchLogStore(client, group),
    clock,
    provider: {
      taskOf: () => Promise.resolve({ arn: 'arn:aws:ecs:us-east-1:1:task/c/two', previous }),
      observePod: () => Promise.resolve(observed()),
      doubt() {},
    },
  });
});

const lines = (count: number, from = 0): { at: number; text: string }[] =>
  Array.from({ length: count }, (_, i) => ({ at: start - 100_000 + (from + i) * 1000, text: `line ${from + i}` }));
async function read(more: Partial<LogOptions> = {}): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await logs.openLogs(ref, { ...options, ...more })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
const numbers = (text: string): number[] => [...text.matchAll(/line (\d+)\n/g)].map((m) => Number(m[1]));

describe('logs out of CloudWatch', () => {
  test('are read from the beginning, over all pages', async () => {
    model.write(stream, ...lines(8));
    expect(await read()).toBe(Array.from({ length: 8 }, (_, i) => `line ${i}\n`).join(''));
  });

  test('are empty before the container has written anything', async () => {
    expect(await read()).toBe('');
    expect(await read({ tailLines: 5 })).toBe('');
  });

  test.each([
    [0, []],
    [2, [6, 7]],
    [5, [3, 4, 5, 6, 7]],
    [100, [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('the last %d lines', async (tailLines, expected) => {
    model.write(stream, ...lines(8));
    expect(numbers(await read({ tailLines }))).toEqual(expected);
  });

  test('since a time, and since so many seconds', async () => {
    model.write(stream, ...lines(8));
    expect(numbers(await read({ sinceTime: new Date(start - 95_000) }))).toEqual([5, 6, 7]);
    expect(numbers(await read({ sinceSeconds: 94 }))).toEqual([6, 7]);
    expect(numbers(await read({ sinceSeconds: 96, tailLines: 1 }))).toEqual([7]);
  });

  test('with the time of each line', async () => {
    model.write(stream, { at: start + 7, text: 'hello' });
    expect(await read({ timestamps: true })).toBe('2030-01-01T00:00:00.007000000Z hello\n');
  });

  test('up to so many bytes', async () => {
    model.write(stream, ...lines(8));
    expect(await read({ limitBytes: 10 })).toBe('line 0\nlin');
  });

  test('of the task before', async () => {
    model.write('shop/app/one', ...lines(1, 40));
    expect(numbers(await read({ previous: true }))).toEqual([40]);
    previous = undefined;
    await expect(read({ previous: true })).rejects.toMatchObject({
      code: 'invalid',
      message: /previous terminated container "app"/,
    });
  });

  test('of a container that is not there are refused', async () => {
    await expect(read({ container: 'nobody' })).rejects.toMatchObject({ name: 'ProviderError', code: 'not-found' });
  });

  test('are followed until some time after the container has ended', async () => {
    model.write(stream, ...lines(2));
    let text = '';
    let ended = false;
    const source = await logs.openLogs(ref, { ...options, follow: true, tailLines: 1 });
    source.on('data', (chunk: Buffer) => (text += chunk.toString()));
    source.once('end', () => (ended = true));
    await clock.advance(2_000);
    expect(numbers(text)).toEqual([1]);
    model.write(stream, ...lines(4, 2));
    await clock.advance(3_000);
    expect(numbers(text)).toEqual([1, 2, 3, 4, 5]);
    running = false;
    await clock.advance(3_000);
    // What was written last arrives late.
    model.write(stream, ...lines(1, 6));
    await clock.advance(2_000);
    expect(numbers(text)).toEqual([1, 2, 3, 4, 5, 6]);
    await clock.advance(10_000);
    expect(ended).toBe(true);
  });

  test('are not asked for any more when nobody reads', async () => {
    const source = await logs.openLogs(ref, { ...options, follow: true });
    source.resume();
    await clock.advance(2_500);
    const before = model.calls.get('GetLogEvents');
    source.destroy();
    await clock.advance(10_000);
    expect(model.calls.get('GetLogEvents')).toBe(before);
  });
});
