/** From what happened to who has work: records of the table's stream, task events and ticks become messages. */
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { Change, Request } from '@nodeless/controller-runtime/controller';
import { groupOf, hashed, keyOf, workMessage } from '@nodeless/controller-runtime/messages';
import { type Queue, SendError } from '@nodeless/controller-runtime/queues';
import type { Routed, RuleTable } from '@nodeless/controller-runtime/rule-table';
import type { InvocationLister, StoreLister } from '@nodeless/controller-runtime/store-lister';
import type { LoggedCommit, StreamImage, StreamRecords } from '@nodeless/store/dynamodb/stream-records';
import type { StoreEvent, Value } from '@nodeless/store/store';

export interface StreamRecord {
  /** Equal when the record comes again. */
  readonly eventId: string;
  readonly sequenceNumber: string;
  readonly image: StreamImage;
}

export interface DispatcherOptions {
  readonly records: StreamRecords;
  readonly rules: RuleTable;
  /** By the names that the rules are routed to. */
  readonly queues: Readonly<Record<string, Queue>>;
  readonly lister: StoreLister;
  /** The stored value in this version; undefined where it is not served. */
  readonly objectOf: (type: ResourceType<KubernetesObject>, value: Value) => KubernetesObject | undefined;
  /** Brings what is served up to date. */
  readonly refresh: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often ticks come. */
  readonly tickMs?: number;
}

export interface Dispatcher {
  /** Answers the sequence number of the first record that is to come again with all behind it; undefined: none. */
  dispatch(records: readonly StreamRecord[]): Promise<string | undefined>;
  /**
   * Work that something outside asks for. `id` is equal when the event comes again. A request may carry a hint of what was seen
   * (component-base/task-identity.ts: taskRequest makes one of an event of ECS).
   */
  ask(
    queue: string,
    controller: string,
    requests: readonly (Request & { readonly hint?: unknown })[],
    id: string,
  ): Promise<void>;
  /**
   * Sweeps that are due, and what the log says of the last ticks: a record that was lost is made good. `full`: every object, as if
   * it were new; so once a day, and by hand after an outage, for what ended in a dead-letter queue.
   */
  tick(id: string, full?: boolean): Promise<void>;
}

