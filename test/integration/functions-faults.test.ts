import { afterEach, describe, expect, it } from 'vitest';
import { createCluster } from '../builders/cluster.ts';
import { type Delivery, type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';
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
