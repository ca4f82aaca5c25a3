/** The built bundle of the API server, behind a model of Function URLs, with real kubectl. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacking } from '../builders/kubectl.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');

describe.skipIf(why !== undefined)(`kubectl at the function${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  beforeAll(async () => {
    cluster = await startFunctionCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  it('knows who asks', async () => {
    const { kubectl } = cluster;
    const review = JSON.parse(await kubectl.ok('auth whoami -o json')) as { status: { userInfo: object } };
    expect(review.status.userInfo).toMatchObject({
      username: 'arn:aws:iam::123456789012:user/ann',
      groups: ['system:masters', 'system:authenticated'],
    });
  });

  it('makes, changes, lists and deletes', async () => {
    const { kubectl } = cluster;
    expect(await kubectl.ok('create configmap first --from-literal=a=1')).toBe('configmap/first created\n');
    expect(await kubectl.ok(['patch', 'configmap', 'first', '-p', '{"data":{"b":"2"}}'])).toBe(
      'configmap/first patched\n',
    );
    expect(await kubectl.ok('get configmap first -o jsonpath={.data.b}')).toBe('2');
    expect(
      await kubectl.apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: second}\ndata: {c: "3"}', '--server-side'),
    ).toBe('configmap/second serverside-applied\n');
    expect((await kubectl.ok('get configmaps -o name')).split('\n').sort()).toEqual(
      expect.arrayContaining(['configmap/first', 'configmap/second']),
    );
    expect(await kubectl.ok('delete configmap first')).toContain('deleted');
  });

  it('explains and lists what is served', async () => {
    expect(await cluster.kubectl.ok('explain deployment.spec.replicas')).toContain('FIELD: replicas <integer>');
    expect(await cluster.kubectl.ok('api-resources -o name')).toContain('deployments.apps');
  });

  it('says why exec and port-forward cannot be, and what to do instead', async () => {
    const { kubectl } = cluster;
    await kubectl.ok('create serviceaccount default');
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {nodeName: fargate-x, containers: [{name: main, image: nginx}]}';
    await kubectl.apply(pod);
    await kubectl.ok(['patch', 'pod', 'web', '--subresource=status', '-p', '{"status":{"phase":"Running"}}']);
    for (const [words, what] of [
      ['exec web -- ls', 'exec'],
      ['port-forward pod/web 18080:80', 'port-forward'],
    ] as const) {
      const { code, stdout, stderr } = await kubectl.run(words);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain(`${what} is not supported on node "fargate-x"`);
    }
  });
});
