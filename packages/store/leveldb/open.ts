import type { Logger } from '@nodeless/component-base/logger';
import type { ValueTransformer } from '../value-transformer.ts';
import { baseCounter } from '../watch-cache/history.ts';
import type { Database, OpenDatabase } from './database.ts';
import { foreignError, formatError, openError } from './disk-errors.ts';
import { type LoadedState, load } from './load.ts';
import { type RecordWriter, createRecordReader, currentFormat, keys } from './records.ts';

export interface Opening {
  readonly path: string;
  readonly openDatabase: OpenDatabase;
  readonly writer: RecordWriter;
  readonly transformer: ValueTransformer | undefined;
  readonly historyMs: number;
  readonly now: number;
  readonly log: Logger;
}

/** Opens a store folder, or makes one, and reads what is in it. Rejects with StoreError 'unavailable'. */
export async function openFolder(opening: Opening): Promise<{ database: Database; loaded: LoadedState }> {
  const { path, now } = opening;
  let database: Database | undefined;
  try {
    database = await opening.openDatabase(path);
    await checkFormat(database, opening);
    const loaded = await load(database, createRecordReader(opening.transformer), now - opening.historyMs, opening.log);
    return { database, loaded: await catchUp(database, loaded, opening) };
  } catch (error) {
    await database?.close().catch(() => {});
    throw openError(path, error);
  }
}

async function checkFormat(database: Database, { path, writer, now }: Opening): Promise<void> {
  const format = await database.get(keys.format);
  if (format) {
    const text = Buffer.from(format).toString();
    if (text !== String(currentFormat)) throw formatError(path, text);
    return;
  }
  for await (const chunk of database.read({ gte: '', lt: '\uffff' })) if (chunk.length > 0) throw foreignError(path);
  const base = baseCounter(now);
  await database.write([
    { type: 'put', key: keys.format, value: Buffer.from(String(currentFormat)) },
    writer.jump(base, base, now),
  ]);
}

/**
 * At every open the counter jumps to what the time says: when the folder is a copy that was put back, clients may hold
 * revisions that it does not know, and those then lie in the jump, where they are answered 'compacted'. Whoever holds
 * a revision from before the jump resumes as if nothing had been.
 */
async function catchUp(database: Database, loaded: LoadedState, { writer, now }: Opening): Promise<LoadedState> {
  const base = baseCounter(now);
  if (base <= loaded.counter) return loaded;
  await database.write([writer.jump(loaded.counter, base, now)]);
  loaded.logEntries.push(base);
  return { ...loaded, counter: base, jumps: [...loaded.jumps, { from: loaded.counter, to: base }] };
}
