import { afterEach, describe, expect, it } from 'vitest';
import { deployments, pods } from '@nodeless/client/resource-types';
import { newDeployment, newPod } from '../builders/cluster-objects.ts';
import { type FunctionName, type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';

let cluster: FunctionsCluster;
afterEach(() => cluster?.stop());

const names: readonly FunctionName[] = ['dispatcher', 'controllers', 'scheduler', 'later', 'timer'];
/** Steps that change the table. */
const writes = new Set(['takeTickets', 'transact', 'putLog', 'createSequence', 'putChunk', 'expireChunks']);

interface Counted {
  readonly invocations: number;
  readonly reads: number;
  readonly writes: number;
  readonly sends: number;
}

function count(): Record<FunctionName, Counted> {
  return Object.fromEntries(
    names.map((name) => {
      const { invocations, steps } = cluster.functions[name].counts;
      const sum = (wanted: (step: string) => boolean): number =>
        [...steps].reduce((total, [step, times]) => total + (wanted(step) ? times : 0), 0);
      return [
        name,
        {
          invocations,
          reads: sum((step) => step !== 'send' && !writes.has(step)),
          writes: sum((step) => writes.has(step)),
          sends: sum((step) => step === 'send'),
        },
      ];
    }),
  ) as Record<FunctionName, Counted>;
}

function since(before: Record<FunctionName, Counted>): Record<FunctionName, Counted> {
  const now = count();
  return Object.fromEntries(
    names.map((name) => [
      name,
      Object.fromEntries(
        Object.entries(now[name]).map(([what, times]) => [what, times - before[name][what as keyof Counted]]),
      ),
    ]),
  ) as unknown as Record<FunctionName, Counted>;
}

const total = (counts: Record<FunctionName, Counted>, what: keyof Counted): number =>
  names.reduce((sum, name) => sum + counts[name][what], 0);

/** `npm test` shows what it came to. */
function show(what: string, counts: Record<FunctionName, Counted>): void {
  const lines = names.map((name) => {
    const { invocations, reads, writes: written, sends } = counts[name];
    return `  ${name.padEnd(12)} ${invocations} invocations, ${reads} reads, ${written} writes, ${sends} sends`;
  });
  process.stdout.write(`${what}\n${lines.join('\n')}\n`);
}

const hour = 60 * 60_000;
const runs = (name: string, replicas: number) => async (): Promise<boolean> =>
  (await cluster.find(deployments, name))?.status?.availableReplicas === replicas;
const cheap = { resources: { requests: { cpu: '10m' } } };

describe('what it costs', () => {
  it('to do nothing for an hour: ticks, and nothing else', async () => {
    cluster = await createFunctionsCluster({ nodes: [] });
    await cluster.settle(10 * 60_000);
    const before = count();
    await cluster.settle(hour);
    const spent = since(before);
    show('An idle hour', spent);
    expect(spent.dispatcher.invocations).toBe(12);
    expect(spent.controllers.invocations).toBeLessThanOrEqual(12);
    expect(spent.scheduler.invocations).toBe(12);
    expect(spent.later.invocations + spent.timer.invocations).toBe(0);
    expect(total(spent, 'writes')).toBe(0);
    // Strong reads of up to 4 KB at 0.25 dollars a million: a thousand an hour are 18 cents a month.
    expect(total(spent, 'reads')).toBeLessThan(1_000);
    expect(cluster.schedules()).toEqual([]);
  });

  it('to let pods run for an hour: ticks and heartbeats', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(deployments, newDeployment('web', { replicas: 20 }));
    await cluster.until('they run', runs('web', 20));
    // Until the events of their making are gone.
    await cluster.settle(75 * 60_000);
    const before = count();
    await cluster.settle(hour);
    const spent = since(before);
    show('An hour with 20 pods on 2 nodes', spent);
    expect(spent.dispatcher.invocations).toBeLessThanOrEqual(24);
    expect(spent.controllers.invocations).toBeLessThanOrEqual(24);
    expect(spent.scheduler.invocations).toBe(12);
    expect(spent.later.invocations + spent.timer.invocations).toBe(0);
    expect(total(spent, 'writes')).toBe(0);
    expect(total(spent, 'reads')).toBeLessThan(1_100);
    expect(cluster.schedules()).toEqual([]);
  });

  it('to launch pods: fewer steps for each, the more they are', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(deployments, newDeployment('warm', { replicas: 1 }, cheap));
    await cluster.until('it runs', runs('warm', 1));
    await cluster.settle(5_000);
    const steps: number[] = [];
    for (const replicas of [1, 10, 100]) {
      const before = count();
      await cluster.client.create(deployments, newDeployment(`web-${replicas}`, { replicas }, cheap));
      await cluster.until('they run', runs(`web-${replicas}`, replicas));
      await cluster.settle(5_000);
      const spent = since(before);
      show(`A Deployment of ${replicas}`, spent);
      expect(spent.scheduler.invocations).toBeLessThanOrEqual(2);
      expect(total(spent, 'invocations')).toBeLessThanOrEqual(30);
      steps.push((total(spent, 'reads') + total(spent, 'writes')) / replicas);
    }
    expect(steps[0]).toBeLessThan(220);
    expect(steps[1]).toBeLessThan(40);
    expect(steps[2]).toBeLessThan(15);
  });

  it('to take pods down: each kind is looked through once a batch, not once a pod', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(deployments, newDeployment('web', { replicas: 100 }, cheap));
    await cluster.until('they run', runs('web', 100));
    await cluster.settle(5_000);
    const before = count();
    await cluster.client.delete(deployments, { namespace: 'default', name: 'web' });
    await cluster.until('they are gone', async () => (await cluster.client.list(pods)).items.length === 0);
    await cluster.settle(5_000);
    const spent = since(before);
    show('A Deployment of 100 deleted', spent);
    expect(total(spent, 'invocations')).toBeLessThanOrEqual(40);
    expect(total(spent, 'reads') + total(spent, 'writes')).toBeLessThan(2_000);
  });

  it('to schedule 300 pods: one drain, at less than a step and a half each', async () => {
    cluster = await createFunctionsCluster({ nodes: ['n1', 'n2', 'n3', 'n4'] });
    const before = count();
    await Promise.all(Array.from({ length: 300 }, (_, i) => cluster.client.create(pods, newPod(`p${i}`, cheap))));
    await cluster.until('all are bound', async () =>
      (await cluster.client.list(pods)).items.every(({ spec }) => spec?.nodeName),
    );
    const spent = since(before);
    show('300 pods at once', spent);
    expect((await cluster.client.list(pods)).items).toHaveLength(300);
    expect(spent.scheduler.invocations).toBe(1);
    // At 20 ms for each, one after the other, these are more than 20 pods a second.
    expect((spent.scheduler.reads + spent.scheduler.writes) / 300).toBeLessThan(1.5);
  });
});
