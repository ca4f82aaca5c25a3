import type { Logger } from '@nodeless/component-base/logger';
import { type WorkMessage, keyOf, parseWorkMessage } from './messages.ts';
import type { Later } from './queues.ts';
import type { Outcome, Worker } from './worker.ts';

/** A message as a FIFO queue hands it over. */
export interface QueueRecord {
  readonly id: string;
  readonly group: string;
  readonly body: string;
}

/**
 * Works a batch off: groups side by side, the messages of one in order, those that ask for the same work once. Answers the ids of
 * the messages that are to come again. A reconcile that failed is not among them: it waits elsewhere, so that it blocks nobody.
 */
export async function workBatch(
  records: readonly QueueRecord[],
  { worker, later, log }: { worker: Worker; later: Later; log: Logger },
): Promise<string[]> {
  const invocation = worker.invocation();
  const groups = new Map<string, QueueRecord[]>();
  for (const record of records) groups.set(record.group, [...(groups.get(record.group) ?? []), record]);

  const workGroup = async (group: readonly QueueRecord[]): Promise<string[]> => {
    const messages = new Map<string, { message: WorkMessage; ids: string[] }>();
    const left = new Set(group.map(({ id }) => id));
    try {
      for (const { id, body } of group) {
        const message = parseWorkMessage(body);
        const same = messages.get(keyOf(message));
        if (!same) messages.set(keyOf(message), { message, ids: [id] });
        else {
          same.ids.push(id);
          // The newest, but for the failures.
          same.message = { ...message, attempt: Math.max(message.attempt, same.message.attempt) };
        }
      }
      for (const { message, ids } of messages.values()) {
        const outcome: Outcome = await invocation.reconcile(message);
        if (outcome) await later.put([outcome]);
        for (const id of ids) left.delete(id);
      }
    } catch (error) {
      // Order within the group is kept: what stands behind the one that failed comes again, too.
      log.error('messages could not be worked off', { messages: group.map(({ body }) => body), error });
    }
    return [...left];
  };

  const failed = await Promise.all([...groups.values()].map(workGroup));
  await invocation.end();
  return failed.flat();
}
