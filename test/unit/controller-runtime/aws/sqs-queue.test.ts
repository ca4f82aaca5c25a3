import { SQSClient } from '@aws-sdk/client-sqs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createOneOffSchedules } from '@nodeless/controller-runtime/aws/one-off-schedules';
import { createSqsQueue } from '@nodeless/controller-runtime/aws/sqs-queue';
import { SendError } from '@nodeless/controller-runtime/queues';
import { describe, expect, it } from 'vitest';
import { createQueueRig } from '../../../aws/rigs/fifo-queue.ts';
import { type Fault, createSchedulesEndpoint, createSqsEndpoint } from '../../../aws/rigs/messaging-endpoints.ts';
import { validateRequests } from '../../../aws/rigs/request-validation.ts';

const url = 'https://sqs.us-east-1.amazonaws.com/000000000000/q.fifo';
const credentials = { accessKeyId: 'a', secretAccessKey: 's' };

function queueOver(options: { fault?: Fault; refuse?: (entry: { MessageBody: string }) => boolean } = {}) {
  const clock = createManualClock();
  const rig = createQueueRig({ clock, name: 'q', fifo: true, visibilityMs: 1_000 });
  const client = new SQSClient({
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
    requestHandler: createSqsEndpoint({ queues: { [url]: rig }, ...options }),
  });
  const validation = validateRequests(client);
  return { clock, rig, validation, queue: createSqsQueue(client, url, clock) };
}
const entries = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ body: `m${i}`, group: `g${i % 3}`, id: `id${i}` }));

describe('a queue of SQS', () => {
  it('sends in tens, some of them at once', async () => {
    const { rig, queue, validation } = queueOver();
    await queue.send(entries(205));
    expect(rig.bodies().toSorted()).toEqual(
      entries(205)
        .map(({ body }) => body)
        .toSorted(),
    );
    expect([...validation.operations]).toEqual(['sqs:SendMessageBatch']);
    expect(validation.violations).toEqual([]);
  });

  it('sends again what was refused of a batch', async () => {
    let refusals = 2;
    const { clock, rig, queue } = queueOver({ refuse: ({ MessageBody }) => MessageBody === 'm3' && refusals-- > 0 });
    const sent = queue.send(entries(5));
    await clock.advance(5_000);
    await sent;
    expect(rig.bodies().toSorted()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
  });

  it('tells which did not arrive', async () => {
    const { clock, rig, queue } = queueOver({ refuse: ({ MessageBody }) => MessageBody === 'm13' });
    const sent = queue.send(entries(15)).catch((error: unknown) => error);
    await clock.advance(20_000);
    const error = await sent;
    expect(error).toBeInstanceOf(SendError);
    expect((error as SendError).failed).toEqual([13]);
    expect(rig.bodies()).toHaveLength(14);
  });

  it('does not send again what is its own fault', async () => {
    const { clock, queue } = queueOver();
    const sent = queue.send([{ body: 'x', group: 'g' }]).catch((error: unknown) => error);
    await clock.advance(0);
    expect(((await sent) as SendError).failed).toEqual([0]);
  });

  it('goes on with the next ten when ten fail', async () => {
    let calls = 0;
    const { clock, rig, queue } = queueOver({
      fault() {
        calls += 1;
        if (calls === 1) throw new Error('the network');
      },
    });
    const sent = queue.send(entries(15)).catch((error: unknown) => error);
    await clock.advance(5_000);
    expect(((await sent) as SendError).failed.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rig.bodies()).toHaveLength(5);
  });
});

describe('one-off schedules', () => {
  function schedulesOver() {
    const clock = createManualClock();
    const fired: string[] = [];
    const endpoint = createSchedulesEndpoint({ clock, fire: (input) => fired.push(input) });
    const client = new SchedulerClient({ region: 'us-east-1', credentials, maxAttempts: 1, requestHandler: endpoint });
    const validation = validateRequests(client);
    const schedules = createOneOffSchedules({
      client,
      group: 'nodeless-test',
      role: 'arn:aws:iam::000000000000:role/timer',
      target: 'arn:aws:lambda:us-east-1:000000000000:function:timer',
    });
    return { clock, fired, endpoint, schedules, validation };
  }

  it('fire once and are gone', async () => {
    const { clock, fired, endpoint, schedules, validation } = schedulesOver();
    await schedules.ensure('one', clock.now() + 3_600_500, 'hello');
    await clock.advance(3_600_000);
    expect(fired).toEqual([]);
    // To the second, and never early.
    await clock.advance(1_000);
    expect(fired).toEqual(['hello']);
    expect(endpoint.names()).toEqual([]);
    expect(validation.violations).toEqual([]);
  });

  it('are made once by one name, and removed as often as one likes', async () => {
    const { clock, fired, schedules } = schedulesOver();
    await schedules.ensure('one', clock.now() + 10_000, 'first');
    await schedules.ensure('one', clock.now() + 20_000, 'second');
    await schedules.ensure('two', clock.now() + 10_000, 'never');
    await schedules.remove('two');
    await schedules.remove('two');
    await clock.advance(60_000);
    expect(fired).toEqual(['first']);
  });
});
