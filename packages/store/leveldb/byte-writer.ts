/**
 * Writes records one after the other into one buffer that is used again for each batch: views of it are valid until
 * the next reset(), also when it has grown meanwhile.
 */
export interface ByteWriter {
  reset(): void;
  position(): number;
  /** What was written since `start`. */
  since(start: number): Uint8Array;
  byte(value: number): void;
  /** A natural number below 2^53, in as few bytes as it needs. */
  varint(value: number): void;
  double(value: number): void;
  string(value: string): void;
  bytes(value: Uint8Array): void;
  /** Leaves room for a length, which `close` fills in with how much was written after it. */
  openLength(): number;
  close(opened: number): void;
  /** Goes back to an earlier position. */
  rewind(position: number): void;
}

const largestKept = 4 * 1024 * 1024;

export function createByteWriter(): ByteWriter {
  let buffer = Buffer.allocUnsafeSlow(64 * 1024);
  let position = 0;

  const reserve = (size: number): void => {
    if (position + size <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, position + size));
    buffer.copy(larger, 0, 0, position);
    buffer = larger;
  };
  const varint = (value: number): void => {
    reserve(8);
    while (value >= 0x80) {
      buffer[position++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    buffer[position++] = value;
  };

  return {
    reset() {
      position = 0;
      if (buffer.length > largestKept) buffer = Buffer.allocUnsafeSlow(64 * 1024);
    },
    position: () => position,
    since: (start) => buffer.subarray(start, position),
    byte(value) {
      reserve(1);
      buffer[position++] = value;
    },
    varint,
    double(value) {
      reserve(8);
      position = buffer.writeDoubleLE(value, position);
    },
    string(value) {
      reserve(value.length * 3 + 8);
      // Most strings are short and ASCII: one byte of length, and no call out of JavaScript.
      if (value.length < 64) {
        let i = 0;
        for (let code = 0; i < value.length; i++) {
          code = value.charCodeAt(i);
          if (code >= 0x80) break;
          buffer[position + 1 + i] = code;
        }
        if (i === value.length) {
          buffer[position] = i;
          position += i + 1;
          return;
        }
      }
      varint(Buffer.byteLength(value));
      position += buffer.write(value, position);
    },
    bytes(value) {
      reserve(value.byteLength);
      buffer.set(value, position);
      position += value.byteLength;
    },
    openLength() {
      reserve(4);
      position += 4;
      return position;
    },
    close(opened) {
      buffer.writeUInt32LE(position - opened, opened - 4);
    },
    rewind(to) {
      position = to;
    },
  };
}
