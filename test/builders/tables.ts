/** kubectl's tables, read back: one record a row, by the names in the head. Several tables in one output are one list. */
export function rows(text: string): Record<string, string>[] {
  return text.split(/\n\s*\n/).flatMap((table) => {
    const [head = '', ...lines] = table.split('\n').filter((line) => line !== '');
    const columns = [...head.matchAll(/\S+(?: \S+)*/g)].map((match) => ({ name: match[0], at: match.index }));
    return lines.map((line) =>
      Object.fromEntries(columns.map(({ name, at }, i) => [name, line.slice(at, columns[i + 1]?.at).trim()])),
    );
  });
}

/** The names of the columns, of the first table. */
export function head(text: string): string[] {
  return (text.split('\n')[0] ?? '')
    .split(/\s{2,}/)
    .map((name) => name.trim())
    .filter(Boolean);
}
