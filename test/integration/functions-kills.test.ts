import { afterEach, describe, expect, it } from 'vitest';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { WatchEvent } from '@nodeless/client/client';
import { deployments, jobs, namespaces, pods } from '@nodeless/client/resource-types';
import { newDeployment, newJob } from '../builders/cluster-objects.ts';
import type { Step } from '../builders/function-host.ts';
import { seeded } from '../builders/seeded.ts';
import { type FunctionName, type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';

let cluster: FunctionsCluster;
afterEach(() => cluster?.stop());

/**
 * Steps that somebody else can see. A death at any other step is the same as one before the next of these: nothing came in
 * between that anybody could tell it by.
 */
const effects = new Set(['takeTickets', 'transact', 'putLog', 'createSequence', 'send']);
/** Of so many effects in a row, one is the last of its environment: over as many runs, each has been. */
const stride = 5;

/** Dies at each effect whose number leaves `rest`; every other time, when it was done and nobody has heard of it. */
function deaths(
  name: FunctionName,
  rest: number,
  late: boolean,
): { dies: (step: Step) => boolean; count: () => number } {
  let effect = 0;
  let died = 0;
  return {
    count: () => died,
    dies(step) {
      if (step.function !== name || !effects.has(step.step)) return false;
      if (step.when === 'before') effect += 1;
      if (effect % stride !== rest || (step.when === 'after') !== ((died % 2 === 0) === late)) return false;
      died += 1;
      return true;
    },
  };
}

/** Every pod that ever was, by the label `app` or the name of its job. */
function recordPods(): { of: (name: string) => number; stop: () => void } {
  const seen = new Map<string, Set<string>>();
  const watch = cluster.client.watch(
    pods,
    {},
    {
      onEvent(event: WatchEvent<Pod>) {
        if (event.type !== 'ADDED') return;
        const { labels, uid = '' } = event.object.metadata ?? {};
        const name = labels?.['app'] ?? labels?.['job-name'] ?? '';
        seen.set(name, (seen.get(name) ?? new Set()).add(uid));
      },
      onEnd: () => {},
    },
  );
  return { of: (name) => seen.get(name)?.size ?? 0, stop: () => watch.stop() };
}

const patienceMs = 20 * 60_000;

async function play(): Promise<void> {
  const { client, until, find, edit } = cluster;
  const made = recordPods();
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'doomed' } });
  await client.create(deployments, newDeployment('web', { replicas: 2 }));
  await client.create(deployments, newDeployment('lost', { replicas: 1 }, { namespace: 'doomed' }));
  await client.create(jobs, newJob('sums', { completions: 2, parallelism: 2 }));
  const available = (count: number, key: { namespace: string; name: string }) => async (): Promise<boolean> =>
    (await find(deployments, key))?.status?.availableReplicas === count;
  await until('two are available', available(2, { namespace: 'default', name: 'web' }), patienceMs);
  await until('the other one is', available(1, { namespace: 'doomed', name: 'lost' }), patienceMs);
  await edit(deployments, 'web', ({ spec }) => spec && (spec.replicas = 3));
  await client.delete(namespaces, { name: 'doomed' });
  await until('three are available', available(3, { namespace: 'default', name: 'web' }), patienceMs);
  await until('the namespace is gone', async () => !(await find(namespaces, 'doomed')), patienceMs);
  await until(
    'the job is complete',
    async () =>
      (await find(jobs, 'sums'))?.status?.conditions?.some((c) => c.type === 'Complete' && c.status === 'True'),
    patienceMs,
  );
  await client.delete(deployments, { namespace: 'default', name: 'web' });
  await until(
    'all of it is gone',
    async () => (await client.list(pods, { labelSelector: 'app' })).items.length === 0,
    patienceMs,
  );
  // Nobody made a pod twice, and no pod had to be made again.
  expect({ web: made.of('web'), lost: made.of('lost'), sums: made.of('sums') }).toEqual({ web: 3, lost: 1, sums: 2 });
  made.stop();
}

describe('a function that dies', () => {
  const runs = Array.from({ length: stride }, (_, rest) => [
    { rest, late: false },
    { rest, late: true },
  ]).flat();
  it.each(['dispatcher', 'controllers', 'scheduler'].flatMap((name) => runs.map((run) => ({ name, ...run }))))(
    'is not missed in the end: $name at effect $rest of 5, late: $late',
    async ({ name, rest, late }) => {
      const { dies, count } = deaths(name as FunctionName, rest, late);
      cluster = await createFunctionsCluster({ dies, maxReceives: 1000 });
      await play();
      expect(count()).toBeGreaterThan(0);
      expect(cluster.functions[name as FunctionName].counts.coldStarts).toBeGreaterThanOrEqual(count());
    },
  );

  it.each([1, 2, 3])('is not missed in the end: all of them, now and then (seed %i)', async (seed) => {
    const random = seeded(seed);
    let died = 0;
    const dies = ({ step }: Step): boolean => {
      if (random() >= (effects.has(step) ? 0.06 : 0.0005)) return false;
      died += 1;
      return true;
    };
    cluster = await createFunctionsCluster({ dies, maxReceives: 1000 });
    await play();
    expect(died).toBeGreaterThan(10);
  });
});
