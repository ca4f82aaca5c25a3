/** An ordered set of items by their unique key, in the order of JavaScript strings. */
export interface SortedIndex<T extends { readonly key: string }> {
  size(): number;
  /** The key must not be in the index. */
  add(item: T): void;
  /** A key that is not there is left alone. */
  remove(key: string): void;
  /** Visits items with `from` <= key < `to` in order until `visit` returns false. The index must not change meanwhile. */
  scan(from: string, to: string, visit: (item: T) => boolean): void;
  /** How many items have `from` <= key < `to`; does not look at each. */
  count(from: string, to: string): number;
}

/**
 * Two levels are enough for hundreds of thousands of keys: a list of blocks of at most `blockSize` sorted items. An
 * insert moves a few hundred pointers at most, a scan is a walk over arrays.
 */
const blockSize = 512;

export function createSortedIndex<T extends { readonly key: string }>(): SortedIndex<T> {
  const blocks: T[][] = [];
  let size = 0;

  /** The last block that starts at or before `key`; the first block when all start after it. */
  const blockOf = (key: string): number => {
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (blocks[middle]![0]!.key <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  const scan = (from: string, to: string, visit: (item: T) => boolean): void => {
    if (blocks.length === 0) return;
    let b = blockOf(from);
    let i = lowerBound(blocks[b]!, from);
    for (; b < blocks.length; b++, i = 0) {
      const block = blocks[b]!;
      // One comparison a block spares one an item.
      const whole = block[block.length - 1]!.key < to;
      for (; i < block.length; i++) {
        const item = block[i]!;
        if ((!whole && item.key >= to) || !visit(item)) return;
      }
    }
  };

  return {
    size: () => size,
    add(item) {
      size++;
      if (blocks.length === 0) {
        blocks.push([item]);
        return;
      }
      const b = blockOf(item.key);
      const block = blocks[b]!;
      const last = block[block.length - 1]!;
      if (last.key < item.key) block.push(item);
      else block.splice(lowerBound(block, item.key), 0, item);
      if (block.length <= blockSize) return;
      // Keys that arrive in order fill their blocks; others leave both halves room.
      const keep = b === blocks.length - 1 && block[block.length - 1] === item ? blockSize : blockSize >>> 1;
      blocks.splice(b + 1, 0, block.splice(keep));
    },
    remove(key) {
      if (blocks.length === 0) return;
      const b = blockOf(key);
      const block = blocks[b]!;
      const i = lowerBound(block, key);
      if (block[i]?.key !== key) return;
      size--;
      block.splice(i, 1);
      if (block.length === 0) {
        blocks.splice(b, 1);
        return;
      }
      const next = blocks[b + 1];
      if (next && block.length < blockSize >>> 2 && block.length + next.length <= blockSize >>> 1) {
        for (const moved of next) block.push(moved);
        blocks.splice(b + 1, 1);
      }
    },
    scan,
    count(from, to) {
      if (blocks.length === 0 || from >= to) return 0;
      const start = blockOf(from);
      const end = blockOf(to);
      let total = lowerBound(blocks[end]!, to) - lowerBound(blocks[start]!, from);
      for (let b = start; b < end; b++) total += blocks[b]!.length;
      return total;
    },
  };
}

/** The index of the first item whose key is not below `key`. */
function lowerBound(block: readonly { readonly key: string }[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (block[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
