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
const keptBytes = 16 * 1024 * 1024;

export function createRecent(now: () => number): Recent {
  const known = new Map<string, Known>();
  let bytes = 0;
  const forget = (key: string): void => {
    bytes -= known.get(key)?.entry?.value.bytes.byteLength ?? 0;
    known.delete(key);
  };
  return {
    clear() {
      known.clear();
      bytes = 0;
    },
    get: (key) => known.get(key),
    at(key, revision) {
      const last = known.get(key);
      return last?.revision === revision ? last.entry : undefined;
    },
    note(key, revision, seen, moment) {
      const last = known.get(key);
      if (last && last.revision > revision && revision > 0) return;
      const entry = revision > 0 && last?.revision === revision ? last.entry : seen;
      forget(key);
      known.set(key, { revision, entry, moment, time: now() });
      bytes += entry?.value.bytes.byteLength ?? 0;
      while (known.size > kept || (bytes > keptBytes && known.size > 1)) forget(known.keys().next().value!);
    },
  };
}
