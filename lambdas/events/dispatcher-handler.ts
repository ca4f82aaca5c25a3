/** The dispatcher's door in AWS: the table's stream, ECS's task events and ticks, each in the form that they come in. */
import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { madeOnce } from '@nodeless/component-base/made-once';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { taskRequest } from '@nodeless/component-base/task-identity';
import { functionQueues } from '@nodeless/controller-runtime/aws/function-queues';
import { wakingControllers } from '@nodeless/controllers/function-controllers';
import { schedulerDoorbell } from '@nodeless/scheduler/doorbell';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { StreamImage } from '@nodeless/store/dynamodb/stream-records';
import { wakingControllers as wakingKubelet } from '@nodeless/virtual-kubelet/waking-controllers';
import { createDispatcherFunction } from './dispatcher-function.ts';

/** What EventBridge says of a task that changed. */
interface TaskEvent {
  readonly id: string;
  readonly 'detail-type': string;
  readonly detail: unknown;
}

interface Tick {
  readonly tick: true;
  /** Looks at every object, as if it were new: after an outage. */
  readonly full?: boolean;
}

const log = createLogger({ fields: { function: 'dispatcher' } });
const table = createDynamoTable({ client: createDynamoClient(), name: functionSettings().table, clock });
const store = createDynamoDbStore({ table, clock, log, pollMs: Infinity });
const queues = functionQueues(clock);

// Not while the module is loaded: what fails is tried again with the next event.
const dispatcher = madeOnce(() =>
  createDispatcherFunction({
    store,
    table,
    queues,
    wakes: (served) => ({
      controllers: wakingControllers(served),
      scheduler: [schedulerDoorbell(defaultProfile)],
      kubelet: wakingKubelet,
    }),
    clock,
    log,
  }),
);

type Event = DynamoDBStreamEvent | TaskEvent | Tick;

export const handler = (event: Event, context: Context): Promise<DynamoDBBatchResponse | void> =>
  stayAwake(() => handle(event, context));

async function handle(event: Event, context: Context): Promise<DynamoDBBatchResponse | void> {
  const to = await dispatcher();
  if ('Records' in event) {
    const failed = await to.dispatch(
      event.Records.filter(({ eventName }) => eventName === 'INSERT').map(({ eventID, dynamodb }) => ({
        eventId: eventID ?? '',
        sequenceNumber: dynamodb?.SequenceNumber ?? '',
        image: (dynamodb?.NewImage ?? {}) as StreamImage,
      })),
    );
    return { batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed }] };
  }
  if ('detail-type' in event && event['detail-type'] === 'ECS Task State Change') {
    const request = taskRequest(event.detail);
    return request && to.ask('kubelet', 'virtual-kubelet', [request], event.id);
  }
  // Tried again, it is the same request.
  if ('tick' in event) return to.tick(context.awsRequestId, event.full);
  log.error('an event that nobody expects', { event });
}
