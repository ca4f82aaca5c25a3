/** Base64 as Go's encoding/base64 reads it: line breaks ignored, padding required, the bad byte named. */

const canonical = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

/** The text as Go would write it back. Throws Go's CorruptInputError. */
export function canonicalBase64(text: string): string {
  if (canonical.test(text)) return text;
  const bad = corruptByte(Buffer.from(text));
  if (bad !== undefined) throw new Error(`illegal base64 data at input byte ${bad}`);
  return Buffer.from(text, 'base64').toString('base64');
}

/** Go also reads a list of numbers into []byte. Undefined = not a list of bytes. */
export function encodeByteList(list: readonly unknown[]): string | undefined {
  const isByte = (n: unknown): boolean => n === null || (typeof n === 'number' && (n & 255) === n);
  return list.every(isByte) ? Buffer.from(list as number[]).toString('base64') : undefined;
}

const PADDING = 0x3d;
const isNewline = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;
const isDigit = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2b ||
  byte === 0x2f;

/** Offset that Go reports; undefined when the data are good. */
function corruptByte(bytes: Uint8Array): number | undefined {
  let at = 0;
  const skipNewlines = (): void => {
    while (isNewline(bytes[at])) at++;
  };
  for (;;) {
    // one group of four digits
    let digits = 0;
    while (digits < 4) {
      if (at === bytes.length) return digits === 0 ? undefined : at - digits;
      const byte = bytes[at++] as number;
      if (isDigit(byte)) digits++;
      else if (!isNewline(byte)) {
        if (byte !== PADDING || digits < 2) return at - 1;
        if (digits === 2) {
          skipNewlines();
          if (at === bytes.length) return at;
          if (bytes[at] !== PADDING) return at - 1;
          at++;
        }
        skipNewlines();
        return at < bytes.length ? at : undefined;
      }
    }
  }
}
