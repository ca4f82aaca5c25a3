import { prefixEnd, rangeScope } from '../keys.ts';
import type { Entry, KeyRange, ListOptions, Page, Revision } from '../store.ts';
import type { TypeState } from './type-state.ts';

/** A page of the current state. */
export function currentPage(
  state: TypeState | undefined,
  range: KeyRange,
  options: ListOptions,
  revision: Revision,
): Page {
  const end = rangeScope(range.prefix) === 'key' ? `${range.prefix}\0` : prefixEnd(range.prefix);
  const index = range.trigger === undefined ? state?.order : state?.triggers.get(range.trigger);
  if (!index) return { entries: [], revision, more: false, remaining: 0 };
  const from = start(range.prefix, options.after);
  const page = createPage(options);
  if (from < end) index.scan(from, end, (slot) => page.take(slot.entry));
  return page.finish(revision, (last) => index.count(`${last}\0`, end));
}

/** A page of a sorted list of entries. */
export function pageOf(entries: readonly Entry[], range: KeyRange, options: ListOptions, revision: Revision): Page {
  const from = start(range.prefix, options.after);
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.key < from) low = middle + 1;
    else high = middle;
  }
  const page = createPage(options);
  while (low < entries.length && page.take(entries[low]!)) low++;
  return page.finish(revision, () => entries.length - low);
}

/** The first key that may be in the page: `\0` makes the smallest string above a key. */
function start(prefix: string, after: string | undefined): string {
  return after !== undefined && after >= prefix ? `${after}\0` : prefix;
}

interface PageBuilder {
  /** False: the page is full, and this entry is the first of the next one. */
  take(entry: Entry): boolean;
  finish(revision: Revision, countAfter: (lastKey: string) => number): Page;
}

function createPage(options: ListOptions): PageBuilder {
  const { filter } = options;
  const limit = options.limit || Number.POSITIVE_INFINITY;
  const entries: Entry[] = [];
  let more = false;
  return {
    take(entry) {
      if (filter && !filter(entry)) return true;
      if (entries.length >= limit) {
        more = true;
        return false;
      }
      entries.push(entry);
      return true;
    },
    finish(revision, countAfter) {
      const last = entries[entries.length - 1];
      const remaining = !more || !last ? 0 : filter ? undefined : countAfter(last.key);
      return { entries, revision, more, remaining };
    },
  };
}
