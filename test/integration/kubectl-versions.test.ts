import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findTools, kubectlMinor } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** A day's work with each kubectl that this machine has besides the one of the version that is served. */
const others = new Map(
  findTools('kubectl')
    .map((path) => [kubectlMinor(path), path] as const)
    .filter(([minor]) => minor !== undefined && minor !== '1.36'),
);
let cluster: RunningCluster;
beforeAll(async () => {
  if (others.size > 0) cluster = await startRunningCluster({ nodes: 2 });
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});

if (others.size === 0)
  it('other versions of kubectl', (context) => context.skip('no kubectl of another version is on PATH'));

describe.each([...others])('kubectl %s', (minor, tool) => {
  const namespace = `v${minor?.replace('.', '-')}`;
  it('does its daily work', async () => {
    await cluster.kubectl({ tool }).ok(`create namespace ${namespace}`);
    const k = cluster.kubectl({ tool, args: ['-n', namespace] });
    expect(await k.ok('create deployment web --image=nginx:1 --replicas=2')).toBe('deployment.apps/web created\n');
    await k.ok('rollout status deployment/web --timeout=30s');
    expect(rows(await k.ok('get deployment web -o wide'))).toMatchObject([{ READY: '2/2', IMAGES: 'nginx:1' }]);
    await k.ok('set image deployment/web nginx=nginx:2');
    await k.ok('rollout status deployment/web --timeout=30s');
    expect(await k.ok('rollout history deployment/web')).toMatch(/\n1 +<none>\n2 +<none>\n/);
    await k.ok('rollout undo deployment/web');
    const settings = (a: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: "${a}"}\n`;
    expect(await k.apply(settings('1'))).toBe('configmap/settings created\n');
    expect((await k.run('diff -f -', { input: settings('2') })).stdout).toMatch(/\n-  a: "1"\n\+  a: "2"\n/);
    expect(await k.apply(settings('2'))).toBe('configmap/settings configured\n');
    expect(await k.apply(settings('3'), '--server-side', '--force-conflicts')).toBe(
      'configmap/settings serverside-applied\n',
    );
    expect(await k.ok(['patch', 'configmap', 'settings', '-p', '{"data":{"b":"1"}}'])).toBe(
      'configmap/settings patched\n',
    );
    await k.ok('scale deployment web --replicas=1');
    await k.ok('label configmap settings x=y');
    expect(await k.ok('describe deployment web')).toMatch(/^Name: +web\n/);
    expect(await k.ok('explain deployment.spec.replicas')).toContain('FIELD: replicas <integer>');
    expect(await k.ok('explain deployment.spec.replicas --output=plaintext-openapiv2')).toMatch(
      /FIELD: +replicas <integer>/,
    );
    expect(await k.ok('auth can-i get pods')).toBe('yes\n');
    expect(await k.ok('api-resources')).toContain('deployments');
    expect(await k.fails('get pod nope')).toBe('Error from server (NotFound): pods "nope" not found\n');
    expect(
      await k.fails('apply -f -', 1, { input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndat: {}\n' }),
    ).toContain('unknown field "dat"');
    await k.ok('delete deployment web --timeout=30s');
    expect(await k.ok('delete configmap settings')).toContain('configmap "settings" deleted');
  });
});
