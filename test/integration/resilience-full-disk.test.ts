import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answered, ask } from '../builders/https.ts';
import { nodeless, type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';

/** The disk under a running cluster fills up and gets room again: clear refusals meanwhile, nothing lost, and no hand is needed. */
let disk: string;
let mounted = false;
let cluster: RunningCluster | undefined;
beforeAll(async () => {
  disk = await temporaryFolder('disk');
  mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]).status === 0;
});
afterAll(async () => {
  await cluster?.stop('SIGKILL');
  if (mounted) spawnSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});
beforeEach((context) => context.skip(!mounted, 'needs the right to mount a small file system'));

const path = '/api/v1/namespaces/default/configmaps';
const create = (name: string): Promise<Answered> =>
  ask(cluster as RunningCluster, {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name }, data: { value: crypto.randomUUID().repeat(2_000) } }),
  });

describe('a full disk', () => {
  it('is told to who writes, and over when there is room', { timeout: 120_000 }, async () => {
    const data = join(disk, 'data');
    const ballast = join(disk, 'ballast');
    cluster = await startRunningCluster({ dataDir: data, nodes: 1 });
    const created = async (name: string): Promise<string> =>
      ((await create(name)).json() as { metadata: { uid: string } }).metadata.uid;
    const before = await created('before');
    // What is left of the disk, to the last byte.
    for (let size = 32 * 1024 * 1024, i = 0; size >= 1024; size /= 2, i++)
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}-${i}`, `bs=${size}`, 'count=1']);
    let refused: Answered | undefined;
    const acknowledged: string[] = [];
    for (let i = 0; i < 500 && !refused; i++) {
      const answer = await create(`filling-${i}`);
      if (answer.status === 201) acknowledged.push(`filling-${i}`);
      else refused = answer;
    }
    expect(refused?.json()).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      message: expect.stringMatching(/No space left on device/),
    });
    expect(refused?.status).toBeGreaterThanOrEqual(500);
    // Reading goes on.
    expect((await ask(cluster, { path: `${path}/before` })).json()).toMatchObject({ metadata: { uid: before } });
    const status = await nodeless(['get', 'configmap', 'before', '-o', 'name', '--data-dir', data]);
    expect(status).toMatchObject({ code: 0, stdout: 'configmap/before\n' });

    for (let i = 0; i < 16; i++) rmSync(`${ballast}-${i}`, { force: true });
    await expect.poll(async () => (await create('after')).status, { timeout: 30_000 }).toBe(201);
    for (const name of ['before', 'after', ...acknowledged])
      expect((await ask(cluster, { path: `${path}/${name}` })).status, name).toBe(200);
    await expect
      .poll(async () => (await ask(cluster as RunningCluster, { path: '/readyz' })).text, { timeout: 30_000 })
      .toBe('ok');

    const { port } = cluster;
    await cluster.stop('SIGKILL');
    cluster = await startRunningCluster({ dataDir: data, port, nodes: 1 });
    for (const name of ['before', 'after', ...acknowledged])
      expect((await ask(cluster, { path: `${path}/${name}` })).status, name).toBe(200);
  });

  it('is told by a start that cannot be', { timeout: 60_000 }, async () => {
    const full = join(disk, 'ballast');
    writeFileSync(full, '');
    spawnSync('dd', ['if=/dev/zero', `of=${full}`, 'bs=1M']);
    const exit = await nodeless(['up', '--provider', 'simulated', '--port', '0', '--data-dir', join(disk, 'other')]);
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/nodeless: [^\n]*(No space left on device|ENOSPC)/i);
    expect(exit.stderr).not.toMatch(/^ +at /m);
    rmSync(full);
  });
});
