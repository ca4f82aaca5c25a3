/**
 * An nftables table as data, its text, and the text that turns one into another. Both are applied by `nft -f` in one
 * transaction: a packet sees the rules before or after, never between.
 */

export interface Ruleset {
  /** Declarations that never change within a kind of namespace: base chains, maps, sets. */
  readonly skeleton: string;
  /** Sets with a life of their own (who is bound to which target), by name: the body of the declaration. */
  readonly sets: ReadonlyMap<string, string>;
  /** Chains without a hook, by name: their rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Elements of the skeleton's sets and maps: by name, key to data ('' in a set). */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export const table = 'ip nodeless';

/** Replaces whatever the table held. */
export function fullText(rules: Ruleset): string {
  const lines = [`table ${table}`, `delete table ${table}`, `table ${table} {`, rules.skeleton];
  for (const [name, body] of rules.sets) lines.push(`set ${name} { ${body} }`);
  for (const name of rules.chains.keys()) lines.push(`chain ${name} {`, '}');
  lines.push('}');
  for (const [name, body] of rules.chains) lines.push(...body.map((rule) => `add rule ${table} ${name} ${rule}`));
  for (const [name, elements] of rules.elements) lines.push(...elementLines('add', name, elements));
  return `${lines.join('\n')}\n`;
}

export const removalText = `table ${table}\ndelete table ${table}\n`;

/** Only what differs; '' when nothing does. Both must have the same skeleton. */
export function deltaText(from: Ruleset, to: Ruleset): string {
  const lines: string[] = [];
  for (const [name, before] of from.elements)
    lines.push(...elementLines('delete', name, missingIn(before, to.elements.get(name))));
  for (const [name, body] of to.sets) if (!from.sets.has(name)) lines.push(`add set ${table} ${name} { ${body} }`);
  for (const name of to.chains.keys()) if (!from.chains.has(name)) lines.push(`add chain ${table} ${name}`);
  for (const [name, body] of to.chains) {
    const before = from.chains.get(name);
    if (before && sameRules(before, body)) continue;
    if (before) lines.push(`flush chain ${table} ${name}`);
    lines.push(...body.map((rule) => `add rule ${table} ${name} ${rule}`));
  }
  for (const [name, after] of to.elements)
    lines.push(...elementLines('add', name, missingIn(after, from.elements.get(name))));
  const unused = [...from.chains.keys()].filter((name) => !to.chains.has(name));
  // Emptied first: they may refer to each other and to the sets.
  for (const name of unused) lines.push(`flush chain ${table} ${name}`);
  for (const name of unused) lines.push(`delete chain ${table} ${name}`);
  for (const name of from.sets.keys()) if (!to.sets.has(name)) lines.push(`delete set ${table} ${name}`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Elements of `a` that `b` has not, or has with other data. */
function missingIn(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string> | undefined): Map<string, string> {
  return new Map([...a].filter(([key, data]) => b?.get(key) !== data));
}

function elementLines(verb: 'add' | 'delete', name: string, elements: ReadonlyMap<string, string>): string[] {
  if (elements.size === 0) return [];
  const items = [...elements].map(([key, data]) => (data === '' ? key : `${key} : ${data}`));
  return [`${verb} element ${table} ${name} { ${items.join(', ')} }`];
}

const sameRules = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((rule, i) => rule === b[i]));
