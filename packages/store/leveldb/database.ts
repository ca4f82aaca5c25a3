import { ClassicLevel } from 'classic-level';

/** The part of an ordered key-value database that the store uses; tests put faults in its place. */
export interface Database {
  /**
   * All operations or none; resolves after a completed fdatasync. After a rejection the outcome is unknown and the
   * database must be closed and opened again: LevelDB's log may end in half a record, behind which later ones are lost.
   * The operations and their bytes are copied before it returns, and belong to the caller again.
   */
  write(operations: DatabaseOperation[]): Promise<void>;
  get(key: string): Promise<Uint8Array | undefined>;
  /** In order of keys, in chunks of many, so that one await serves hundreds of records. */
  read(range: {
    readonly gte: string;
    readonly lt: string;
  }): AsyncIterable<readonly (readonly [key: string, value: Uint8Array])[]>;
  /** Waits for what is going on. Idempotent. */
  close(): Promise<void>;
}

export type DatabaseOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** Creates the folder when it is missing. Rejects when another process has it open (code LEVEL_LOCKED). */
export type OpenDatabase = (path: string) => Promise<Database>;

const chunk = 1000;

export const openClassicLevel: OpenDatabase = async (path) => {
  const level = new ClassicLevel<string, Uint8Array>(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    // Everything is read once, at open: a block cache would only hold memory.
    cacheSize: 256 * 1024,
    writeBufferSize: 8 * 1024 * 1024,
  });
  await level.open();
  return {
    write: (operations) => level.batch(operations, { sync: true }),
    get: (key) => level.get(key),
    async *read(range) {
      const iterator = level.iterator({ ...range, fillCache: false, highWaterMarkBytes: 1024 * 1024 });
      try {
        let next = iterator.nextv(chunk);
        for (;;) {
          const entries = await next;
          if (entries.length === 0) return;
          // The disk is read while the caller decodes. It may leave before it looks at the next chunk, and its error.
          next = iterator.nextv(chunk);
          next.catch(() => {});
          yield entries;
        }
      } finally {
        await iterator.close();
      }
    },
    close: () => level.close(),
  };
};
