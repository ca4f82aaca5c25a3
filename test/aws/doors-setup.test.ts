/** The built bundle of the setup function, asked as CloudFormation asks. */
import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacking } from '../builders/kubectl.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';
import { startCloudFormation } from './rigs/cloudformation.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');
const configMap = (name: string, value: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'extra' },
  data: { value },
});
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'extra' } };
const manifest = (...objects: object[]): { Manifest: string } => ({ Manifest: JSON.stringify(objects) });

describe.skipIf(why !== undefined)(`the setup function${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  beforeAll(async () => {
    cluster = await startFunctionCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  it('has made a signing key, as a SecureString', () => {
    const { value, type } = cluster.parameters.values.get(`/nodeless/${cluster.clusterId}/service-account-key`) ?? {};
    expect(type).toBe('SecureString');
    expect(createPrivateKey(value ?? '').asymmetricKeyType).toBe('rsa');
  });
  it('has made what every cluster holds', async () => {
    const names = await cluster.kubectl.ok('get namespaces,priorityclasses,clusterroles -o name');
    expect(names.split('\n')).toEqual(
      expect.arrayContaining([
        'namespace/kube-system',
        'priorityclass.scheduling.k8s.io/system-node-critical',
        'clusterrole.rbac.authorization.k8s.io/cluster-admin',
      ]),
    );
  });

  it('changes nothing when it is asked again, and keeps the key', async () => {
    const before = new Map(cluster.parameters.values);
    const role = await cluster.kubectl.ok('get clusterrole cluster-admin -o jsonpath={.metadata.resourceVersion}');
    const answer = await cluster.setup.request({
      RequestType: 'Update',
      ResourceType: 'Custom::NodelessSetup',
      PhysicalResourceId: `nodeless-${cluster.clusterId}-setup`,
      ResourceProperties: { ServiceCidr: '10.96.0.0/16', Version: '2' },
    });
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: `nodeless-${cluster.clusterId}-setup` });
    expect(cluster.parameters.values).toEqual(before);
    expect(await cluster.kubectl.ok('get clusterrole cluster-admin -o jsonpath={.metadata.resourceVersion}')).toBe(
      role,
    );
  });

  it('applies, changes and deletes the objects of a stack', async () => {
    const ask = { ResourceType: 'Custom::NodelessManifest', LogicalResourceId: 'Extra' } as const;
    // The namespace stands last and must be made first.
    const first = manifest(configMap('a', '1'), configMap('b', '1'), namespace);
    const made = await cluster.setup.request({ ...ask, RequestType: 'Create', ResourceProperties: first });
    expect(made).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'manifest-Extra' });
    const values = (): Promise<string> =>
      cluster.kubectl.ok([
        'get',
        'configmaps',
        '-n',
        'extra',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name}={.data.value} {end}',
      ]);
    expect(await values()).toBe('a=1 b=1 ');

    const second = manifest(configMap('a', '2'), namespace);
    const PhysicalResourceId = made.PhysicalResourceId;
    const update = {
      ...ask,
      RequestType: 'Update',
      PhysicalResourceId,
      ResourceProperties: second,
      OldResourceProperties: first,
    } as const;
    expect(await cluster.setup.request(update)).toMatchObject({ Status: 'SUCCESS' });
    expect(await values()).toBe('a=2 ');

    const remove = { ...ask, RequestType: 'Delete', PhysicalResourceId, ResourceProperties: second } as const;
    expect(await cluster.setup.request(remove)).toMatchObject({ Status: 'SUCCESS' });
    expect(await values()).toBe('');
  });

  it.each<[string, Parameters<FunctionCluster['setup']['request']>[0], string]>([
    [
      'an object that is not valid',
      {
        RequestType: 'Create',
        ResourceType: 'Custom::NodelessManifest',
        ResourceProperties: manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'No_Name' } }),
      },
      'cannot apply ConfigMap No_Name: ConfigMap "No_Name" is invalid: metadata.name: Invalid value: "No_Name": a lowercase RFC 1123 subdomain',
    ],
    [
      'what is no object',
      { RequestType: 'Create', ResourceType: 'Custom::NodelessManifest', ResourceProperties: manifest({}) },
      'an object of the manifest lacks apiVersion, kind or metadata.name',
    ],
    [
      'an unknown resource',
      { RequestType: 'Create', ResourceType: 'Custom::Other', ResourceProperties: {} },
      'there is no resource of type Custom::Other',
    ],
    [
      'a missing property',
      { RequestType: 'Create', ResourceType: 'Custom::NodelessSetup', ResourceProperties: {} },
      'the property ServiceCidr is missing',
    ],
  ])('says what is wrong: %s', async (_, request, reason) => {
    const answer = await cluster.setup.request(request);
    expect(answer.Status).toBe('FAILED');
    expect(answer.Reason).toContain(reason);
  });

  it('answers before its time is over', async () => {
    const broken = await startCloudFormation({
      name: 'setup',
      folder: `${cluster.folder}/functions/setup`,
      environment: {
        AWS_ACCESS_KEY_ID: 'AKIATEST',
        AWS_SECRET_ACCESS_KEY: 'test',
        // Nobody listens there.
        AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
        NODELESS_CLUSTER: 'x',
        NODELESS_TABLE: 'x',
        NODELESS_PARAMETERS: '/nodeless/x',
        NODELESS_SERVICE_CIDR: '10.96.0.0/16',
      },
      region: 'us-east-1',
      memoryMb: 1024,
      timeoutSeconds: 17,
    });
    try {
      const answer = await broken.request({
        RequestType: 'Create',
        ResourceType: 'Custom::NodelessSetup',
        ResourceProperties: { ServiceCidr: '10.96.0.0/16' },
      });
      expect(answer).toMatchObject({
        Status: 'FAILED',
        Reason: expect.stringMatching(/was not done within 2 s|cannot make the key/),
      });
    } finally {
      await broken.stop();
    }
  }, 30_000);
});
