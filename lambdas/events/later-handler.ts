/** The later function: messages whose delay is over go back to the queue they came from. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { batchResponse, functionQueues } from '@nodeless/controller-runtime/aws/function-queues';
import { forward } from './forward.ts';

const log = createLogger({ fields: { function: 'later' } });
const queues = functionQueues(clock);

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> =>
  stayAwake(async () => {
    const records = event.Records.map(({ messageId, body }) => ({ id: messageId, body }));
    return batchResponse(await forward(records, { queues, log }));
  });
