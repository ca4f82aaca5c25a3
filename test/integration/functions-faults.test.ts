import { SendError } from '@nodeless/controller-runtime/queues';
import { TableError } from '@nodeless/store/dynamodb/table';
import { afterEach, describe, expect, it } from 'vitest';
import { deployments } from '@nodeless/client/resource-types';
import { createCluster } from '../builders/cluster.ts';
import { newDeployment } from '../builders/cluster-objects.ts';
import { type Delivery, type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';
import type { Step } from '../builders/function-host.ts';
import { seeded } from '../builders/seeded.ts';
import { playScenario, stateOf } from '../builders/workload-scenario.ts';

let cluster: FunctionsCluster;
afterEach(() => cluster?.stop());

let expected: readonly string[] | undefined;
async function localEnd(): Promise<readonly string[]> {
  if (expected) return expected;
  const local = await createCluster();
  await playScenario(local);
  await local.settle(5_000);
  expected = await stateOf(local.client);
  await local.stop();
  return expected;
}

const minutes = 60_000;

describe('records of the stream', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'that are lost, late, repeated or out of order change nothing in the end (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const counts = { lost: 0, late: 0, repeated: 0 };
      const deliver = (): Delivery => {
        const chance = random();
        if (chance < 0.1) {
          counts.lost += 1;
          return [];
        }
        if (chance < 0.4) {
          counts.late += 1;
          return [{ afterMs: Math.ceil(random() * 5_000) }];
        }
        if (chance < 0.5) {
          counts.repeated += 1;
          return [{ afterMs: 0 }, { afterMs: Math.ceil(random() * 20_000) }];
        }
        return [{ afterMs: 0 }];
      };
      cluster = await createFunctionsCluster({ deliver });
      // Whatever was lost is found by the next tick.
      await playScenario(cluster, 30 * minutes);
      await cluster.settle(11 * minutes);
      expect(await stateOf(cluster.client)).toEqual(await localEnd());
      expect(cluster.queues.dead.bodies()).toEqual([]);
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(5);
    },
  );
});

const available = (name: string, replicas: number) => async (): Promise<boolean> =>
  (await cluster.find(deployments, name))?.status?.availableReplicas === replicas;

describe('a table that throttles, answers not at all, and loses answers', () => {
  it.each([1, 2, 3])('changes nothing in the end (seed %i)', async (seed) => {
    const random = seeded(seed);
    const counts = { throttled: 0, unknown: 0, unsent: 0 };
    const fails = ({ step, when }: Step): Error | undefined => {
      if (random() > 0.03) return undefined;
      if (step === 'send') {
        counts.unsent += 1;
        return new SendError('the queue did not answer', [0]);
      }
      if (when === 'before') {
        counts.throttled += 1;
        return new TableError('throttled', 'too much');
      }
      counts.unknown += 1;
      return new TableError('unknown', 'no answer');
    };
    cluster = await createFunctionsCluster({ fails });
    await playScenario(cluster, 30 * minutes);
    await cluster.settle(11 * minutes);
    expect(await stateOf(cluster.client)).toEqual(await localEnd());
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });
});

describe('a record that nobody can read', () => {
  it('ends in the dead-letter queue, and holds nothing up but what stands behind it for a while', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(deployments, newDeployment('before', { replicas: 1 }));
    await cluster.until('it runs', available('before', 1));
    const bad = { pk: { S: 'LOG#/pods/#1' }, sk: { S: '1' }, k: { N: '1' }, e: { B: 'AQ==' } };
    cluster.inject({ eventName: 'INSERT', partitionKey: 'LOG#/pods/#1', image: bad });
    await cluster.client.create(deployments, newDeployment('after', { replicas: 2 }));
    // Ten attempts, up to a minute apart.
    await cluster.settle(10 * minutes);
    expect(cluster.givenUp).toEqual([
      { reason: 'RetryAttemptsExhausted', first: expect.any(String), last: expect.any(String), size: 1 },
    ]);
    await cluster.until('they run', available('after', 2));
    expect(cluster.logged.some((line) => line.includes('a record cannot be'))).toBe(true);
  });
});

describe('work that crashes its function again and again', () => {
  it('ends in the dead-letter queue, and is made good by a look at everything', async () => {
    let crashing = true;
    cluster = await createFunctionsCluster({
      dies: (step) => crashing && step.function === 'controllers' && step.step === 'transact' && step.when === 'before',
    });
    await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
    await cluster.settle(2 * minutes);
    expect(cluster.queues.dead.bodies().some((body) => body.includes('deployment-controller'))).toBe(true);
    crashing = false;
    await cluster.settle(12 * minutes);
    expect(await available('web', 2)()).toBe(false);
    await cluster.tick(true);
    await cluster.until('they run', available('web', 2));
  });
});

describe('functions that find no warm environment', () => {
  it('do the same', async () => {
    const all = ['dispatcher', 'controllers', 'scheduler', 'later', 'timer'] as const;
    cluster = await createFunctionsCluster({
      deliver() {
        for (const name of all) cluster?.functions[name].freeze();
        return [{ afterMs: 0 }];
      },
    });
    await playScenario(cluster);
    await cluster.settle(5_000);
    expect(await stateOf(cluster.client)).toEqual(await localEnd());
    expect(cluster.functions.controllers.counts.coldStarts).toBeGreaterThan(10);
  });

  it('go on after a sleep that the history did not outlast', async () => {
    cluster = await createFunctionsCluster({ nodes: ['n1'], ticks: false });
    await cluster.client.create(deployments, newDeployment('web', { replicas: 1 }));
    await cluster.until('one runs', available('web', 1));
    // Three hours in which nobody calls; expired entries of the log are not holes.
    await cluster.settle(180 * minutes);
    await cluster.edit(deployments, 'web', ({ spec }) => spec && (spec.replicas = 3));
    await cluster.until('three run', available('web', 3));
    expect(cluster.functions.scheduler.counts.coldStarts).toBe(1);
  });
});
