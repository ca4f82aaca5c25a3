import { AsyncLocalStorage } from 'node:async_hooks';
import type { Table } from './table.ts';

/**
 * Logical time of one process: what was read after a moment shows everything that was acknowledged before it. A request
 * may be answered from any moment after its own beginning, so what was read since then need not be read again for it.
 */
export interface Moments {
  /** A moment after every one before. */
  next(): number;
  /** What is asked for at this place must have been read at or after this moment; undefined: now. */
  sufficient(): number | undefined;
  /** Runs work whose reads may be of any moment after its beginning, for a while. */
  during<T>(work: () => T): T;
  /** What was read was not good enough: from now on, the work that goes on reads anew. */
  renew(): void;
}

interface Work {
  begun: number;
  readonly until: number;
}

/** Work that goes on for longer waits for something, and wants to see it. */
const workMs = 1000;

export function createMoments(now: () => number): Moments {
  const works = new AsyncLocalStorage<Work>();
  let moment = 0;
  return {
    next: () => ++moment,
    sufficient() {
      const work = works.getStore();
      return work && now() < work.until ? work.begun : undefined;
    },
    during: (work) => (works.getStore() ? work() : works.run({ begun: ++moment, until: now() + workMs }, work)),
    renew() {
      const work = works.getStore();
      if (work) work.begun = ++moment;
    },
  };
}

/** How often the quiet types were written, read at most once for all who ask at the same time. */
export interface Generation {
  /** The number, and the moment that it was read at: not before `sufficient`. */
  at(sufficient: number): Promise<{ readonly value: number; readonly moment: number }>;
}

export function createGeneration(table: Pick<Table, 'generation'>, moments: Moments): Generation {
  type Read = { readonly value: number; readonly moment: number };
  let last: Promise<Read> | undefined;
  let readAt = -1;
  /** It is about to be read: those who come until then need no other. */
  let next: Promise<Read> | undefined;
  const read = async (): Promise<Read> => {
    await Promise.resolve();
    next = undefined;
    const moment = (readAt = moments.next());
    return { value: await table.generation(), moment };
  };
  return {
    async at(sufficient) {
      if (next) return await next;
      if (last && readAt >= sufficient) return await last;
      const reading = (next = last = read());
      reading.catch(() => {
        if (last === reading) last = undefined;
      });
      return await reading;
    },
  };
}
