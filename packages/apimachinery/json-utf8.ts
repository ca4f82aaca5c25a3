/**
 * Bytes that are not all UTF-8, as Go's decoder reads them: each byte that starts no valid sequence becomes one
 * U+FFFD. (The web's decoder replaces a cut-off sequence by one.)
 */
export function decodeUtf8AsGo(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i] as number;
    const size = sequenceLength(bytes, i);
    if (size === 0) {
      text += '\ufffd';
      i++;
      continue;
    }
    let code = size === 1 ? first : first & (0x7f >> size);
    for (let k = 1; k < size; k++) code = (code << 6) | ((bytes[i + k] as number) & 0x3f);
    text += String.fromCodePoint(code);
    i += size;
  }
  return text;
}

/** 0 where no valid sequence starts (table 3-7 of the Unicode standard). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const size =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let k = 2; k < size; k++) {
    if (((bytes[at + k] as number) & 0xc0) !== 0x80) return 0;
  }
  return size;
}
