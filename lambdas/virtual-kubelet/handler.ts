/** The virtual kubelet's doors in AWS: `handler` at its queue, `door` behind its URL. */
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ECSClient } from '@aws-sdk/client-ecs';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Writable } from 'node:stream';
import { createClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import { awsDataPaths } from '@nodeless/apimachinery/service-data-path';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings, setting } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { madeOnce } from '@nodeless/component-base/made-once';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { batchResponse, functionLater, queueRecords } from '@nodeless/controller-runtime/aws/function-queues';
import { loadServiceAccountKeys, type ServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { programFile } from './agent-door/program.ts';
import { createServiceDirectory } from './agent-door/service-directory.ts';
import { createKubeletFunction } from './kubelet-function.ts';
import { createCloudWatchLogStore } from './providers/fargate/cloudwatch-log-store.ts';
import { createEcsApi } from './providers/fargate/ecs-api.ts';
import { createPodLogs } from './providers/fargate/pod-logs.ts';
import { createSecretKeeping } from './providers/fargate/secret-keeper.ts';
import { createSecretPlaces } from './providers/fargate/secret-places.ts';
import { settingsOf } from './providers/fargate/read-settings.ts';
import { send, toRequest, type UrlEvent } from './url-events.ts';

const { cluster, table, parameters: path } = functionSettings();
const log = createLogger({ fields: { function: 'virtual-kubelet' } });
const requestHandler = new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 5_000 });
const retrying = { requestHandler, maxAttempts: 4 };
const ssm = new SSMClient(retrying);
const parameters = createClusterParameters({ client: ssm, path, clock });
const store = createDynamoDbStore({
  table: createDynamoTable({ client: createDynamoClient(), name: table, clock }),
  clock,
  log,
  // Each invocation looks at the log itself.
  pollMs: Infinity,
});
const later = functionLater('kubelet', clock);
const secrets = createSecretKeeping(
  createSecretPlaces({ ssm, secretsManager: new SecretsManagerClient(retrying), cluster, path }),
);
const logStore = createCloudWatchLogStore(new CloudWatchLogsClient(retrying), setting('NODELESS_LOG_GROUP'));
const ecs = createEcsApi({
  // It retries by itself, paced.
  client: new ECSClient({ requestHandler, maxAttempts: 1 }),
  cluster: setting('NODELESS_ECS_CLUSTER'),
  clock,
});

// Not while the module is loaded: what fails is tried again with the next event.
const kubelet = madeOnce(async () => {
  const required = async (name: string): Promise<string> => {
    const value = await parameters.get(name);
    if (!value) throw new Error(`the parameter ${JSON.stringify(name)} is missing`);
    return value;
  };
  const [endpoint, kubeletEndpoint, keys] = await Promise.all([
    required('endpoint'),
    required('kubelet-endpoint'),
    signer(required),
  ]);
  return createKubeletFunction({
    store,
    later,
    clock,
    log,
    settings: settingsOf({ cluster, kubeletEndpoint }),
    ecs,
    secretsFor: (pod) => secrets.forPod(pod),
    logs: (provider) => createPodLogs({ store: logStore, provider, clock }),
    keys,
    endpoint,
    domain: setting('NODELESS_CLUSTER_DOMAIN'),
    kubeletVersion: 'v1.36.3+nodeless',
    program: programFile(new URL('./agent.mjs', import.meta.url)),
    services: (client) => createServiceDirectory({ client, dataPaths: awsDataPaths }),
  });
});

async function signer(required: (name: string) => Promise<string>): Promise<ServiceAccountKeys> {
  const inKms = process.env['NODELESS_SIGNING_KEY'];
  if (!inKms) return loadServiceAccountKeys(await required('service-account-key'));
  const { createKmsSigner } = await import('@nodeless/registry/aws/kms-signer');
  return loadServiceAccountKeys(await createKmsSigner(inKms));
}

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> =>
  stayAwake(async () => {
    const { work } = await kubelet();
    return batchResponse(await work(queueRecords(event)));
  });

/** Before the function is ended by its platform. */
const marginMs = 3_000;

// The SDK makes an `awslambda` without it where there is none.
export const door = globalThis.awslambda?.streamifyResponse?.(
  async (event: UrlEvent, stream: Writable, context: Context) => {
    await stayAwake(async () => {
      const limit = AbortSignal.timeout(Math.max(1, context.getRemainingTimeInMillis() - marginMs));
      const { door: answer } = await kubelet();
      await send(await answer(toRequest(event, limit)), (head) =>
        awslambda.HttpResponseStream.from(stream, { ...head }),
      );
    });
  },
);
