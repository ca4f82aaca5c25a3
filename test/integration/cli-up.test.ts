import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import { keys } from '@nodeless/store/leveldb/records';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ask } from '../builders/https.ts';
import {
  type Exit,
  nodeless,
  repository,
  runNodeless,
  type RunningCluster,
  startRunningCluster,
  temporaryFolder,
} from '../builders/running-cluster.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** Starting, stopping and resuming a cluster, and every way in which a start can fail. */
let folder: string;
const started: RunningCluster[] = [];
beforeEach(async () => {
  folder = await temporaryFolder('up');
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((cluster) => cluster.stop('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Parameters<typeof startRunningCluster>[0] = {}): Promise<RunningCluster> {
  const cluster = await startRunningCluster({ dataDir: join(folder, 'data'), ...options });
  started.push(cluster);
  return cluster;
}
const up = (...args: string[]): Promise<Exit> =>
  nodeless(['up', '--provider', 'simulated', '--port', '0', '--data-dir', join(folder, 'data'), ...args]);
const get = async (cluster: RunningCluster, path: string): Promise<Record<string, never>> =>
  (await ask(cluster, { path })).json() as Record<string, never>;
const create = (cluster: RunningCluster, path: string, object: unknown): Promise<unknown> =>
  ask(cluster, { method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(object) });

describe('up', () => {
  it('tells where the cluster is and what to try, and ends cleanly at Ctrl-C', async () => {
    const cluster = await start({ nodes: 2 });
    const { stdout, stderr } = cluster.output();
    expect(stderr).toMatch(
      /^✓ API server at https:\/\/127\.0\.0\.1:\d+ \([\d.]+ s\)\n✓ controllers and scheduler [^\n]*\n✓ 2 nodes \(simulated\)/,
    );
    expect(stdout).toContain(`  export KUBECONFIG=${cluster.kubeconfig}\n`);
    expect(stdout.match(/^ {2}\S.*$/gm)).toHaveLength(3);
    const exit = await cluster.stop('SIGINT');
    expect(exit).toMatchObject({ code: 0, signal: null });
    expect(exit.stderr).toMatch(/\nStopping …\nStopped\. "npm start" resumes with every object\.\n$/);
    expect(existsSync(join(cluster.dataDir, 'running.json'))).toBe(false);
    expect(exit.stderr + exit.stdout).not.toContain('\u001b');
  });

  it('ends the same way at SIGTERM, while clients watch', async () => {
    const cluster = await start();
    const watch = ask(cluster, { path: '/api/v1/configmaps?watch=true' }).catch(() => undefined);
    expect(await cluster.stop('SIGTERM')).toMatchObject({ code: 0 });
    await watch;
  });

  it('submits a manifest and follows its pods', async () => {
    const cluster = await start({ args: ['-f', join(repository, 'examples', 'guestbook.yaml')], nodes: 2 });
    const { stdout } = cluster.output();
    expect(stdout).toContain(
      '  configmap/guestbook created\n  deployment.apps/store created\n  service/store created\n  deployment.apps/web created\n  service/guestbook created\n',
    );
    expect(new Set(stdout.match(/pod\/(?:web|store)-\S+ Ready/g)).size).toBe(4);
    expect(stdout).toMatch(
      /\nguestbook has the address http:\/\/\d+\.\d+\.\d+\.\d+\S*, where nothing answers: its pods are simulated\n/,
    );
  });

  it('stays when the server refuses a manifest, and says why', async () => {
    const manifest = join(folder, 'bad.yaml');
    writeFileSync(manifest, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Upper}\n');
    const cluster = await start({ args: ['-f', manifest] });
    expect(cluster.output().stderr).toMatch(
      /\nError from server \(Invalid\): ConfigMap "Upper" is invalid: metadata\.name: [^\n]*\n/,
    );
    expect((await ask(cluster, { path: '/readyz' })).text).toBe('ok');
  });

  it('starts clusters beside each other that know nothing of each other', async () => {
    const [one, two] = await Promise.all([
      start({ dataDir: join(folder, 'one') }),
      start({ dataDir: join(folder, 'two'), nodes: 5 }),
    ]);
    expect(one.port).not.toBe(two.port);
    await create(one, '/api/v1/namespaces', { metadata: { name: 'only-in-one' } });
    expect((await ask(two, { path: '/api/v1/namespaces/only-in-one' })).status).toBe(404);
    expect((await get(two, '/api/v1/nodes'))['items']).toHaveLength(5);
    expect((await ask(two, { path: '/api/v1/namespaces', token: one.token })).status).toBe(401);
    // Nor does one trust the other's certificate.
    await expect(ask({ ...two, ca: one.ca }, { path: '/livez' })).rejects.toThrow(/certificate/);
    const [, status] = await Promise.all([one.stop(), nodeless(['status', '--data-dir', two.dataDir])]);
    expect(status.code).toBe(0);
    expect((await ask(two, { path: '/readyz' })).text).toBe('ok');
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('resumes every object after %s', async (signal) => {
    const before = await start({ nodes: 2 });
    await nodeless(['apply', '-f', join(repository, 'examples', 'guestbook.yaml'), '--data-dir', before.dataDir]);
    await expect
      .poll(async () => (await get(before, '/apis/apps/v1/namespaces/default/deployments/web'))['status'], {
        timeout: 20_000,
      })
      .toMatchObject({ readyReplicas: 3 });
    const objects = async (cluster: RunningCluster): Promise<string[]> => {
      const paths = [
        '/api/v1/configmaps',
        '/api/v1/services',
        '/apis/apps/v1/deployments',
        '/apis/apps/v1/replicasets',
        '/api/v1/pods',
        '/api/v1/nodes',
        '/api/v1/serviceaccounts',
      ];
      const lists = await Promise.all(paths.map((path) => get(cluster, path)));
      return lists
        .flatMap((list) =>
          (list['items'] as unknown as { metadata: { name: string; uid: string } }[]).map(
            ({ metadata }) => `${metadata.name} ${metadata.uid}`,
          ),
        )
        .toSorted();
    };
    const kept = await objects(before);
    const token = before.token;
    await before.stop(signal);
    const after = await start({ nodes: 2, port: before.port });
    expect(await objects(after)).toEqual(kept);
    expect(after.token).toBe(token);
    await expect
      .poll(async () => (await get(after, '/apis/apps/v1/namespaces/default/deployments/web'))['status'], {
        timeout: 20_000,
      })
      .toMatchObject({ readyReplicas: 3, replicas: 3 });
  });
});

describe('down', () => {
  it('stops the cluster of a folder, and removes everything when told to', async () => {
    const cluster = await start();
    const down = (...args: string[]): Promise<Exit> => nodeless(['down', '--data-dir', cluster.dataDir, ...args]);
    expect(await down()).toMatchObject({ code: 0, stdout: 'The cluster has stopped.\n' });
    expect(await cluster.stop()).toMatchObject({ code: 0 });
    expect(await down()).toMatchObject({ code: 0, stdout: 'The cluster was not running.\n' });
    expect(await nodeless(['status', '--data-dir', cluster.dataDir])).toMatchObject({
      code: 3,
      stdout: 'The cluster is not running. Start it with "npm start".\n',
    });
    expect(JSON.parse((await nodeless(['status', '--data-dir', cluster.dataDir, '-o', 'json'])).stdout)).toEqual({
      running: false,
    });
    expect(await nodeless(['get', 'pods', '--data-dir', cluster.dataDir])).toMatchObject({
      code: 1,
      stderr: `nodeless: the server at ${cluster.url} cannot be reached: nobody answers (is the cluster running? "npm start" starts it)\n`,
    });
    expect(await down('--purge')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Removed \S+\.\n$/) });
    expect(existsSync(cluster.dataDir)).toBe(false);
  });
});

describe('a start that cannot be', () => {
  const refused = async (exit: Promise<Exit>, said: string | RegExp): Promise<void> => {
    const { code, stdout, stderr } = await exit;
    expect({ code, stdout, said: stderr.trimEnd().split('\n').at(-1) }).toEqual({
      code: 1,
      stdout: '',
      said: typeof said === 'string' ? said : expect.stringMatching(said),
    });
    expect(stderr).not.toMatch(/^ +at /m);
  };

  it('says that the port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await refused(up('--port', String(port)), `nodeless: port ${port} is in use; choose another with --port`);
      // Nothing is left locked: the next start succeeds.
      const cluster = await start();
      expect((await ask(cluster, { path: '/readyz' })).text).toBe('ok');
    } finally {
      server.close();
    }
  });

  it('says that a cluster runs in the folder', async () => {
    const cluster = await start();
    await refused(
      up(),
      `nodeless: a cluster is running in this folder already (pid ${cluster.pid}, ${cluster.url}); stop it with "nodeless down" or choose another --data-dir`,
    );
    expect((await ask(cluster, { path: '/readyz' })).text).toBe('ok');
  });

  it('says that another process has the store open', async () => {
    const path = join(folder, 'data', 'store');
    mkdirSync(path, { recursive: true });
    const store = await openLevelDbStore({ path, clock: systemClock, log: createLogger({ level: 'error' }) });
    try {
      await refused(up(), `nodeless: the store folder ${path} is in use by another process`);
    } finally {
      await store.close();
    }
  });

  it('is not kept from a folder whose last cluster left its mark behind', async () => {
    const first = await start();
    await first.stop('SIGKILL');
    expect(existsSync(join(first.dataDir, 'running.json'))).toBe(true);
    // The number of the dead process has gone to another one meanwhile.
    writeFileSync(
      join(first.dataDir, 'running.json'),
      JSON.stringify({ pid: 1, server: first.url, provider: 'simulated', startedAt: new Date().toISOString() }),
    );
    const second = await start();
    expect((await ask(second, { path: '/readyz' })).text).toBe('ok');
  });

  it('says that the store is of a newer version', async () => {
    await (await start()).stop();
    const path = join(folder, 'data', 'store');
    const database = new ClassicLevel<string, string>(path);
    await database.open();
    const format = await database.get(keys.format);
    expect(format).toMatch(/^\d+$/);
    await database.put(keys.format, '999');
    await database.close();
    await refused(
      up(),
      `nodeless: the store folder ${path} was written by a newer version of this program: its format is 999, this version reads ${format}`,
    );
  });

  it('says that the folder holds something else', async () => {
    const path = join(folder, 'data', 'store');
    mkdirSync(path, { recursive: true });
    const database = new ClassicLevel<string, string>(path);
    await database.put('a', 'b');
    await database.close();
    await refused(up(), `nodeless: the folder ${path} holds a database that is not a store of this program`);
  });

  it('says that the folder cannot be made', async () => {
    writeFileSync(join(folder, 'data'), 'a file');
    await refused(up(), `nodeless: ${join(folder, 'data')} is not a folder; choose another --data-dir`);
    await refused(up('--data-dir', '/proc/nodeless'), /^nodeless: the folder \/proc\/nodeless cannot be made: E\w+: /);
  });

  it('says what is wrong with a manifest, before anything is started', async () => {
    const manifest = join(folder, 'manifest.yaml');
    writeFileSync(manifest, 'apiVersion: v1\nkind: [');
    await refused(up('-f', manifest), /^nodeless: \S+\/manifest\.yaml: yaml: line \d+: /);
    await refused(
      up('-f', join(folder, 'nowhere.yaml')),
      `nodeless: the path "${join(folder, 'nowhere.yaml')}" does not exist`,
    );
    writeFileSync(manifest, '');
    await refused(up('-f', manifest), `nodeless: no objects found in ${manifest}`);
    expect(readdirSync(folder)).toEqual(['manifest.yaml']);
  });

  it.each([
    [['--port', '99999'], 'nodeless: --port must be a whole number from 0 to 65535, not "99999"'],
    [['--port', 'http'], 'nodeless: --port must be a whole number from 0 to 65535, not "http"'],
    [['--nodes', '0'], 'nodeless: --nodes must be a whole number from 1 to 5000, not "0"'],
    [['--provider', 'kvm'], 'nodeless: --provider must be docker or simulated, not "kvm"'],
    [['--log-level', 'loud'], 'nodeless: --log-level must be debug, info, warn, error, not "loud"'],
  ])('says that %j is not right', async (args, said) => {
    await refused(up(...args), said);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends at Ctrl-C also while it starts', async () => {
    const process = runNodeless(['up', '--provider', 'simulated', '--port', '0', '--data-dir', join(folder, 'data')]);
    await expect.poll(() => process.output().stderr, { timeout: 20_000 }).toContain('API server');
    expect(await process.end('SIGINT', 20_000)).toMatchObject({ code: 0 });
    const cluster = await start();
    expect((await ask(cluster, { path: '/readyz' })).text).toBe('ok');
  });
});
