import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Answered, ask } from '../builders/https.ts';
import { findTool, runTool } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** A manifest submitted over HTTP by who has neither kubectl nor nodeless: curl, a token and the folder's CA. */
let cluster: RunningCluster;
let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder('post');
  cluster = await startRunningCluster({ nodes: 2 });
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const deployment = (name: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
        - {name: web, image: "nginx:1.25"}
`;
const path = '/apis/apps/v1/namespaces/default/deployments';
const post = (to: string, body: string, type: string): Promise<Answered> =>
  ask(cluster, { method: 'POST', path: to, headers: { 'content-type': type }, body });
const pods = async (app: string): Promise<string[]> => {
  const list = (await ask(cluster, { path: `/api/v1/namespaces/default/pods?labelSelector=app%3D${app}` })).json() as {
    items: { status: { phase: string } }[];
  };
  return list.items.map(({ status }) => status.phase);
};

describe('curl', () => {
  const curl = findTool('curl');
  it.skipIf(!curl)('posts a file, whose pods then run', async () => {
    const file = join(folder, 'manifest.yaml');
    writeFileSync(file, deployment('curled'));
    const args = [
      '-sS',
      '--cacert',
      join(cluster.dataDir, 'pki/ca.crt'),
      '-H',
      `Authorization: Bearer ${cluster.token}`,
      '-H',
      'Content-Type: application/yaml',
      '-X',
      'POST',
      '--data-binary',
      `@${file}`,
      '-w',
      '%{http_code}',
      '-o',
      join(folder, 'answer.json'),
      cluster.url + path,
    ];
    expect(await runTool(curl as string, args)).toEqual({ code: 0, stdout: '201', stderr: '' });
    await expect.poll(() => pods('curled'), { timeout: 20_000 }).toEqual(['Running', 'Running']);
    expect((await runTool(curl as string, args)).stdout).toBe('409');
  });
});

describe('posts', () => {
  it('of YAML and of JSON', async () => {
    expect((await post(path, deployment('yaml'), 'application/yaml')).status).toBe(201);
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'json' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'json' } },
        template: { metadata: { labels: { app: 'json' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    const created = await post(path, JSON.stringify(object), 'application/json');
    expect(created.status).toBe(201);
    expect(created.json()).toMatchObject({
      kind: 'Deployment',
      metadata: { name: 'json', namespace: 'default', generation: 1 },
      spec: { strategy: { type: 'RollingUpdate' } },
    });
    for (const app of ['yaml', 'json'])
      await expect.poll(() => pods(app), { timeout: 20_000 }).toEqual(['Running', 'Running']);
  });

  it('answer in YAML when asked to', async () => {
    const { text, headers } = await ask(cluster, {
      path: '/api/v1/namespaces/default',
      headers: { accept: 'application/yaml' },
    });
    expect(headers['content-type']).toBe('application/yaml');
    expect(text).toMatch(/^apiVersion: v1\nkind: Namespace\nmetadata:\n/);
  });

  it('take YAML as Kubernetes reads it', async () => {
    const answer = await post(
      '/api/v1/namespaces/default/configmaps',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: norway}\ndata: {country: "no", mode: "0644"}\n',
      'application/yaml',
    );
    expect(answer.json()).toMatchObject({ data: { country: 'no', mode: '0644' } });
    // Unquoted, they are a boolean and a number, which are no strings.
    const typed = await post(
      '/api/v1/namespaces/default/configmaps',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {country: no}\n',
      'application/yaml',
    );
    expect(typed).toMatchObject({
      status: 400,
      text: expect.stringContaining('cannot unmarshal bool into Go struct field ConfigMap.data of type string'),
    });
  });

  it('are refused with the reason', async () => {
    const cases: [status: number, reason: string, message: RegExp, to: string, body: string, type: string][] = [
      [
        409,
        'AlreadyExists',
        /^namespaces "default" already exists$/,
        '/api/v1/namespaces',
        '{"metadata":{"name":"default"}}',
        'application/json',
      ],
      [
        415,
        'UnsupportedMediaType',
        /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf/,
        path,
        deployment('x'),
        'application/x-www-form-urlencoded',
      ],
      [
        400,
        'BadRequest',
        /^ReplicaSet in version "v1" cannot be handled as a Deployment: /,
        path,
        deployment('x').replace('kind: Deployment', 'kind: ReplicaSet'),
        'application/yaml',
      ],
      [
        404,
        'NotFound',
        /^namespaces "nowhere" not found$/,
        '/apis/apps/v1/namespaces/nowhere/deployments',
        deployment('x'),
        'application/yaml',
      ],
      [
        404,
        'NotFound',
        /^the server could not find the requested resource$/,
        '/apis/apps/v1/namespaces/default/widgets',
        '{}',
        'application/json',
      ],
      [
        422,
        'Invalid',
        /^Deployment\.apps "Upper" is invalid: metadata\.name: Invalid value: "Upper": /,
        path,
        deployment('x').replace('name: x', 'name: Upper'),
        'application/yaml',
      ],
      [
        400,
        'BadRequest',
        /strict decoding error: unknown field "spec\.colour"/,
        `${path}?fieldValidation=Strict`,
        deployment('x').replace('spec:\n  replicas', 'spec:\n  colour: red\n  replicas'),
        'application/yaml',
      ],
    ];
    for (const [status, reason, message, to, body, type] of cases) {
      const answer = await post(to, body, type);
      expect(answer.json(), to).toMatchObject({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: status,
        reason,
        message: expect.stringMatching(message),
      });
      expect(answer.status).toBe(status);
    }
    const unauthorized = await ask(cluster, {
      method: 'POST',
      path,
      body: deployment('x'),
      headers: { 'content-type': 'application/yaml' },
      token: 'nobody',
    });
    expect(unauthorized).toMatchObject({ status: 401, text: expect.stringContaining('"reason":"Unauthorized"') });
  });
});
