const escapes: Readonly<Record<string, string>> = { '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' };

/** Go's %q of a string: the form of downward API label and annotation files and of many kubelet messages. */
export function goQuote(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are the characters that Go escapes
  const body = text.replace(/[\u0000-\u001f\u007f\\"]/g, (c) => escapes[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${body}"`;
}
