/** What the later and the timer function do: messages whose time has come go back to where they came from. */
import { parseLaterMessage } from '@nodeless/controller-runtime/messages';
import { type Queue, SendError } from '@nodeless/controller-runtime/queues';
import type { Logger } from '@nodeless/component-base/logger';

export interface WaitedRecord {
  readonly id: string;
  readonly body: unknown;
}

/** Answers the ids of those that did not arrive, or cannot be read. */
export async function forward(
  records: readonly WaitedRecord[],
  { queues, log }: { queues: Readonly<Record<string, Queue>>; log: Logger },
): Promise<string[]> {
  const failed: string[] = [];
  const byQueue = new Map<string, { id: string; entry: { body: string; group: string; id: string } }[]>();
  for (const { id, body } of records) {
    try {
      const waited = parseLaterMessage(body);
      if (!queues[waited.queue]) throw new Error(`there is no queue ${waited.queue}`);
      const entry = { body: JSON.stringify(waited.message), group: waited.group, id: waited.id };
      byQueue.set(waited.queue, [...(byQueue.get(waited.queue) ?? []), { id, entry }]);
    } catch (error) {
      log.error('a message that waited cannot be read', { body, error });
      failed.push(id);
    }
  }
  for (const [name, waited] of byQueue) {
    try {
      await (queues[name] as Queue).send(waited.map(({ entry }) => entry));
    } catch (error) {
      log.error('messages were not taken', { queue: name, error });
      const indexes = error instanceof SendError ? error.failed : waited.map((_, i) => i);
      failed.push(...indexes.flatMap((i) => waited[i]?.id ?? []));
    }
  }
  return failed;
}
