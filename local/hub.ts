/** The AWS long-running door: the API server in one small Fargate task (docs/adr/0035-the-hub.md). */
import { SSMClient } from '@aws-sdk/client-ssm';
import { stsHost } from '@nodeless/client/iam-token';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings, setting } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { awsAdmission } from '@nodeless/registry/admission/aws-admission';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createSecretParameters } from './hub/secret-parameters.ts';
import { startHub } from './hub/hub.ts';
import { ownAddress } from './hub/own-address.ts';

const { cluster, table, parameters: path, serviceCidr } = functionSettings();
const region = setting('AWS_REGION');
const log = createLogger({ fields: { component: 'hub' } });
const requestHandler = new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 3_000 });

const store = createDynamoDbStore({
  table: createDynamoTable({ client: createDynamoClient(), name: table, clock }),
  clock,
  log,
  // Each watched type's log is asked for what is new so often: half a second late at most, and about a dollar a month a type.
  pollMs: 500,
});
const hub = await startHub({
  cluster,
  region,
  stsEndpoint: process.env['AWS_ENDPOINT_URL_STS'] ?? process.env['AWS_ENDPOINT_URL'] ?? `https://${stsHost(region)}`,
  signingKey: process.env['NODELESS_SIGNING_KEY'],
  parameters: createSecretParameters({ client: new SSMClient({ requestHandler, maxAttempts: 5 }), path, clock }),
  address: process.env['NODELESS_HUB_ADDRESS'] ?? (await ownAddress()),
  port: Number(process.env['NODELESS_HUB_PORT'] ?? 443),
  clusterDomain: process.env['NODELESS_CLUSTER_DOMAIN'] ?? 'cluster.local',
  serviceIp: serviceCidr.replace(/\d+\/\d+$/, '1'),
  admission: awsAdmission,
  store,
  clock,
  log,
});
log.info('the hub answers', { url: hub.url });

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    void hub
      .close()
      .then(() => store.close())
      .finally(() => process.exit(0));
  });
