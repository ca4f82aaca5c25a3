import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Exit,
  nodeless,
  repository,
  type RunningCluster,
  startRunningCluster,
} from '../builders/running-cluster.ts';
import { head, rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** The commands that talk to a cluster: what they print, as text and as JSON, and how they end. */
let cluster: RunningCluster;
beforeAll(async () => {
  cluster = await startRunningCluster({ nodes: 2 });
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});

const run = (words: string, input?: string): Promise<Exit> =>
  nodeless([...words.split(' '), '--data-dir', cluster.dataDir], input === undefined ? {} : { input });
const plain = (words: string): Promise<Exit> => nodeless(words.split(' '));
const ok = async (words: string, input?: string): Promise<string> => {
  const exit = await run(words, input);
  expect(exit, words).toMatchObject({ code: 0, stderr: '' });
  return exit.stdout;
};
const fails = async (words: string, input?: string): Promise<string> => {
  const exit = await run(words, input);
  expect(exit, words).toMatchObject({ code: 1, stdout: '' });
  return exit.stderr;
};
const settings = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: "${value}"}\n`;

describe('status, kubeconfig, version, completion', () => {
  it('tell of a cluster that runs', async () => {
    expect(await ok('status')).toMatch(
      /^API server +https:\/\/127\.0\.0\.1:\d+ +\(pid \d+, since .*\)\nProvider +simulated\nNodes +2 of 2 ready\nPods +0 of 0 ready\nKubeconfig +\S+\n$/,
    );
    expect(JSON.parse(await ok('status -o json'))).toMatchObject({
      running: true,
      pid: cluster.pid,
      server: cluster.url,
      provider: 'simulated',
      nodes: { total: 2, ready: 2 },
      pods: { total: 0, ready: 0 },
      kubeconfig: cluster.kubeconfig,
    });
  });

  it('give the kubeconfig, which is for its owner only', async () => {
    expect(await ok('kubeconfig --path')).toBe(`${cluster.kubeconfig}\n`);
    expect(await ok('kubeconfig')).toBe(readFileSync(cluster.kubeconfig, 'utf8'));
    for (const path of ['kubeconfig', 'pki/token', 'pki/ca.key', 'pki/admin.key'])
      expect(statSync(join(cluster.dataDir, path)).mode & 0o077, path).toBe(0);
  });

  it('give versions', async () => {
    const versions = JSON.parse((await plain('version -o json')).stdout) as Record<string, string>;
    expect(versions).toEqual({
      nodeless: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      kubernetes: expect.stringMatching(/^v1\.36\./),
      node: process.version,
    });
    expect((await plain('version')).stdout).toBe(
      `nodeless    ${versions['nodeless']}\nkubernetes  ${versions['kubernetes']}\nnode        ${process.version}\n`,
    );
    expect((await plain('--version')).stdout).toBe(`${versions['nodeless']}\n`);
  });

  it('give completion scripts that name every command', async () => {
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await plain(`completion ${shell}`)).stdout, shell).toMatch(
        /up down status apply get logs delete deploy destroy kubeconfig token doctor version completion/,
      );
    expect(await plain('completion tcsh')).toMatchObject({
      code: 1,
      stderr: 'nodeless: no completion for "tcsh": bash, zsh or fish\n',
    });
  });
});

describe('apply, get, logs, delete', () => {
  it('submit the guestbook and show it', async () => {
    const path = join(repository, 'examples', 'guestbook.yaml');
    expect(await ok(`apply -f ${path}`)).toBe(
      'configmap/guestbook created\ndeployment.apps/store created\nservice/store created\ndeployment.apps/web created\nservice/guestbook created\n',
    );
    expect(await ok(`apply -f ${path}`)).toMatch(
      /^configmap\/guestbook unchanged\ndeployment\.apps\/store unchanged\n/,
    );
    await expect
      .poll(async () => rows(await ok('get deployments')), { timeout: 20_000 })
      .toMatchObject([
        { NAME: 'store', READY: '1/1' },
        { NAME: 'web', READY: '3/3' },
      ]);
    expect(head(await ok('get pods -o wide'))).toEqual([
      'NAME',
      'READY',
      'STATUS',
      'RESTARTS',
      'AGE',
      'IP',
      'NODE',
      'NOMINATED NODE',
      'READINESS GATES',
    ]);
    expect(rows(await ok('get deploy,svc -l !nope')).map((row) => row['NAME'])).toEqual([
      'deployment.apps/store',
      'deployment.apps/web',
      'service/guestbook',
      'service/kubernetes',
      'service/store',
    ]);
    expect(await ok('get pods -l part=web -o name')).toMatch(/^(pod\/web-\S+\n){3}$/);
    expect(head(await ok('get pods -A'))[0]).toBe('NAMESPACE');
    expect(JSON.parse(await ok('get deploy/web -o json'))).toMatchObject({
      kind: 'Deployment',
      metadata: { name: 'web' },
      status: { readyReplicas: 3 },
    });
    expect(JSON.parse(await ok('get deploy web store -o json'))).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'web' } }, { metadata: { name: 'store' } }],
    });
    expect(await ok('get service guestbook -o yaml')).toMatch(/\n {2}type: LoadBalancer\n/);
    const [pod] = rows(await ok('get pods -l part=store'));
    expect(await ok(`logs ${pod?.['NAME']}`)).toContain('simulated');
    expect(await ok(`delete -f ${path}`)).toBe(
      'configmap/guestbook deleted\ndeployment.apps/store deleted\nservice/store deleted\ndeployment.apps/web deleted\nservice/guestbook deleted\n',
    );
    expect(await fails(`delete -f ${path}`)).toBe('Error from server (NotFound): configmaps "guestbook" not found\n');
    expect(await ok(`delete -f ${path} --ignore-not-found`)).toBe('');
  });

  it('read many documents from standard input, JSON and YAML', async () => {
    expect(
      await ok(
        'apply -f -',
        `${settings('one', '1')}---\n# nothing\n---\n${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'two' } }] })}`,
      ),
    ).toBe('configmap/one created\nconfigmap/two created\n');
    expect(await ok('apply -f -', settings('one', '2'))).toBe('configmap/one configured\n');
    expect(JSON.parse(await ok('apply -f - -o json', settings('one', '3')))).toMatchObject({
      kind: 'List',
      items: [{ data: { value: '3' } }],
    });
    expect(await ok('apply -f - -n kube-system', settings('one', '1'))).toBe('configmap/one created\n');
    expect(await ok('get cm one -n kube-system -o name')).toBe('configmap/one\n');
    expect(await ok('delete cm one two')).toBe('configmap/one deleted\nconfigmap/two deleted\n');
  });

  it('create namespaces before what is in them', async () => {
    const inside = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inside, namespace: fresh}\n';
    expect(await ok('apply -f -', `${inside}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n`)).toBe(
      'namespace/fresh created\nconfigmap/inside created\n',
    );
  });

  it('refuse in one line', async () => {
    const bad = join(cluster.dataDir, 'bad.yaml');
    writeFileSync(bad, 'a: [');
    const cases: [words: string, input: string | undefined, said: string | RegExp][] = [
      ['apply -f /nowhere.yaml', undefined, 'nodeless: the path "/nowhere.yaml" does not exist\n'],
      [`apply -f ${bad}`, undefined, `nodeless: ${bad}: yaml: line 1: did not find expected node content\n`],
      ['apply -f -', 'a: b\n', 'nodeless: -: apiVersion and kind must be set\n'],
      ['apply -f -', '', 'nodeless: no objects found in -\n'],
      ['apply -f -', '{apiVersion: v1, kind: ConfigMap, metadata: {}}', 'nodeless: -: metadata.name must be set\n'],
      [
        'apply -f -',
        '{apiVersion: example.com/v1, kind: Widget, metadata: {name: x}}',
        'nodeless: -: no matches for kind "Widget" in version "example.com/v1"\n',
      ],
      [
        'apply -f -',
        '{apiVersion: v1, kind: ConfigMap, metadata: {name: Upper}}',
        /^Error from server \(Invalid\): ConfigMap "Upper" is invalid: metadata\.name: Invalid value: "Upper": [^\n]*\n$/,
      ],
      [
        'apply -f -',
        '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dat: {}}',
        'Error from server: failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .dat: field not declared in schema\n',
      ],
      ['get pod nope', undefined, 'Error from server (NotFound): pods "nope" not found\n'],
      ['get widgets', undefined, 'nodeless: the server doesn\'t have a resource type "widgets"\n'],
      ['get pods -o xml', undefined, 'nodeless: -o must be wide, json, yaml, or name, not "xml"\n'],
      [
        'get pods -l a=b=c',
        undefined,
        /^Error from server \(BadRequest\): found '=', expected: ',' or 'end of string'\n$/,
      ],
      ['logs nope', undefined, 'Error from server (NotFound): pods "nope" not found\n'],
      ['delete pods', undefined, 'nodeless: name what to delete: nodeless delete <resource> <name>, or -f <file>\n'],
      ['delete pod nope', undefined, 'Error from server (NotFound): pods "nope" not found\n'],
      ['token nobody', undefined, 'Error from server (NotFound): serviceaccounts "nobody" not found\n'],
      ['token --duration soon', undefined, 'nodeless: --duration must be a whole number of seconds\n'],
      [
        'get pods --context nope',
        undefined,
        `nodeless: ${cluster.kubeconfig} cannot be used as a kubeconfig: it has no context "nope"\n`,
      ],
      [
        'get pods --kubeconfig /nowhere',
        undefined,
        'nodeless: there is no cluster here: /nowhere does not exist (start one with "npm start", or pass --kubeconfig)\n',
      ],
    ];
    for (const [words, input, said] of cases)
      expect(await fails(words, input), words).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
    expect(await run('get jobs')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'No resources found in default namespace.\n',
    });
    expect(await plain('frobnicate')).toMatchObject({
      code: 1,
      stderr: "error: unknown command 'frobnicate'\n(nodeless help shows the commands)\n",
    });
  });
});

