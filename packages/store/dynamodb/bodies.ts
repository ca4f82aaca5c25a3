import type { Logger } from '@nodeless/component-base/logger';
import { expiry } from './draft.ts';
import type { PendingChunks, Table } from './table.ts';

/**
 * Keeps large bodies from leaking. Before its chunks are written, a body is noted; the commit that refers to it takes
 * the note away, and the one that replaces it makes another. So whatever a writer leaves behind when it dies is found by
 * its note. Chunks cannot begin with a time to live instead: to take it off again would write each of them twice.
 */
export interface Bodies {
  note(chunks: PendingChunks): Promise<void>;
  /** Lets chunks of a note go, once the history does not refer to them any more. In the background. */
  release(chunks: PendingChunks): void;
  /** Does so for notes of writers that are long dead. */
  sweep(): Promise<void>;
}

export interface BodiesOptions {
  readonly table: Pick<Table, 'notePending' | 'pendingChunks' | 'claimPending' | 'expireChunks' | 'dropPending'>;
  readonly now: () => number;
  readonly historyMs: number;
  readonly logger: Logger;
}

/** Whoever wrote a note this long ago will not come to its commit: its requests would no longer be accepted. */
const abandonedMs = 3_600_000;
const sweepEveryMs = 600_000;

export function createBodies({ table, now, historyMs, logger }: BodiesOptions): Bodies {
  let sweptAt = -Infinity;

  const letGo = async (chunks: PendingChunks): Promise<void> => {
    // Not if a commit has taken it: whoever is uncertain of his commit may ask for it, too.
    if (!(await table.claimPending(chunks))) return;
    await table.expireChunks(chunks.type, chunks, expiry(now(), historyMs));
    await table.dropPending(chunks);
  };
  const sweep = async (): Promise<void> => {
    sweptAt = now();
    const before = now() - abandonedMs;
    for (;;) {
      const notes = await table.pendingChunks(before);
      for (const chunks of notes) await letGo(chunks);
      if (notes.length === 0) return;
    }
  };
  const inBackground = (work: Promise<void>): void => {
    work.catch((error: unknown) => logger.warn('large bodies that are no longer used stay for now', { error }));
  };

  return {
    async note(chunks) {
      if (now() - sweptAt > sweepEveryMs) inBackground(sweep());
      await table.notePending(chunks);
    },
    release: (chunks) => inBackground(letGo(chunks)),
    sweep,
  };
}
