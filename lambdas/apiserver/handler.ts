/** The API server's door in AWS: a function behind a URL that streams its responses. */
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SSMClient } from '@aws-sdk/client-ssm';
import { stsHost } from '@nodeless/client/iam-token';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings, setting } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { followedTypes } from '@nodeless/registry/cluster';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { awsAdmission } from '@nodeless/registry/admission/aws-admission';
import type { Context } from 'aws-lambda';
import type { Writable } from 'node:stream';
import { createClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import { createFunctionCluster } from './aws/function-cluster.ts';
import { createStreamPlaces } from './aws/stream-places.ts';
import { createStreamTerms } from './stream-terms.ts';
import { createClusterDoor } from './cluster-door.ts';
import type { FunctionUrlEvent, ResponseHead } from './function-url-door.ts';

const { cluster, table, parameters: path } = functionSettings();
const region = setting('AWS_REGION');
const log = createLogger({ fields: { function: 'apiserver' } });
const defaultPlaces = 25;
const followed = new Set(followedTypes);
const requestHandler = new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 3_000 });

const parameters = createClusterParameters({ client: new SSMClient({ requestHandler, maxAttempts: 3 }), path, clock });
const store = createDynamoDbStore({
  // Each look is paid for. What every function follows besides its watches is brought up to date by each invocation.
  pollMs: (type) => (followed.has(type) && !terms.watched(type) ? 60_000 : 250),
  table: createDynamoTable({ client: createDynamoClient(), name: table, clock }),
  clock,
  log,
});
const places = createStreamPlaces({
  client: new DynamoDBClient({ requestHandler, maxAttempts: 2 }),
  table,
  // A quarter of what the account may run at once, as setup found it.
  count: async () => Number((await parameters.get('stream-places')) ?? defaultPlaces),
  clock,
  log,
});
const terms = createStreamTerms({
  revision: (prefix) => store.revision(prefix),
  onWatch: (prefix) => store.poke(prefix),
  places,
  clock,
});
const functionCluster = createFunctionCluster({
  cluster,
  region,
  stsEndpoint: process.env['AWS_ENDPOINT_URL_STS'] ?? process.env['AWS_ENDPOINT_URL'] ?? `https://${stsHost(region)}`,
  signingKey: process.env['NODELESS_SIGNING_KEY'],
  originSecret: process.env['NODELESS_ORIGIN_SECRET'],
  parameters,
  admission: awsAdmission,
  terms,
  store,
  clock,
  log,
});
const door = createClusterDoor({ ...functionCluster, settled: () => places.settled(), clock, log });

export const handler = awslambda.streamifyResponse(
  async (event: FunctionUrlEvent, stream: Writable, context: Context) => {
    const deadline = Date.now() + context.getRemainingTimeInMillis();
    const begin = (head: ResponseHead): Writable => awslambda.HttpResponseStream.from(stream, { ...head });
    await stayAwake(() => door.serve(event, { begin, deadline }));
  },
);
