/**
 * Writes protobuf from the end to the beginning, so that the length in front of a message is known when its
 * turn comes and nothing is copied or measured twice. Callers write fields in descending order.
 */
export interface ProtoWriter {
  /** Field with a string; written also when empty. */
  string(number: number, value: string): void;
  bytes(number: number, value: Uint8Array): void;
  /** Field with an integer or (0, 1) a boolean. Negative numbers take ten bytes, as int32 and int64 do. */
  varint(number: number, value: number | bigint): void;
  double(number: number, value: number): void;
  /** Field with a message whose fields `write` writes. */
  message(number: number, write: () => void): void;
  /** Bytes without a tag, such as a magic prefix. */
  raw(value: Uint8Array): void;
  finish(): Uint8Array<ArrayBuffer>;
}

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;

export function createProtoWriter(initialSize = 1024): ProtoWriter {
  let buffer = Buffer.allocUnsafeSlow(initialSize);
  let start = buffer.length;

  function reserve(size: number): void {
    if (start >= size) return;
    const used = buffer.length - start;
    const bigger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + size));
    buffer.copy(bigger, bigger.length - used, start);
    start = bigger.length - used;
    buffer = bigger;
  }

  /** Unsigned, below 2^53. */
  function unsigned(value: number): void {
    let size = 1;
    for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
    reserve(size);
    start -= size;
    let at = start;
    let rest = value;
    while (rest > 127) {
      buffer[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    buffer[at] = rest;
  }

  function unsignedBig(value: bigint): void {
    const digits: number[] = [];
    let rest = value;
    while (rest > 127n) {
      digits.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    digits.push(Number(rest));
    raw(Uint8Array.from(digits));
  }

  function tag(number: number, wire: number): void {
    unsigned(number * 8 + wire);
  }

  function raw(value: Uint8Array): void {
    reserve(value.length);
    start -= value.length;
    buffer.set(value, start);
  }

  return {
    raw,
    string(number, value) {
      const size = Buffer.byteLength(value);
      reserve(size);
      start -= size;
      buffer.write(value, start, size, 'utf8');
      unsigned(size);
      tag(number, WIRE_BYTES);
    },
    bytes(number, value) {
      raw(value);
      unsigned(value.length);
      tag(number, WIRE_BYTES);
    },
    varint(number, value) {
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) unsigned(value);
      else unsignedBig(BigInt.asUintN(64, BigInt(value)));
      tag(number, WIRE_VARINT);
    },
    double(number, value) {
      reserve(8);
      start -= 8;
      buffer.writeDoubleLE(value, start);
      tag(number, WIRE_FIXED64);
    },
    message(number, write) {
      const end = buffer.length - start;
      write();
      unsigned(buffer.length - start - end);
      tag(number, WIRE_BYTES);
    },
    finish() {
      return new Uint8Array(buffer.buffer, buffer.byteOffset + start, buffer.length - start);
    },
  };
}
