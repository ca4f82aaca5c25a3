import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import { backoffDelay } from '@nodeless/component-base/retry';
import { type Queue, type QueueEntry, SendError } from '../queues.ts';

const batchSize = 10;
const attempts = 4;
/** Batches that are sent at once. */
const parallel = 8;

/** One queue of SQS. The client retries what fails as a whole; here, those of a batch that were refused by themselves. */
export function createSqsQueue(client: Pick<SQSClient, 'send'>, url: string, clock: Clock): Queue {
  const sendBatch = async (batch: readonly { entry: QueueEntry; index: number }[]): Promise<void> => {
    let left = batch;
    let reason = '';
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) await sleep(clock, backoffDelay(attempt, { baseMs: 50, capMs: 1_000 }));
      const answer = await client
        .send(
          new SendMessageBatchCommand({
            QueueUrl: url,
            Entries: left.map(({ entry, index }) => ({
              Id: String(index),
              MessageBody: entry.body,
              MessageGroupId: entry.group,
              MessageDeduplicationId: entry.id,
              DelaySeconds: entry.delaySeconds,
            })),
          }),
        )
        .catch((error: unknown) => {
          throw failure(left, error instanceof Error ? error.message : String(error), error);
        });
      const refused = new Map((answer.Failed ?? []).map((one) => [one.Id, one]));
      if (refused.size === 0) return;
      left = left.filter(({ index }) => refused.has(String(index)));
      const [one] = refused.values();
      reason = `${one?.Code}: ${one?.Message ?? ''}`;
      // Its own fault: it would be refused again.
      if ([...refused.values()].some(({ SenderFault }) => SenderFault)) break;
    }
    throw failure(left, reason);
  };
  const failure = (left: readonly { index: number }[], reason: string, cause?: unknown): SendError =>
    new SendError(
      `${left.length} messages were not taken by ${url}: ${reason}`,
      left.map(({ index }) => index),
      cause,
    );

  return {
    async send(entries) {
      const all = entries.map((entry, index) => ({ entry, index }));
      const failed: number[] = [];
      let cause: unknown;
      const batches = Array.from({ length: Math.ceil(all.length / batchSize) }, (_, i) =>
        all.slice(i * batchSize, (i + 1) * batchSize),
      );
      // What asks for work says nothing that had to be in order: thousands of messages are a matter of seconds this way.
      const lane = async (): Promise<void> => {
        for (let batch = batches.shift(); batch; batch = batches.shift()) {
          try {
            await sendBatch(batch);
          } catch (error) {
            if (!(error instanceof SendError)) throw error;
            failed.push(...error.failed);
            cause = error;
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(parallel, batches.length) }, lane));
      if (failed.length > 0) throw new SendError((cause as Error).message, failed, cause);
    },
  };
}
