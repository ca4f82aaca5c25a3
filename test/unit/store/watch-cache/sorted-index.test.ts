import { createSortedIndex } from '@nodeless/store/watch-cache/sorted-index';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Item {
  readonly key: string;
}

function scanned(
  index: { scan(from: string, to: string, visit: (item: Item) => boolean): void },
  from: string,
  to: string,
  limit = Number.POSITIVE_INFINITY,
): string[] {
  const keys: string[] = [];
  index.scan(from, to, ({ key }) => keys.push(key) < limit);
  return keys;
}

describe('sorted index', () => {
  it('is empty at first', () => {
    const index = createSortedIndex<Item>();
    expect([index.size(), index.count('', '~'), scanned(index, '', '~')]).toEqual([0, 0, []]);
    index.remove('a');
    expect(index.size()).toBe(0);
  });

  it.each([
    ['ascending', (a: string, b: string) => (a < b ? -1 : 1)],
    ['descending', (a: string, b: string) => (a < b ? 1 : -1)],
    ['shuffled', (a: string, b: string) => (reversed(a) < reversed(b) ? -1 : 1)],
  ])('orders many keys added %s, and removes them again', (_, order) => {
    const all = Array.from({ length: 5000 }, (_unused, i) => String(i).padStart(5, '0'));
    const index = createSortedIndex<Item>();
    for (const key of all.toSorted(order)) index.add({ key });
    expect(scanned(index, '', '~')).toEqual(all);
    expect(index.count('01000', '02000')).toBe(1000);
    expect(scanned(index, '01000', '~', 3)).toEqual(['01000', '01001', '01002']);
    const removed = all.filter((key) => Number(key) % 97 !== 0).toSorted(order);
    for (const key of removed) index.remove(key);
    const left = all.filter((key) => Number(key) % 97 === 0);
    expect([index.size(), scanned(index, '', '~')]).toEqual([left.length, left]);
    for (const key of removed) index.add({ key });
    expect(scanned(index, '', '~')).toEqual(all);
  });

  it('agrees with a sorted array', () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '\uffff'), maxLength: 6 });
    const change = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: key }) },
      { weight: 1, arbitrary: fc.record({ remove: key }) },
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300, size: 'max' }), key, key, (changes, from, to) => {
        const index = createSortedIndex<Item>();
        const model = new Set<string>();
        for (const one of changes) {
          if ('remove' in one) {
            index.remove(one.remove);
            model.delete(one.remove);
          } else if (!model.has(one.add)) {
            index.add({ key: one.add });
            model.add(one.add);
          }
        }
        const want = [...model].sort().filter((candidate) => candidate >= from && candidate < to);
        expect(index.size()).toBe(model.size);
        expect(scanned(index, from, to)).toEqual(want);
        expect(index.count(from, to)).toBe(want.length);
      }),
    );
  });
});

function reversed(text: string): string {
  return text.split('').reverse().join('');
}
