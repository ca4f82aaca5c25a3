import { getOwn, isObject } from '../decode/copy-json.ts';
import { goKind, goType, goValue } from '../decode/go-format.ts';
import { ApiError } from '../status.ts';

/** The order of merged lists: that of the patch for its items, that of the server for the others, interleaved. */

/** Of what kind all items of two lists are. @throws ApiError where they differ, or are lists */
export function typeOfItems(a: readonly unknown[], b: readonly unknown[]): string {
  let type: string | undefined;
  for (const item of [...a, ...b]) {
    const found = goType(item);
    if (type === undefined) {
      if (Array.isArray(item)) throw unprocessable();
      type = found;
    } else if (found !== type) throw failure(`list element types are not identical: ${goValue([a, b])}`);
  }
  if (type === undefined) throw failure('no elements in any of the given slices');
  return goKind(a.length > 0 ? a[0] : b[0]);
}

/** Items that are in the other list and items that are not; by the merge key where there is one. */
export function partition(items: readonly unknown[], by: readonly unknown[], mergeKey: string): [unknown[], unknown[]] {
  const found: unknown[] = [];
  const others: unknown[] = [];
  for (const item of items) {
    const isIn = by.some((other) =>
      mergeKey === ''
        ? isSameScalar(item, other)
        : isSameScalar(keyOf(item, mergeKey), isObject(other) ? getOwn(other, mergeKey) : undefined),
    );
    (isIn ? found : others).push(item);
  }
  return [found, others];
}

/** `mergeKey` undefined = the items are scalars. */
export function normalizeOrder(
  patched: readonly unknown[],
  others: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  return interleave(
    sortBy(others, serverOrder, mergeKey),
    sortBy(patched, patchOrder, mergeKey),
    serverOrder,
    mergeKey,
  );
}

function sortBy(items: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): unknown[] {
  if (mergeKey === undefined) return sorted(items, order, undefined);
  for (const item of [...items, ...order]) keyOf(item, mergeKey);
  const isDeleted = (item: unknown): boolean => (item as Record<string, unknown>)['$patch'] === 'delete';
  return [
    ...sorted(
      items.filter((item) => !isDeleted(item)),
      order,
      mergeKey,
    ),
    ...items.filter(isDeleted),
  ];
}

/**
 * By their place in the order. Items that it does not know come out as upstream's insertion sort leaves them: there,
 * each is less than every other.
 */
function sorted(items: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): unknown[] {
  const ranked = items.map((item) => ({ item, rank: indexIn(order, item, mergeKey) }));
  if (ranked.every(({ rank }) => rank >= 0)) ranked.sort((a, b) => a.rank - b.rank);
  else {
    for (let i = 1; i < ranked.length; i++) {
      for (let j = i; j > 0 && isLess(ranked[j]?.rank, ranked[j - 1]?.rank); j--)
        [ranked[j - 1], ranked[j]] = [ranked[j]!, ranked[j - 1]!];
    }
  }
  return ranked.map(({ item }) => item);
}

function isLess(a = -1, b = -1): boolean {
  return a < 0 || b < 0 || a < b;
}

/** Each item of the server stands before the first of the patch that follows it in the live list. */
function interleave(
  left: readonly unknown[],
  right: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const out: unknown[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    const leftAt = indexIn(order, left[l], mergeKey);
    const rightAt = indexIn(order, right[r], mergeKey);
    out.push(leftAt >= 0 && rightAt >= 0 && leftAt < rightAt ? left[l++] : right[r++]);
  }
  return [...out, ...left.slice(l), ...right.slice(r)];
}

function indexIn(list: readonly unknown[], item: unknown, mergeKey: string | undefined): number {
  const value = (of: unknown): unknown =>
    mergeKey === undefined ? of : isObject(of) ? getOwn(of, mergeKey) : undefined;
  const wanted = value(item);
  return list.findIndex((other) => isSameScalar(value(other), wanted));
}

/** Go's == of two interfaces: numbers by type and value, absent as null. */
export function isSameScalar(a: unknown, b: unknown): boolean {
  return (a ?? null) === (b ?? null);
}

function keyOf(item: unknown, mergeKey: string): unknown {
  if (!isObject(item))
    throw failure(`expected a map[string]interface {}, but received a ${item === null ? '%!s(<nil>)' : goType(item)}`);
  if (!Object.hasOwn(item, mergeKey))
    throw failure(`map: ${goValue(item)} does not contain declared merge key: ${mergeKey}`);
  return item[mergeKey];
}

function unprocessable(): ApiError {
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  });
}

function failure(message: string): ApiError {
  return new ApiError({ code: 500, message });
}
