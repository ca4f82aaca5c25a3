/**
 * Copies small byte strings into shared memory blocks: thousands of bodies read from the disk would otherwise have an
 * allocation of their own each. A block is freed with the last body in it, so it is kept small.
 */
export function createSlab(blockBytes = 64 * 1024): { copy(bytes: Uint8Array): Buffer } {
  let block = Buffer.alloc(0);
  let used = 0;
  return {
    copy(bytes) {
      const length = bytes.byteLength;
      if (length > blockBytes >>> 2) return Buffer.from(bytes);
      if (used + length > block.length) {
        block = Buffer.allocUnsafeSlow(blockBytes);
        used = 0;
      }
      const copy = block.subarray(used, used + length);
      copy.set(bytes);
      used += length;
      return copy;
    },
  };
}
