import type { Entry, Revision } from '../store.ts';

/** What this process last saw or wrote at a few keys: it spares decoding, and reading before an update. */
export interface Recent {
  get(key: string): Known | undefined;
  /** The entry, if it is the one of this revision. */
  at(key: string, revision: Revision): Entry | undefined;
  /**
   * What stood at a key at a moment (moments.ts) or later. Older news than what is known change nothing; without an entry
   * and with revision 0, the key was not there.
   */
  note(key: string, revision: Revision, entry: Entry | undefined, moment: number): void;
  clear(): void;
}

export interface Known {
  readonly revision: Revision;
  /** Undefined: it was deleted. */
  readonly entry: Entry | undefined;
  readonly moment: number;
  /** The same by the clock. */
  readonly time: number;
}

const kept = 512;

export function createRecent(now: () => number): Recent {
  const known = new Map<string, Known>();
  return {
    clear: () => known.clear(),
    get: (key) => known.get(key),
    at(key, revision) {
      const last = known.get(key);
      return last?.revision === revision ? last.entry : undefined;
    },
    note(key, revision, entry, moment) {
      const last = known.get(key);
      if (last && last.revision > revision && revision > 0) return;
      known.delete(key);
      const same = revision > 0 && last?.revision === revision;
      known.set(key, { revision, entry: same ? last.entry : entry, moment, time: now() });
      if (known.size > kept) known.delete(known.keys().next().value!);
    },
  };
}
