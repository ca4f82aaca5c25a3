import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isSettled } from '../../cli/follow.ts';
import { parseManifests } from '../../cli/manifests.ts';
import { ask } from '../builders/https.ts';
import { nodeless, repository, type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** What a newcomer applies first: every file of examples/ is taken as it is, and comes to where its words say. */
const folder = join(repository, 'examples');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
let cluster: RunningCluster;
beforeAll(async () => {
  cluster = await startRunningCluster({ nodes: 2 });
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});

const run = async (words: string): Promise<string> => {
  const exit = await nodeless([...words.split(' '), '--data-dir', cluster.dataDir]);
  expect(exit, words).toMatchObject({ code: 0 });
  return exit.stdout;
};

describe('examples', () => {
  it('are there', () => {
    expect(files).toContain('guestbook.yaml');
  });

  it.each(files.filter((file) => file !== 'simulated.yaml'))('%s runs', async (file) => {
    const path = join(folder, file);
    const objects = parseManifests(readFileSync(path, 'utf8'), file).map(({ object }) => object);
    const before = await run(`apply -f ${path}`);
    expect(before.trimEnd().split('\n')).toHaveLength(objects.length);
    expect(before).not.toMatch(/configured|unchanged/);
    const pending = async (): Promise<string[]> => {
      const { items } = JSON.parse(await run('get deployments,jobs,pods -o json')) as { items: UnknownObject[] };
      return items.filter((item) => isSettled(item) === false).map((item) => `${item.kind}/${item.metadata?.name}`);
    };
    await expect.poll(pending, { timeout: 15_000 }).toEqual([]);
    expect(await run(`apply -f ${path}`)).not.toMatch(/created|configured/);
    await run(`delete -f ${path}`);
  });

  it('simulated.yaml shows pods in every trouble', async () => {
    await run(`apply -f ${join(folder, 'simulated.yaml')}`);
    const states = async (): Promise<Record<string, string>> =>
      Object.fromEntries(
        rows(await run('get pods'))
          .filter(({ NAME }) => !NAME?.startsWith('slow-'))
          .map(({ NAME, READY, STATUS }) => [NAME, `${READY} ${STATUS}`]),
      );
    await expect.poll(states, { timeout: 15_000 }).toEqual({
      crashing: '0/1 CrashLoopBackOff',
      done: '0/1 Completed',
      'too-big': '0/1 Pending',
      unpullable: '0/1 ImagePullBackOff',
      unready: '0/1 Running',
    });
    await expect
      .poll(async () => rows(await run('get deployment slow')), { timeout: 15_000 })
      .toMatchObject([{ READY: '3/3' }]);
  });

  it('deployment.yaml is one object, which can be posted as it is', async () => {
    const answer = await ask(cluster, {
      method: 'POST',
      path: '/apis/apps/v1/namespaces/default/deployments',
      headers: { 'content-type': 'application/yaml' },
      body: readFileSync(join(folder, 'deployment.yaml')),
    });
    expect(answer.status).toBe(201);
  });
});
