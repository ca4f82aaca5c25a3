import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ask } from '../builders/https.ts';
import { type Kubectl, lacking } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** Who may do what: kubectl auth, impersonation, tokens, and how refusals look. */
const unable = lacking('kubectl');
let cluster: RunningCluster;
let k: Kubectl;
beforeAll(async () => {
  if (unable) return;
  cluster = await startRunningCluster({ nodes: 1 });
  k = cluster.kubectl();
  await k.ok('create serviceaccount reader');
  await k.ok('create role reader --verb=get,list --resource=pods');
  await k.ok('create rolebinding reader --role=reader --serviceaccount=default:reader');
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});
beforeEach((context) => context.skip(unable !== undefined, unable));

const withToken = (token: string): Kubectl =>
  cluster.kubectl({
    args: [
      '--kubeconfig=/dev/null',
      `--server=${cluster.url}`,
      `--certificate-authority=${cluster.dataDir}/pki/ca.crt`,
      `--token=${token}`,
    ],
  });

describe('auth', () => {
  it('tells who one is', async () => {
    expect(await k.ok('auth whoami')).toMatch(
      /\nUsername +kubernetes-admin\nGroups +\[system:masters system:authenticated\]\n/,
    );
    expect(await k.ok('auth whoami --as=ann --as-group=devs -o jsonpath={.status.userInfo}')).toBe(
      '{"groups":["devs","system:authenticated"],"username":"ann"}',
    );
    expect(await withToken(cluster.token).ok('auth whoami -o jsonpath={.status.userInfo.username}')).toMatch(/admin/);
  });

  it('tells what one may do', async () => {
    expect(await k.run('auth can-i create pods')).toEqual({ code: 0, stdout: 'yes\n', stderr: '' });
    expect(await k.run('auth can-i create pods --as=ann')).toEqual({ code: 1, stdout: 'no\n', stderr: '' });
    const reader = '--as=system:serviceaccount:default:reader';
    expect(await k.ok(`auth can-i list pods ${reader}`)).toBe('yes\n');
    expect((await k.run(`auth can-i delete pods ${reader}`)).stdout).toBe('no\n');
    expect((await k.run(`auth can-i list pods -n kube-system ${reader}`)).stdout).toBe('no\n');
    expect(await k.ok('auth can-i get /healthz --as=ann --as-group=system:authenticated')).toBe('yes\n');
    const list = await k.ok(`auth can-i --list ${reader}`);
    expect(list).toMatch(/\npods +\[\] +\[\] +\[get list\]\n/);
    expect(list).toMatch(/\n +\[\/healthz\] +\[\] +\[get\]\n/);
    expect((await k.run('auth can-i list widgets')).stderr).toContain(
      "Warning: the server doesn't have a resource type 'widgets'",
    );
  });

  it('reconciles roles', async () => {
    const role = (verbs: string): { input: string } => ({
      input: `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: extra, namespace: default}, rules: [{apiGroups: [""], resources: [secrets], verbs: ${verbs}}]}`,
    });
    expect(await k.ok('auth reconcile -f -', role('[get]'))).toBe('role.rbac.authorization.k8s.io/extra reconciled\n');
    expect(await k.ok('auth reconcile -f -', role('[list]'))).toBe('role.rbac.authorization.k8s.io/extra reconciled\n');
    expect(await k.ok('get role extra -o jsonpath={.rules[*].verbs[*]}')).toBe('get list');
  });
});

describe('tokens', () => {
  it('are made for ServiceAccounts, and are good for what the account may', async () => {
    const token = (await k.ok('create token reader --duration=1h')).trim();
    expect(token.split('.')).toHaveLength(3);
    const reader = withToken(token);
    expect(await reader.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toBe(
      'system:serviceaccount:default:reader',
    );
    expect((await reader.run('get pods')).stderr).toBe('No resources found in default namespace.\n');
    expect(await reader.fails('get secrets')).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:reader" cannot list resource "secrets" in API group "" in the namespace "default"\n',
    );
    expect(await k.fails('create token nobody')).toBe(
      'error: failed to create token: serviceaccounts "nobody" not found\n',
    );
    expect(await k.fails('create token reader --duration=1m')).toContain('error: failed to create token: ');
  });

  it('of nobody are refused', async () => {
    expect(await withToken('nonsense').fails('get pods')).toBe(
      'error: You must be logged in to the server (Unauthorized)\n',
    );
    const deleted = (await k.ok('create serviceaccount brief')) && (await k.ok('create token brief')).trim();
    await k.ok('delete serviceaccount brief');
    await expect
      .poll(
        () =>
          withToken(deleted)
            .run('auth whoami')
            .then((ran) => ran.stderr),
        { timeout: 20_000 },
      )
      .toContain('(Unauthorized)');
  });
});

describe('refusals', () => {
  const cases: [words: string, said: string][] = [
    [
      'get pods',
      'Error from server (Forbidden): pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'get pod web',
      'Error from server (Forbidden): pods "web" is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'get nodes',
      'Error from server (Forbidden): nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope',
    ],
    [
      'get deployments -A',
      'Error from server (Forbidden): deployments.apps is forbidden: User "ann" cannot list resource "deployments" in API group "apps" at the cluster scope',
    ],
    [
      'create configmap c',
      'error: failed to create configmap: configmaps is forbidden: User "ann" cannot create resource "configmaps" in API group "" in the namespace "default"',
    ],
    [
      'delete pod web',
      'Error from server (Forbidden): pods "web" is forbidden: User "ann" cannot delete resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'scale deployment web --replicas=1',
      'Error from server (Forbidden): deployments.apps "web" is forbidden: User "ann" cannot get resource "deployments" in API group "apps" in the namespace "default"',
    ],
    [
      'logs web',
      'Error from server (Forbidden): pods "web" is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "default"',
    ],
    ['get --raw /metrics', 'Error from server (Forbidden): forbidden: User "ann" cannot get path "/metrics"'],
  ];
  it.each(cases)('of %s', async (words, said) => {
    expect(await cluster.kubectl({ args: ['--as=ann'] }).fails(words)).toBe(`${said}\n`);
  });

  it('of escalation', async () => {
    await k.ok('create clusterrole role-maker --verb=create --resource=roles');
    await k.ok('create rolebinding role-maker --clusterrole=role-maker --user=ann');
    const ann = cluster.kubectl({ args: ['--as=ann'] });
    const escalated = await ann.fails('create role sneaky --verb=get --resource=secrets');
    expect(escalated).toMatch(
      /^Error from server \(Forbidden\): roles\.rbac\.authorization\.k8s\.io "sneaky" is forbidden: user "ann" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get"\]\}\n$/,
    );
    expect(await cluster.kubectl({ args: ['--as=ann'] }).fails('get pods --as=bob')).not.toBe('');
  });

  it('of anonymous requests, but for health and version', async () => {
    for (const path of ['/livez', '/readyz', '/healthz', '/version'])
      expect((await ask(cluster, { path, token: null })).status, path).toBe(200);
    expect(await ask(cluster, { path: '/api/v1/namespaces', token: null })).toMatchObject({
      status: 403,
      text: expect.stringContaining(
        'namespaces is forbidden: User \\"system:anonymous\\" cannot list resource \\"namespaces\\" in API group \\"\\" at the cluster scope',
      ),
    });
    expect(await ask(cluster, { path: '/api', token: null })).toMatchObject({
      status: 403,
      text: expect.stringContaining('forbidden: User \\"system:anonymous\\" cannot get path \\"/api\\"'),
    });
  });
});
