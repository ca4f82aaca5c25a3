import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import type { DrainStep } from '@nodeless/events/drain';
import { createDrainFunction } from '@nodeless/events/drain-function';
import { describe, expect, it } from 'vitest';

const deleteEvent = {
  RequestType: 'Delete',
  ResponseURL: 'https://cloudformation.example/answer',
  StackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/nodeless-main/0f0e',
  RequestId: 'r-1',
  LogicalResourceId: 'Drain',
  PhysicalResourceId: 'nodeless-main-drain',
  ResourceProperties: {
    ServiceToken: 'arn',
    Cluster: 'main',
    EcsCluster: 'arn:aws:ecs:us-east-1:123456789012:cluster/nodeless-main',
    HostedZone: 'Z1',
    SecurityGroups: ['sg-1'],
    Functions: ['nodeless-main-dispatcher', 'nodeless-main-apiserver'],
  },
};

function world(clear: () => Promise<number>, respond?: (calls: number) => void) {
  const clock = createManualClock();
  const stopped: string[] = [];
  const goneOn: unknown[] = [];
  const answers: { url: string; body: Record<string, string> }[] = [];
  let calls = 0;
  const step: DrainStep = { name: 'tasks', rank: 1, clear };
  const run = createDrainFunction({
    cluster: 'main',
    clock,
    log: silentLogger,
    steps: (targets) => (
      expect(targets).toMatchObject({ cluster: 'main', hostedZone: 'Z1', securityGroups: ['sg-1'] }),
      [step]
    ),
    stopFunction: async (name) => void stopped.push(name),
    goOn: async (_name, event) => void goneOn.push(event),
    async respond(url, body) {
      respond?.(calls++);
      answers.push({ url, body: JSON.parse(body) as Record<string, string> });
    },
  });
  const invoke = async (event: unknown, forMs = 900_000): Promise<void> => {
    const ended = clock.now() + forMs;
    const done = run(event, {
      functionName: 'nodeless-main-drain',
      getRemainingTimeInMillis: () => ended - clock.now(),
    });
    await clock.advance(forMs);
    await done;
  };
  return { clock, stopped, goneOn, answers, invoke };
}

describe('the drain function', () => {
  for (const RequestType of ['Create', 'Update'])
    it(`touches nothing at ${RequestType}`, async () => {
      const { invoke, stopped, answers } = world(() => Promise.reject(new Error('must not be called')));
      await invoke({ ...deleteEvent, RequestType, PhysicalResourceId: undefined });
      expect(stopped).toEqual([]);
      expect(answers[0]?.body).toMatchObject({
        Status: 'SUCCESS',
        PhysicalResourceId: 'nodeless-main-drain',
        RequestId: 'r-1',
      });
    });

  it('stops the functions before it removes anything', async () => {
    const order: string[] = [];
    const { invoke, stopped, answers } = world(async () => (order.push(`clear after ${stopped.length} stops`), 0));
    await invoke(deleteEvent);
    expect(stopped).toEqual(deleteEvent.ResourceProperties.Functions);
    expect(order[0]).toBe('clear after 2 stops');
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({
      url: deleteEvent.ResponseURL,
      body: { Status: 'SUCCESS', PhysicalResourceId: 'nodeless-main-drain' },
    });
  });

  it('goes on in its next invocation, and tells CloudFormation in time what it could not remove', async () => {
    const { invoke, goneOn, answers, stopped } = world(() => Promise.resolve(2));
    await invoke(deleteEvent);
    expect(answers).toEqual([]);
    for (let i = 0; i < 10 && answers.length === 0; i++) await invoke(goneOn.at(-1));
    expect(goneOn.length).toBeGreaterThan(1);
    // Only the first invocation stops functions.
    expect(stopped).toHaveLength(2);
    expect(answers[0]?.body['Status']).toBe('FAILED');
    expect(answers[0]?.body['Reason']).toContain('2 tasks');
  });

  it('answers within the hour that CloudFormation waits', async () => {
    const { invoke, goneOn, answers, clock } = world(() => Promise.resolve(1));
    const started = clock.now();
    await invoke(deleteEvent);
    while (answers.length === 0) await invoke(goneOn.at(-1));
    expect(clock.now() - started).toBeLessThan(60 * 60_000);
  });

  it('says FAILED when it cannot even begin', async () => {
    const { invoke, answers } = world(() => Promise.resolve(0));
    await invoke({ ...deleteEvent, ResourceProperties: {} });
    expect(answers[0]?.body).toMatchObject({ Status: 'FAILED' });
  });

  it('leaves its answer again when that fails', async () => {
    const { invoke, answers } = world(
      () => Promise.resolve(0),
      (calls) => {
        if (calls < 2) throw new Error('connection reset');
      },
    );
    await invoke(deleteEvent);
    expect(answers).toHaveLength(1);
  });

  it('stops the API when the bill guard rings, and only then', async () => {
    const { invoke, stopped } = world(() => Promise.resolve(0));
    await invoke({ source: 'aws.cloudwatch', alarmData: { state: { value: 'OK' } } });
    expect(stopped).toEqual([]);
    await invoke({ source: 'aws.cloudwatch', alarmData: { state: { value: 'ALARM' } } });
    expect(stopped).toEqual(['nodeless-main-apiserver']);
  });

  it('leaves events alone that it does not know', async () => {
    const { invoke, stopped, answers } = world(() => Promise.reject(new Error('must not be called')));
    for (const event of [undefined, {}, { tick: true }, 'text']) await invoke(event);
    expect([stopped, answers]).toEqual([[], []]);
  });
});