describe('token', () => {
  it('makes tokens that the API accepts', async () => {
    const token = (await ok('token')).trim();
    expect(token.split('.')).toHaveLength(3);
    const review = JSON.parse(await ok('token default --duration 600 --audience me -o json')) as {
      spec: unknown;
      status: { token: string };
    };
    expect(review).toMatchObject({ kind: 'TokenRequest', spec: { audiences: ['me'], expirationSeconds: 600 } });
  });
});

describe('doctor', () => {
  it("finds the cluster's own port, and one that is taken", async () => {
    const own = await nodeless(['doctor', '--data-dir', cluster.dataDir, '--port', String(cluster.port), '-o', 'json']);
    const findings = JSON.parse(own.stdout) as { check: string; status: string; message: string }[];
    expect(own.code).toBe(0);
    expect(findings.map(({ check }) => check)).toEqual(['Node', 'Docker', 'Port', 'Folder', 'kubectl']);
    expect(findings.find(({ check }) => check === 'Port')).toMatchObject({
      status: 'ok',
      message: `${cluster.port} is this cluster's own (pid ${cluster.pid})`,
    });
    const taken = await nodeless([
      'doctor',
      '--data-dir',
      join(cluster.dataDir, 'other'),
      '--port',
      String(cluster.port),
    ]);
    expect(taken.code).toBe(1);
    expect(taken.stdout).toContain(`✗ Port: ${cluster.port} is in use; start with --port\n`);
    // Not a terminal: no colours.
    expect(taken.stdout).not.toContain('\u001b');
  });
});
