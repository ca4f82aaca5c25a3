/** The queues and timers of a function, as its environment names them. */
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Clock } from '@nodeless/component-base/clock';
import { setting } from '@nodeless/component-base/function-settings';
import { type Later, type Queue, createLater } from '../queues.ts';
import type { QueueRecord } from '../work-batch.ts';
import { createOneOffSchedules } from './one-off-schedules.ts';
import { createSqsQueue } from './sqs-queue.ts';

/** Queues that work comes from, by the name that messages call them. */
const variables = {
  controllers: 'NODELESS_QUEUE_CONTROLLERS',
  scheduler: 'NODELESS_QUEUE_SCHEDULER',
  kubelet: 'NODELESS_QUEUE_KUBELET',
} as const;
export type WorkQueueName = keyof typeof variables;

const requestHandler = new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 5_000 });

/** Every queue that work goes into: for functions that hand work on. */
export function functionQueues(clock: Clock): Readonly<Record<WorkQueueName, Queue>> {
  const client = new SQSClient({ requestHandler, maxAttempts: 4 });
  const queue = (name: WorkQueueName): Queue => createSqsQueue(client, setting(variables[name]), clock);
  return { controllers: queue('controllers'), scheduler: queue('scheduler'), kubelet: queue('kubelet') };
}

/** Where a function that works on `queue` leaves what is to come back. */
export function functionLater(queue: WorkQueueName, clock: Clock): Later {
  const sqs = new SQSClient({ requestHandler, maxAttempts: 4 });
  return createLater({
    queue,
    delays: createSqsQueue(sqs, setting('NODELESS_QUEUE_LATER'), clock),
    schedules: createOneOffSchedules({
      client: new SchedulerClient({ requestHandler, maxAttempts: 4 }),
      group: setting('NODELESS_SCHEDULE_GROUP'),
      role: setting('NODELESS_SCHEDULE_ROLE'),
      target: setting('NODELESS_TIMER_ARN'),
    }),
    clock,
  });
}

export function queueRecords(event: SQSEvent): QueueRecord[] {
  return event.Records.map(({ messageId, body, attributes }) => ({
    id: messageId,
    group: attributes.MessageGroupId ?? messageId,
    body,
  }));
}

export function batchResponse(failed: readonly string[]): SQSBatchResponse {
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
