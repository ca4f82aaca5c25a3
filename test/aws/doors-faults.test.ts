/** What a person reads when something behind the function is gone, and that it comes back when that does. */
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Kubectl, createKubectl, lacking } from '../builders/kubectl.ts';
import {
  type FunctionCluster,
  kubeconfigText,
  startFunctionCluster,
  whyNoFunctionCluster,
} from './function-cluster.ts';
import { type StreamingHost, startStreamingHost } from './rigs/streaming-host.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');
/** Nobody listens there. */
const nowhere = 'http://127.0.0.1:9';

describe.skipIf(why !== undefined)(`the function when something is gone${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  const undo: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await startFunctionCluster();
  }, 60_000);
  afterEach(async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  });
  afterAll(() => cluster?.stop());

  let hosts = 0;
  /** Another function of the same cluster, which is told something else. */
  const functionWith = async (
    environment: Record<string, string>,
  ): Promise<{ host: StreamingHost; kubectl: Kubectl }> => {
    const host = await startStreamingHost({
      name: 'apiserver',
      folder: join(cluster.folder, 'deployed', 'apiserver'),
      environment: { ...cluster.environment, ...environment },
    });
    undo.push(() => host.stop());
    const folder = join(cluster.folder, `host-${hosts++}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'kubeconfig'), kubeconfigText(host, cluster.token('ann')));
    return { host, kubectl: createKubectl(join(folder, 'kubeconfig'), folder) };
  };
  const get = 'get --raw /api/v1/namespaces/default';

  it('STS: come again', async () => {
    const { kubectl } = await functionWith({ AWS_ENDPOINT_URL_STS: nowhere });
    expect(await kubectl.fails(get)).toContain('it cannot be told now who is asking; please try again');
  });
  it('the parameters: not ready, with the reason in the log', async () => {
    const { host, kubectl } = await functionWith({ NODELESS_PARAMETERS: '/nodeless/none' });
    expect(await kubectl.fails(get)).toContain('the cluster is not ready');
    expect(host.log()).toContain('the parameter \\"endpoint\\" is missing');
  });
  it('a variable: the function does not start, and says which', async () => {
    const { host, kubectl } = await functionWith({ NODELESS_TABLE: '' });
    await kubectl.fails(get);
    expect(host.log()).toContain('the environment variable NODELESS_TABLE is not set');
  });
  it('expired credentials: 401, as from any cluster', async () => {
    const { kubectl } = await functionWith({});
    expect(await kubectl.fails(['--token', 'k8s-aws-v1.aHR0cHM6Ly94', 'get', 'pods'])).toContain(
      'You must be logged in to the server',
    );
  });
  it('the edge before it: its other address', async () => {
    const { kubectl } = await functionWith({ NODELESS_ORIGIN_SECRET: 'secret' });
    expect(await kubectl.fails(get)).toContain('this cluster is reached by its other address');
  });
  it('the table: named, for who may know', async () => {
    const database = new DynamoDBClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
      endpoint: cluster.environment['AWS_ENDPOINT_URL_DYNAMODB'],
    });
    undo.push(() => database.destroy());
    const { kubectl } = await functionWith({});
    expect(JSON.parse(await kubectl.ok(get))).toMatchObject({ kind: 'Namespace' });
    await database.send(new DeleteTableCommand({ TableName: cluster.environment['NODELESS_TABLE'] }));
    expect(await kubectl.fails(get)).toMatch(/resource not found|non-existent table/i);
    const cold = await functionWith({});
    expect(await cold.kubectl.fails(get)).toContain('the cluster’s store cannot be read');
  }, 60_000);
});
