/** Reads what a ByteWriter wrote. Throws RangeError beyond the end. */
export interface ByteReader {
  /** Goes to the start of another record: one reader serves thousands of them. */
  over(source: Uint8Array): ByteReader;
  done(): boolean;
  byte(): number;
  varint(): number;
  double(): number;
  string(): string;
  /** A view, not a copy. */
  bytes(length: number): Buffer;
  /** A view of what `openLength` and `close` enclosed. */
  enclosed(): Buffer;
  rest(): Buffer;
}

export function createByteReader(first: Uint8Array = new Uint8Array()): ByteReader {
  let buffer: Buffer = Buffer.alloc(0);
  let position = 0;
  const take = (length: number): number => {
    const start = position;
    if (start + length > buffer.length)
      throw new RangeError(`the record ends at ${buffer.length}, wanted up to ${start + length}`);
    position = start + length;
    return start;
  };
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = buffer[take(1)]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    const start = take(length);
    return buffer.subarray(start, start + length);
  };
  const reader: ByteReader = {
    over(source) {
      buffer = Buffer.isBuffer(source) ? source : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
      position = 0;
      return reader;
    },
    done: () => position === buffer.length,
    byte: () => buffer[take(1)]!,
    varint,
    double: () => buffer.readDoubleLE(take(8)),
    string() {
      const length = varint();
      const start = take(length);
      return buffer.toString('utf8', start, start + length);
    },
    bytes,
    enclosed: () => bytes(buffer.readUInt32LE(take(4))),
    rest: () => bytes(buffer.length - position),
  };
  return reader.over(first);
}
