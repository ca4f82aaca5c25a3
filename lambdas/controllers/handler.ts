/** The controllers' door in AWS: a function at their queue. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { madeOnce } from '@nodeless/component-base/made-once';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { batchResponse, functionLater, queueRecords } from '@nodeless/controller-runtime/aws/function-queues';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { awsAdmission } from '@nodeless/registry/admission/aws-admission';
import { balancersFromSettings } from './aws/balancers.ts';
import { createControllersFunction } from './controllers-function.ts';
import { amazonRoots } from './public-roots.ts';

const log = createLogger({ fields: { function: 'controllers' } });
const store = createDynamoDbStore({
  table: createDynamoTable({ client: createDynamoClient(), name: functionSettings().table, clock }),
  clock,
  log,
  // Each invocation looks at the log itself.
  pollMs: Infinity,
});
const later = functionLater('controllers', clock);

// Not while the module is loaded: what fails is tried again with the next event.
const work = madeOnce(async () =>
  createControllersFunction({
    store,
    later,
    rootCertificate: amazonRoots(),
    balancers: await balancersFromSettings(clock),
    admission: awsAdmission,
    clock,
    log,
  }),
);

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> =>
  stayAwake(async () => {
    const run = await work();
    return batchResponse(await run(queueRecords(event)));
  });
