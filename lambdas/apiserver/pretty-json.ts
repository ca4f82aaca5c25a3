/** Indents JSON bytes as Go's json.Indent does, without reading values: escapes and long numbers stay what they are. */
export function indentJson(compact: Uint8Array): Uint8Array {
  const pieces: string[] = [];
  const text = Buffer.from(compact.buffer, compact.byteOffset, compact.byteLength).toString('latin1');
  let depth = 0;
  let start = 0;
  const newline = (): string => `\n${'  '.repeat(depth)}`;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      i = endOfString(text, i);
    } else if (c === 0x7b || c === 0x5b) {
      const close = text.charCodeAt(i + 1);
      if (close === 0x7d || close === 0x5d) {
        i++;
        continue;
      }
      depth++;
      pieces.push(text.slice(start, i + 1), newline());
      start = i + 1;
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
      pieces.push(text.slice(start, i), newline());
      start = i;
    } else if (c === 0x2c) {
      pieces.push(text.slice(start, i + 1), newline());
      start = i + 1;
    } else if (c === 0x3a) {
      pieces.push(text.slice(start, i + 1), ' ');
      start = i + 1;
    }
  }
  pieces.push(text.slice(start));
  return Buffer.from(pieces.join(''), 'latin1');
}

/** Position of the closing quote of the string that opens at `at`. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x22) return i;
  }
  return text.length;
}
