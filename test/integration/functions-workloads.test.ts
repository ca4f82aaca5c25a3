import { afterEach, describe, expect, it } from 'vitest';
import { createCluster } from '../builders/cluster.ts';
import { type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';
import { playScenario, stateOf } from '../builders/workload-scenario.ts';

let cluster: FunctionsCluster;
afterEach(() => cluster?.stop());

describe('the control plane as functions', () => {
  it('comes to the same end as in one process', async () => {
    const local = await createCluster();
    await playScenario(local);
    await local.settle(5_000);
    const expected = await stateOf(local.client);
    await local.stop();

    cluster = await createFunctionsCluster();
    await playScenario(cluster);
    await cluster.settle(5_000);
    expect(await stateOf(cluster.client)).toEqual(expected);
    expect(cluster.queues.dead.bodies()).toEqual([]);
    // What a namespace that goes refuses is told, as upstream tells it, and tried again until it is gone.
    expect(cluster.logged.filter((line) => !/forbidden|not found/.test(line))).toEqual([]);
  });
});
