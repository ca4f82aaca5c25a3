/** The scheduler's door in AWS: a function at its queue of doorbells. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { batchResponse, functionLater, queueRecords } from '@nodeless/controller-runtime/aws/function-queues';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { createSchedulerFunction } from './scheduler-function.ts';

const log = createLogger({ fields: { function: 'scheduler' } });
const store = createDynamoDbStore({
  table: createDynamoTable({ client: createDynamoClient(), name: functionSettings().table, clock }),
  clock,
  log,
  // Each invocation looks at the log itself.
  pollMs: Infinity,
});
const later = functionLater('scheduler', clock);

type Work = Awaited<ReturnType<typeof createSchedulerFunction>>;
let made: Promise<Work> | undefined;

/** Not while the module is loaded: what fails then is tried again with the next event. */
function work(): Promise<Work> {
  made ??= createSchedulerFunction({ store, later, clock, log });
  made.catch(() => {
    made = undefined;
  });
  return made;
}

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const run = await work();
  return batchResponse(await run(queueRecords(event)));
}
