/**
 * What changed, as the API server says it where a spec may not change: a unified diff of the two values' indented
 * JSON, made as Python's difflib makes it (Go's port of it is what upstream calls), three lines of context.
 */
import { indentedJson, internalValue } from './internal-value.ts';

export function internalDiff(type: string, before: unknown, after: unknown): string {
  return unifiedDiff(`${indentedJson(internalValue(type, before))}\n`, `${indentedJson(internalValue(type, after))}\n`);
}

interface Match {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}
interface Change {
  readonly equal: boolean;
  readonly a1: number;
  readonly a2: number;
  readonly b1: number;
  readonly b2: number;
}

const context = 3;

export function unifiedDiff(before: string, after: string): string {
  const a = splitLines(before);
  const b = splitLines(after);
  let text = '';
  for (const group of groupsOf(changesOf(a, b))) {
    const first = group[0]!;
    const last = group[group.length - 1]!;
    text += `@@ -${range(first.a1, last.a2)} +${range(first.b1, last.b2)} @@\n`;
    for (const change of group) {
      if (change.equal) text += lines(' ', a, change.a1, change.a2);
      else text += lines('-', a, change.a1, change.a2) + lines('+', b, change.b1, change.b2);
    }
  }
  return text;
}

/** Every line with its end; Go's splitter gives the last one another. */
function splitLines(text: string): string[] {
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => `${line}\n`);
}

function lines(mark: string, all: readonly string[], from: number, to: number): string {
  return all
    .slice(from, to)
    .map((line) => mark + line)
    .join('');
}

function range(start: number, stop: number): string {
  const length = stop - start;
  if (length === 1) return `${start + 1}`;
  return `${length === 0 ? start : start + 1},${length}`;
}

function changesOf(a: readonly string[], b: readonly string[]): Change[] {
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  for (const match of [...matchesOf(a, b), { a: a.length, b: b.length, size: 0 }]) {
    if (i < match.a || j < match.b) changes.push({ equal: false, a1: i, a2: match.a, b1: j, b2: match.b });
    if (match.size > 0)
      changes.push({ equal: true, a1: match.a, a2: match.a + match.size, b1: match.b, b2: match.b + match.size });
    i = match.a + match.size;
    j = match.b + match.size;
  }
  return changes;
}

/** Matching blocks in order, neighbours joined. */
function matchesOf(a: readonly string[], b: readonly string[]): Match[] {
  const places = placesOf(b);
  const found: Match[] = [];
  const pending: [number, number, number, number][] = [[0, a.length, 0, b.length]];
  while (pending.length > 0) {
    const [aLow, aHigh, bLow, bHigh] = pending.pop()!;
    const match = longestMatch(a, b, places, aLow, aHigh, bLow, bHigh);
    if (match.size === 0) continue;
    found.push(match);
    if (aLow < match.a && bLow < match.b) pending.push([aLow, match.a, bLow, match.b]);
    if (match.a + match.size < aHigh && match.b + match.size < bHigh)
      pending.push([match.a + match.size, aHigh, match.b + match.size, bHigh]);
  }
  found.sort((x, y) => x.a - y.a || x.b - y.b);
  const joined: Match[] = [];
  for (const match of found) {
    const last = joined[joined.length - 1];
    if (last && last.a + last.size === match.a && last.b + last.size === match.b)
      joined[joined.length - 1] = { ...last, size: last.size + match.size };
    else joined.push(match);
  }
  return joined;
}

/** Where each line stands in b. In long texts, lines that occur too often begin no match (difflib's autojunk). */
function placesOf(b: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  b.forEach((line, i) => {
    const known = places.get(line);
    if (known) known.push(i);
    else places.set(line, [i]);
  });
  if (b.length >= 200) {
    const limit = Math.floor(b.length / 100) + 1;
    for (const [line, at] of places) if (at.length > limit) places.delete(line);
  }
  return places;
}

function longestMatch(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
): Match {
  let best: { a: number; b: number; size: number } = { a: aLow, b: bLow, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = aLow; i < aHigh; i++) {
    const next = new Map<number, number>();
    for (const j of places.get(a[i]!) ?? []) {
      if (j < bLow) continue;
      if (j >= bHigh) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size };
    }
    lengths = next;
  }
  let { a: i, b: j, size } = best;
  while (i > aLow && j > bLow && a[i - 1] === b[j - 1]) {
    i--;
    j--;
    size++;
  }
  while (i + size < aHigh && j + size < bHigh && a[i + size] === b[j + size]) size++;
  return { a: i, b: j, size };
}

/** Changes with up to three equal lines around them. */
function groupsOf(changes: readonly Change[]): Change[][] {
  if (changes.length === 0) return [];
  const trimmed = [...changes];
  const first = trimmed[0]!;
  if (first.equal)
    trimmed[0] = { ...first, a1: Math.max(first.a1, first.a2 - context), b1: Math.max(first.b1, first.b2 - context) };
  const last = trimmed[trimmed.length - 1]!;
  if (last.equal)
    trimmed[trimmed.length - 1] = {
      ...last,
      a2: Math.min(last.a2, last.a1 + context),
      b2: Math.min(last.b2, last.b1 + context),
    };
  const groups: Change[][] = [];
  let group: Change[] = [];
  for (const change of trimmed) {
    if (change.equal && change.a2 - change.a1 > 2 * context) {
      group.push({
        ...change,
        a2: Math.min(change.a2, change.a1 + context),
        b2: Math.min(change.b2, change.b1 + context),
      });
      groups.push(group);
      group = [];
      group.push({
        ...change,
        a1: Math.max(change.a1, change.a2 - context),
        b1: Math.max(change.b1, change.b2 - context),
      });
      continue;
    }
    group.push(change);
  }
  if (group.length > 0 && !(group.length === 1 && group[0]!.equal)) groups.push(group);
  return groups;
}
