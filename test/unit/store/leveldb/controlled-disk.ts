import type { Database, DatabaseOperation, OpenDatabase } from '@nodeless/store/leveldb/database';

/**
 * A disk that does as it is told: it can be slow, fail a write with or without having done it, and refuse to open.
 * Like LevelDB, a handle whose write has failed fails every write until the database is opened anew.
 */
export interface ControlledDisk {
  readonly openDatabase: OpenDatabase;
  /** What is durable. */
  readonly contents: Map<string, Uint8Array>;
  /** The keys of each write that was begun: `+key` for a put, `-key` for a deletion. */
  readonly writes: string[][];
  /** How often it was opened with success. */
  opened(): number;
  /** From now on writes wait for `release`, which lets all that wait through. */
  hold(): void;
  release(): Promise<void>;
  /** Lets what waits through; later writes wait again. */
  step(): Promise<void>;
  /** The next write fails; `written`: after having become durable all the same. */
  failNextWrite(message: string, options?: { written: boolean }): void;
  /** Opening fails until it is called with undefined. */
  failOpening(message: string | undefined): void;
}

export function createControlledDisk(): ControlledDisk {
  const contents = new Map<string, Uint8Array>();
  const writes: string[][] = [];
  let opened = 0;
  let openFailure: string | undefined;
  let nextFailure: { message: string; written: boolean } | undefined;
  let holding = false;
  let waiting: (() => void)[] = [];

  const ioError = (message: string): Error =>
    Object.assign(new Error(`IO error: /somewhere/000003.log: ${message}`), { code: 'LEVEL_IO_ERROR' });
  const apply = (operations: readonly DatabaseOperation[]): void => {
    for (const operation of operations) {
      if (operation.type === 'put') contents.set(operation.key, operation.value);
      else contents.delete(operation.key);
    }
  };

  const database = (): Database => {
    let broken: string | undefined;
    let closed = false;
    return {
      async write(operations) {
        // The caller's bytes are copied before anything is awaited, as the interface promises.
        const copy = operations.map((operation) =>
          operation.type === 'put' ? { ...operation, value: Uint8Array.from(operation.value) } : operation,
        );
        writes.push(copy.map(({ type, key }) => `${type === 'put' ? '+' : '-'}${key}`));
        const failure = nextFailure;
        nextFailure = undefined;
        if (holding) await new Promise<void>((resolve) => waiting.push(resolve));
        if (closed) throw new Error('the database is closed');
        if (broken !== undefined) throw ioError(broken);
        if (failure) {
          broken = failure.message;
          if (failure.written) apply(copy);
          throw ioError(failure.message);
        }
        apply(copy);
      },
      get: async (key) => contents.get(key),
      async *read({ gte, lt }) {
        yield [...contents].filter(([key]) => key >= gte && key < lt).sort(([a], [b]) => (a < b ? -1 : 1));
      },
      async close() {
        closed = true;
      },
    };
  };

  const step = async (): Promise<void> => {
    const going = waiting;
    waiting = [];
    for (const go of going) go();
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  };

  return {
    async openDatabase() {
      if (openFailure !== undefined) throw new Error('Database failed to open', { cause: ioError(openFailure) });
      opened++;
      return database();
    },
    contents,
    writes,
    opened: () => opened,
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      return step();
    },
    step,
    failNextWrite(message, { written } = { written: false }) {
      nextFailure = { message, written };
    },
    failOpening(message) {
      openFailure = message;
    },
  };
}
