/** Bytes in the pieces in which they came, joined once what is waited for is there: a large frame is copied once. */
export interface ByteQueue {
  readonly length: number;
  push(chunk: Uint8Array): void;
  /** At least the first `count` bytes in one piece, or undefined while there are fewer. */
  first(count: number): Buffer | undefined;
  drop(count: number): void;
}

export function createByteQueue(): ByteQueue {
  let chunks: Buffer[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(chunk) {
      if (chunk.byteLength === 0) return;
      chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      length += chunk.byteLength;
    },
    first(count) {
      if (length < count) return undefined;
      if (chunks.length > 1 && (chunks[0] as Buffer).length < count) chunks = [Buffer.concat(chunks, length)];
      return chunks[0] ?? empty;
    },
    drop(count) {
      length -= count;
      const [head] = chunks;
      if (head && head.length > count) chunks[0] = head.subarray(count);
      else chunks.shift();
    },
  };
}

const empty = Buffer.alloc(0);
