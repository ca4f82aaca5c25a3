/**
 * A process that writes to one DynamoDB store until it is killed, and tells on its standard output what it began and
 * what was acknowledged: one JSON object a line. Started by store-dynamodb-processes.test.ts.
 *
 *   node store-writer.ts <endpoint> <table> <name>
 */
import { systemClock } from '@nodeless/component-base/clock';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { type Operation, isStoreError } from '@nodeless/store/store';
import { writeSync } from 'node:fs';

const [endpoint, name, writer] = process.argv.slice(2) as [string, string, string];
const client = createDynamoClient({
  endpoint,
  region: process.env['AWS_REGION'] ?? 'us-east-1',
  ...(process.env['AWS_ACCESS_KEY_ID'] ? {} : { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
});
const store = createDynamoDbStore({
  table: createDynamoTable({ client, name, clock: systemClock, timeoutMs: 5000 }),
  clock: systemClock,
  pollMs: 100,
});
const plain = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;
// Synchronous: what was acknowledged must have been said before the kill.
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const keys = ['/pods/a/k0', '/pods/a/k1', '/pods/b/k2', '/pods/b/k3', '/nodes//n0'];

const value = (id: string) => (revision: number) => ({ bytes: Buffer.from(`${id}@${revision}`) });

async function once(id: string): Promise<void> {
  const own = `/pods/${writer}/${id}`;
  const operations: Operation[] = [];
  const kind = Math.random();
  if (kind < 0.3) operations.push({ type: 'put', key: own, expected: 'absent', value: value(id), attributes: plain });
  else {
    const key = pick(keys);
    const current = await store.get(key);
    const expected = current?.revision ?? 'absent';
    if (kind < 0.4 && current)
      operations.push({ type: 'delete', key, expected: current.revision, value: value(id), attributes: plain });
    else operations.push({ type: 'put', key, expected, value: value(id), attributes: plain });
    // Over two types at once, and two of one.
    if (kind > 0.8)
      operations.push({
        type: 'put',
        key: `/services/a/${id}`,
        expected: 'absent',
        value: value(id),
        attributes: plain,
      });
    if (kind > 0.9) operations.push({ type: 'put', key: own, expected: 'absent', value: value(id), attributes: plain });
  }
  say({ began: id, at: Date.now() });
  try {
    const entries = await store.commit(operations);
    say({ done: id, at: Date.now(), revisions: entries.map((entry) => [entry!.key, entry!.revision]) });
  } catch (error) {
    if (!isStoreError(error)) throw error;
    say({ failed: id, code: error.code, message: error.message });
  }
}

for (let n = 0; ; n++) await once(`${writer}-${n}`);
