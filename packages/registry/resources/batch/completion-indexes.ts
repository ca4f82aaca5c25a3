/** Lists of indexes as job statuses have them: `1,3-5,7`. */
import { quoteGo } from '@nodeless/apimachinery/quote-go';

type Interval = readonly [first: number, last: number];

export class IndexesError extends Error {}

/** How many indexes are in the list. @throws IndexesError */
export function countIndexes(text: string, completions: number): number {
  if (text === '') return 0;
  let total = 0;
  let previous: number | undefined;
  for (const part of text.split(',')) {
    const [first, last] = parseInterval(part, completions);
    if (previous !== undefined && previous >= first)
      throw new IndexesError(`non-increasing order, previous: ${previous}, current: ${first}`);
    total += last - first + 1;
    previous = last;
  }
  return total;
}

function parseInterval(text: string, completions: number): Interval {
  const limits = text.split('-');
  if (limits.length > 2) {
    throw new IndexesError(
      `the fragment ${quoteGo(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    );
  }
  const first = parseIndex(limits[0]!, completions);
  if (limits.length === 1) return [first, first];
  const last = parseIndex(limits[1]!, completions);
  if (first >= last) throw new IndexesError(`non-increasing order, previous: ${first}, current: ${last}`);
  return [first, last];
}

function parseIndex(text: string, completions: number): number {
  if (!/^[+-]?\d+$/.test(text)) throw new IndexesError(`cannot convert string to integer for index: ${quoteGo(text)}`);
  const index = Number(text);
  if (index >= completions) throw new IndexesError(`too large index: ${quoteGo(text)}`);
  return index;
}

/** The first index that is in both lists. Parts that are no intervals are passed over. */
export function firstSharedIndex(a: string, b: string, completions: number): number | undefined {
  if (a === '' || b === '') return undefined;
  const [left, right] = [readableIntervals(a, completions), readableIntervals(b, completions)];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    const [start, end] = left[i]!;
    const [otherStart, otherEnd] = right[j]!;
    if (start <= otherEnd && otherStart <= end) return Math.max(start, otherStart);
    if (start <= otherStart) i++;
    else j++;
  }
  return undefined;
}

function readableIntervals(text: string, completions: number): Interval[] {
  return text.split(',').flatMap((part) => {
    try {
      return [parseInterval(part, completions)];
    } catch (error) {
      if (error instanceof IndexesError) return [];
      throw error;
    }
  });
}