const dayMs = 24 * 3_600_000;
const defaultTickMs = 5 * 60_000;
/** A tick that is a little late must not miss a sweep; one that is asked for twice does no harm. */
const jitterMs = 15_000;
/** Younger commits are still on their way through the stream. */
const onTheirWayMs = 30_000;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { records, rules, queues, lister, objectOf, refresh, clock, log, tickMs = defaultTickMs } = options;
  const done = createDone(2 * tickMs + onTheirWayMs);

  const changeOf = (type: ResourceType<KubernetesObject>, event: StoreEvent): Change<KubernetesObject> | undefined => {
    const object = objectOf(type, event.entry.value);
    if (!object) return undefined;
    const previous = event.previous && objectOf(type, event.previous.value);
    if (event.type === 'delete') return { type: 'deleted', object, previous };
    return { type: previous ? 'modified' : 'added', object, previous };
  };

  const messagesOf = async (commit: LoggedCommit, lookup: InvocationLister): Promise<readonly Routed[]> => {
    if (!rules.wants(commit.type)) return [];
    const found: Routed[] = [];
    for (const event of await commit.changes())
      found.push(...(await rules.messages(commit.type, (type) => changeOf(type, event), lookup)));
    return found;
  };

  /**
   * Sends what is asked for once. `mark`: what the asker is known by, the last one counts, so that an id is never that of an
   * earlier message that could not know of it. Answers the indexes of the askers whose message may not have arrived.
   */
  const send = async (asked: readonly { index: number; mark: string; routed: Routed }[]): Promise<number[]> => {
    const byQueue = new Map<string, Map<string, { first: number; mark: string; routed: Routed }>>();
    for (const { index, mark, routed } of asked) {
      let wanted = byQueue.get(routed.queue);
      if (!wanted) byQueue.set(routed.queue, (wanted = new Map()));
      const known = wanted.get(routed.key);
      if (known) known.mark = mark;
      else wanted.set(routed.key, { first: index, mark, routed });
    }
    const failed = await Promise.all(
      [...byQueue].map(async ([name, wanted]) => {
        const queue = queues[name];
        if (!queue) throw new Error(`there is no queue ${name}`);
        const entries = [...wanted.values()];
        try {
          await queue.send(
            entries.map(({ mark, routed: { group, key, message } }) => ({
              body: JSON.stringify(message),
              group,
              id: hashed(mark, key),
            })),
          );
          return [];
        } catch (error) {
          log.error('messages were not taken', { queue: name, error });
          if (!(error instanceof SendError)) return entries.map(({ first }) => first);
          return error.failed.map((at) => entries[at]?.first ?? 0);
        }
      }),
    );
    return failed.flat();
  };

  const replay = async (id: string): Promise<void> => {
    const now = clock.now();
    const lookup = lister.begin();
    const missed = await Promise.all(
      rules.prefixes().map(async (prefix) => {
        const commits = await records.since(prefix, now - 2 * tickMs - onTheirWayMs);
        const asked: Routed[] = [];
        for (const commit of commits) {
          if (commit.time > now - onTheirWayMs || done.has(commit)) continue;
          try {
            asked.push(...(await messagesOf(commit, lookup)));
          } catch (error) {
            log.error('a commit cannot be dispatched', { type: commit.type, revision: commit.revision, error });
          }
        }
        return asked;
      }),
    );
    await sendAll(missed.flat(), id);
  };

  const everything = async (id: string): Promise<void> => {
    const lookup = lister.begin();
    const asked: Routed[] = [];
    for (const prefix of rules.prefixes()) {
      asked.push(
        ...(await rules.everything(
          prefix,
          async (type) => {
            const objects = await lookup.list(type);
            return objects.map((object) => ({ type: 'added', object, previous: undefined }));
          },
          lookup,
        )),
      );
    }
    await sendAll(asked, id);
  };

  const sendAll = async (asked: readonly Routed[], mark: string): Promise<void> => {
    const failed = await send(asked.map((routed, index) => ({ index, mark, routed })));
    if (failed.length > 0) throw new Error(`${failed.length} messages were not taken`);
  };

  return {
    async dispatch(batch) {
      await refresh();
      const lookup = lister.begin();
      const failed: number[] = [];
      const commits = batch.map(({ image }, index) => {
        try {
          return records.decode(image);
        } catch (error) {
          failed.push(index);
          log.error('a record cannot be read', { record: batch[index]?.sequenceNumber, error });
          return undefined;
        }
      });
      const asked = await Promise.all(
        commits.map(async (commit, index) => {
          try {
            return commit ? await messagesOf(commit, lookup) : [];
          } catch (error) {
            // The others go on: a record that nobody can do anything with ends in the dead-letter queue by itself.
            failed.push(index);
            log.error('a record cannot be dispatched', {
              record: batch[index]?.sequenceNumber,
              type: commit?.type,
              error,
            });
            return [];
          }
        }),
      );
      failed.push(
        ...(await send(
          asked.flatMap((messages, index) =>
            messages.map((routed) => ({ index, mark: batch[index]?.eventId ?? '', routed })),
          ),
        )),
      );
      const first = failed.length === 0 ? batch.length : Math.min(...failed);
      for (const commit of commits.slice(0, first)) if (commit) done.add(commit, clock.now());
      return batch[first]?.sequenceNumber;
    },

    async ask(queue, controller, requests, id) {
      await sendAll(
        requests.map(({ hint, ...request }) => {
          const message = { ...workMessage(controller, request), ...(hint === undefined ? {} : { hint }) };
          return { queue, group: groupOf(message), key: keyOf(message), message };
        }),
        id,
      );
    },

    async tick(id, full = false) {
      await refresh();
      const now = clock.now();
      await sendAll(rules.sweeps(now - tickMs - jitterMs, now), id);
      const isNewDay = Math.floor(now / dayMs) > Math.floor((now - tickMs) / dayMs);
      await (full || isNewDay ? everything(id) : replay(id));
    },
  };
}

/** Commits that this process has seen off, for as long as a tick might ask for them again. */
function createDone(forMs: number): {
  has(commit: LoggedCommit): boolean;
  add(commit: LoggedCommit, now: number): void;
} {
  const done = new Map<string, number>();
  const idOf = ({ type, revision }: LoggedCommit): string => `${type}${revision}`;
  return {
    has: (commit) => done.has(idOf(commit)),
    add(commit, now) {
      done.set(idOf(commit), now);
      for (const [id, at] of done) {
        if (at > now - forMs) break;
        done.delete(id);
      }
    },
  };
}
