/** Reads protobuf's wire format with the checks and error texts of Kubernetes' generated decoders. */

/** The bytes are no message of the type. The text is Go's: `unexpected EOF`, `proto: integer overflow`. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtobufError';
  }
}

/** A place in a message; `end` is where the message ends. */
export interface Cursor {
  readonly buffer: Buffer;
  at: number;
  end: number;
}

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;

const unexpectedEnd = (): ProtobufError => new ProtobufError('unexpected EOF');
const negativeLength = (): ProtobufError => new ProtobufError('proto: negative length found during unmarshaling');

export function createCursor(data: Uint8Array): Cursor {
  return { buffer: Buffer.from(data.buffer, data.byteOffset, data.byteLength), at: 0, end: data.byteLength };
}

/** The lower 64 bits, unsigned; a number where they are below 2^53. */
export function readVarint(cursor: Cursor): number | bigint {
  const { buffer, end } = cursor;
  const first = buffer[cursor.at] as number;
  if (first < 128 && cursor.at < end) {
    cursor.at++;
    return first;
  }
  let value = 0;
  let factor = 1;
  for (let i = 0; i < 7; i++) {
    if (cursor.at >= end) throw unexpectedEnd();
    const byte = buffer[cursor.at++] as number;
    value += (byte & 127) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
  let big = BigInt(value);
  for (let shift = 49n; ; shift += 7n) {
    if (shift >= 64n) throw new ProtobufError('proto: integer overflow');
    if (cursor.at >= end) throw unexpectedEnd();
    const byte = buffer[cursor.at++] as number;
    big |= BigInt(byte & 127) << shift;
    if (byte < 128) break;
  }
  big = BigInt.asUintN(64, big);
  return big <= Number.MAX_SAFE_INTEGER ? Number(big) : big;
}

export function readInt32(cursor: Cursor): number {
  const value = readVarint(cursor);
  return typeof value === 'number' && value <= 0x7fffffff ? value : Number(BigInt.asIntN(32, BigInt(value)));
}

export function readInt64(cursor: Cursor): number | bigint {
  const value = readVarint(cursor);
  if (typeof value === 'number') return value;
  const signed = BigInt.asIntN(64, value);
  return signed >= Number.MIN_SAFE_INTEGER && signed <= Number.MAX_SAFE_INTEGER ? Number(signed) : signed;
}

export function readBool(cursor: Cursor): boolean {
  const value = readVarint(cursor);
  return value !== 0 && value !== 0n;
}

export function readDouble(cursor: Cursor): number {
  const at = cursor.at;
  if (at + 8 > cursor.end) throw unexpectedEnd();
  cursor.at = at + 8;
  return cursor.buffer.readDoubleLE(at);
}

/** Reads a length and moves behind what it measures. @returns where that begins; it ends at `cursor.at`. */
export function skipLengthDelimited(cursor: Cursor): number {
  const length = readVarint(cursor);
  if (typeof length === 'bigint' && length >= 1n << 63n) throw negativeLength();
  const start = cursor.at;
  const end = start + Number(length);
  if (end > cursor.end) throw unexpectedEnd();
  cursor.at = end;
  return start;
}

export function readString(cursor: Cursor): string {
  const start = skipLengthDelimited(cursor);
  const { buffer, at: end } = cursor;
  if (end - start > SHORT) return buffer.toString('utf8', start, end);
  // Most strings are short and ASCII: a call into the engine costs more than the loop.
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = buffer[i] as number;
    if (byte > 127) return buffer.toString('utf8', start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}
const SHORT = 12;

export function readBytes(cursor: Cursor): Buffer {
  const start = skipLengthDelimited(cursor);
  return cursor.buffer.subarray(start, cursor.at);
}

/** The tag before a field of message `message`: eight times its number, plus the wire type. */
export function readTag(cursor: Cursor, message: string): number {
  const tag = readVarint(cursor);
  const number = typeof tag === 'number' ? Math.floor(tag / 8) | 0 : Number(BigInt.asIntN(32, tag >> 3n));
  const wire = typeof tag === 'number' ? tag % 8 : Number(tag & 7n);
  if (wire === 4) throw new ProtobufError(`proto: ${message}: wiretype end group for non-group`);
  if (number <= 0) throw new ProtobufError(`proto: ${message}: illegal tag ${number} (wire type ${tag})`);
  // Larger numbers are nobody's field; as this one they stay within 32 bits.
  return Math.min(number, UNUSED_NUMBER) * 8 + wire;
}

const UNUSED_NUMBER = 0xfffffff;

/** Skips a field that is not known, whose tag has been read. */
export function skipField(cursor: Cursor, wire: number): void {
  let depth = 0;
  let type = wire;
  for (;;) {
    if (type === VARINT) skipVarint(cursor);
    else if (type === FIXED64) cursor.at += 8;
    else if (type === BYTES) skipLengthDelimited(cursor);
    else if (type === 3) depth++;
    else if (type === 4) {
      if (depth === 0) throw new ProtobufError('proto: unexpected end of group');
      depth--;
    } else if (type === 5) cursor.at += 4;
    else throw new ProtobufError(`proto: illegal wireType ${type}`);
    if (cursor.at > cursor.end) throw unexpectedEnd();
    if (depth === 0) return;
    const tag = readVarint(cursor);
    type = typeof tag === 'number' ? tag % 8 : Number(tag & 7n);
  }
}

function skipVarint(cursor: Cursor): void {
  for (let i = 0; i < 10; i++) {
    if (cursor.at >= cursor.end) throw unexpectedEnd();
    if ((cursor.buffer[cursor.at++] as number) < 128) return;
  }
  throw new ProtobufError('proto: integer overflow');
}
