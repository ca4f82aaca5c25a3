/** A cluster whose API server is the built bundle in the streaming host, over DynamoDB: for the tests of the doors. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { makeIamToken, stsHost } from '@nodeless/client/iam-token';
import { startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { createTable } from '@nodeless/store/dynamodb/create-table';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFunction } from '../../scripts/bundle.mjs';
import { type Kubectl, createKubectl } from '../builders/kubectl.ts';
import { type CloudFormationRig, startCloudFormation } from './rigs/cloudformation.ts';
import { type CountingProxy, startCountingProxy } from './rigs/counting-proxy.ts';
import { type ParametersRig, startParameters } from './rigs/parameters.ts';
import { type IamPrincipal, type StsRig, startSts } from './rigs/sts.ts';
import { unzip } from './rigs/unzip.ts';
import { type StreamingHost, type StreamingHostOptions, startStreamingHost } from './rigs/streaming-host.ts';

export const whyNoFunctionCluster = whyNoDynamoDb;

const region = 'us-east-1';
const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
const principal = (name: string): IamPrincipal => ({
  accessKeyId: `AKIA${name.toUpperCase().padEnd(16, 'X')}`,
  secretAccessKey: `secret of ${name}`,
  account: '123456789012',
  arn: `arn:aws:iam::123456789012:user/${name}`,
  userId: `AIDA${name.toUpperCase()}`,
});

export interface FunctionClusterOptions extends Partial<
  Pick<StreamingHostOptions, 'concurrency' | 'timeoutSeconds' | 'holdsLastWrite'>
> {
  /** More variables for the function. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface FunctionCluster {
  readonly host: StreamingHost;
  /** Its setup function. */
  readonly setup: CloudFormationRig;
  readonly sts: StsRig;
  /** What is asked of DynamoDB. */
  readonly database: CountingProxy;
  readonly parameters: ParametersRig;
  /** What the function is told; another process of the same cluster may be told the same. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clusterId: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** A kubeconfig whose exec plugin makes a token of `ann` whenever one is needed. */
  readonly execKubeconfig: string;
  /** A token for one of the principals: `ann` is in system:masters, `bob` in the group viewers, `eve` has no entry. */
  token(who: 'ann' | 'bob' | 'eve', cluster?: string): string;
  stop(): Promise<void>;
}

/** Throws where whyNoFunctionCluster() says so. */
export async function startFunctionCluster(options: FunctionClusterOptions = {}): Promise<FunctionCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-door-'));
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const clusterId = `test-${randomBytes(5).toString('hex')}`;
    const principals = { ann: principal('ann'), bob: principal('bob'), eve: principal('eve') };
    const [dynamo, sts] = await Promise.all([
      startDynamoDb(),
      startSts(Object.values(principals), region, stsHost(region)),
      bundleFunction('apiserver', { outdir: folder }),
      bundleFunction('setup', { outdir: folder }),
    ]);
    undo.push(
      () => dynamo.stop(),
      () => sts.stop(),
    );
    // What is deployed, and not what it was made of.
    const unpacked = (name: string): string => {
      const place = join(folder, 'deployed', name);
      unzip(readFileSync(join(folder, 'functions', `${name}.zip`)), place);
      return place;
    };
    const table = `nodeless-${clusterId}`;
    const client = new DynamoDBClient({ region, credentials, endpoint: dynamo.endpoint });
    await createTable(client, table);
    client.destroy();

    const database = await startCountingProxy(dynamo.endpoint);
    undo.push(() => database.stop());
    const path = `/nodeless/${clusterId}`;
    const parameters = await startParameters({
      [`${path}/cluster-id`]: clusterId,
      [`${path}/access`]: JSON.stringify([
        { principalArn: principals.ann.arn, groups: ['system:masters'] },
        { principalArn: principals.bob.arn, username: 'bob', groups: ['viewers'] },
      ]),
    });
    undo.push(() => parameters.stop());
    const environment = {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
      AWS_ENDPOINT_URL_SSM: parameters.endpoint,
      AWS_ENDPOINT_URL_STS: sts.endpoint,
      NODELESS_CLUSTER: clusterId,
      NODELESS_TABLE: table,
      NODELESS_PARAMETERS: path,
      NODELESS_SERVICE_CIDR: '10.96.0.0/16',
      ...options.environment,
    };
    const host = await startStreamingHost({
      name: 'apiserver',
      folder: unpacked('apiserver'),
      region,
      concurrency: options.concurrency,
      timeoutSeconds: options.timeoutSeconds,
      holdsLastWrite: options.holdsLastWrite,
      environment,
    });
    undo.push(() => host.stop());
    parameters.values.set(`${path}/endpoint`, { value: host.url, type: 'String' });
    const setup = await startCloudFormation({
      name: 'setup',
      folder: unpacked('setup'),
      environment,
      region,
      memoryMb: 1024,
      timeoutSeconds: 300,
    });
    undo.push(() => setup.stop());
    const made = await setup.request({
      RequestType: 'Create',
      ResourceType: 'Custom::NodelessSetup',
      ResourceProperties: { ServiceCidr: '10.96.0.0/16' },
    });
    if (made.Status !== 'SUCCESS') throw new Error(made.Reason);

    const token = (who: keyof typeof principals, cluster = clusterId): string =>
      makeIamToken({ credentials: principals[who], region, cluster, now: Date.now() }).token;
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigText(host, token('ann')));
    const execKubeconfig = join(folder, 'exec-kubeconfig');
    writeFileSync(execKubeconfig, execKubeconfigText(host, clusterId, principals.ann));
    return {
      host,
      setup,
      sts,
      database,
      parameters,
      environment,
      clusterId,
      folder,
      kubeconfig,
      execKubeconfig,
      kubectl: createKubectl(kubeconfig, folder),
      token,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function kubeconfigText({ url, ca }: Pick<StreamingHost, 'url' | 'ca'>, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'door',
    clusters: [
      { name: 'door', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name: 'door', user: { token } }],
    contexts: [{ name: 'door', context: { cluster: 'door', user: 'door' } }],
  });
}

const iamTokenModule = new URL('../../packages/client/iam-token.ts', import.meta.url).href;

function execKubeconfigText(host: StreamingHost, cluster: string, credentials: IamPrincipal): string {
  const { accessKeyId, secretAccessKey } = credentials;
  const request = JSON.stringify({ credentials: { accessKeyId, secretAccessKey }, region, cluster });
  const script = `import { execCredential, makeIamToken } from '${iamTokenModule}';
    console.log(JSON.stringify(execCredential(makeIamToken({ ...${request}, now: Date.now() }))));`;
  const config = JSON.parse(kubeconfigText(host, '')) as { users: object[] };
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: ['--input-type=module', '-e', script],
    interactiveMode: 'Never',
  };
  return JSON.stringify({ ...config, users: [{ name: 'door', user: { exec } }] });
}
