/**
 * A program that writes to a store until it is killed: `store-writer.ts <folder> <writers> [commits]`. It says on
 * standard output, with synchronous writes, what it is told: a line for each watch event and each acknowledgement.
 *
 *   event <revision> <put|delete> <key> <text>
 *   ack <revision> <put|delete> <key> <text>     one for each operation of the commit
 *   done
 */
import { writeSync } from 'node:fs';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import { type Operation, isStoreError } from '@nodeless/store/store';

const [folder, writers, commits = Number.POSITIVE_INFINITY] = [
  process.argv[2]!,
  Number(process.argv[3]),
  process.argv[4] && Number(process.argv[4]),
];
const attributes = { labels: { app: 'x' }, fields: undefined, owners: undefined, trigger: undefined };
const say = (line: string): void => void writeSync(1, `${line}\n`);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString().split(' ')[0]!;

const store = await openLevelDbStore({ path: folder, clock: systemClock, log: createLogger({ level: 'error' }) });
store.watch({ prefix: '/pods/' }, await store.revision('/pods/'), {
  onEvents(events) {
    for (const { revision, type, key, entry } of events)
      say(`event ${revision} ${type} ${key} ${textOf(entry.value.bytes)}`);
  },
  onEnd: () => {},
});

let made = 0;
const write = async (writer: number): Promise<void> => {
  while (made < Number(commits)) {
    const text = `w${process.pid}-${writer}-${made++}`;
    const value = (): { bytes: Uint8Array } => ({
      bytes: Buffer.from(`${text} ${'x'.repeat(Math.floor(Math.random() * 2000))} ${text} `),
    });
    const put = (key: string): Operation => ({ type: 'put', key, expected: 'any', value, attributes });
    // A pair is always written together; a single key comes and goes; one key is everybody's.
    const operations: Operation[] =
      made % 3 === 0
        ? [put(`/pods/pair/${writer}-a`), put(`/pods/pair/${writer}-b`)]
        : made % 7 === 0
          ? [{ type: 'delete', key: `/pods/single/${writer}`, expected: 'any', value, attributes }]
          : [put(made % 5 === 0 ? '/pods/shared/one' : `/pods/single/${writer}`)];
    try {
      const entries = await store.commit(operations);
      for (const [i, entry] of entries.entries())
        say(`ack ${entry!.revision} ${operations[i]!.type} ${entry!.key} ${text}`);
    } catch (error) {
      if (!isStoreError(error, 'missing')) throw error;
    }
  }
};
await Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
await store.close();
say('done');
