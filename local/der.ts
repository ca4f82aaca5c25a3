/** As much of ASN.1's DER (ITU-T X.690) as certificates need. */

/** One element. */
export function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const digits = Buffer.from(evenHex(length), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length, ...digits), content]);
}

const evenHex = (value: number): string =>
  value.toString(16).padStart(Math.ceil(value.toString(16).length / 2) * 2, '0');

export const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
export const octets = (...parts: Uint8Array[]): Buffer => der(0x04, ...parts);
export const integer = (value: number): Buffer => der(0x02, Buffer.of(value));
export const truth = Buffer.from('0101ff', 'hex');
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));

/** [n], around what it holds or in place of its tag. */
export const tagged = (n: number, ...parts: Uint8Array[]): Buffer => der(0xa0 | n, ...parts);
export const implicit = (n: number, ...parts: Uint8Array[]): Buffer => der(0x80 | n, ...parts);

/** A bit string of whole bytes, or one that lacks the last `unused` bits. */
export const bits = (content: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.of(unused), content);

/** `2.5.29.15`; no arc of it is above 2^28. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (arc: number): number[] =>
    arc < 0x80 ? [arc] : [...base128(arc >>> 7).map((byte) => byte | 0x80), arc & 0x7f];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime up to 2049, as RFC 5280 wants it, then GeneralizedTime. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

/** The elements that stand one after the other in `bytes`, whole. */
export function elements(
  bytes: Uint8Array,
): { readonly tag: number; readonly whole: Buffer; readonly content: Buffer }[] {
  const found = [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length;) {
    const tag = buffer.readUInt8(at);
    const short = buffer.readUInt8(at + 1);
    const digits = short < 0x80 ? 0 : short & 0x7f;
    const start = at + 2 + digits;
    const end = start + (digits === 0 ? short : buffer.readUIntBE(at + 2, digits));
    if (end > buffer.length) throw new Error('a certificate is cut off');
    found.push({ tag, whole: buffer.subarray(at, end), content: buffer.subarray(start, end) });
    at = end;
  }
  return found;
}
