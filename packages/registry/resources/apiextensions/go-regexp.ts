/** What Go's regexp says of a pattern that it cannot compile; undefined where it can. */
export function regexpFault(pattern: string): string | undefined {
  const fault = syntaxFault(pattern);
  return fault === undefined ? undefined : `error parsing regexp: ${fault}`;
}

const classes = new Set('dDsSwW'.split(''));
const controls = new Set('aftnrvAbBzCQEx'.split(''));
const posix = new Set('alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit'.split(' '));
const mostRepeats = 1000;

function syntaxFault(pattern: string): string | undefined {
  let open = 0;
  let operand = false;
  let repeated = '';
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const start = rest[0]!;
    const repeat = /^(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??/.exec(rest);
    if (repeat) {
      const text = repeat[0];
      if (!operand) return `missing argument to repetition operator: \`${text}\``;
      if (repeated !== '') return `invalid nested repetition operator: \`${repeated}${text}\``;
      const [low, high] = [Number(repeat[1] ?? 0), repeat[2] ? Number(repeat[2]) : -1];
      if (low > mostRepeats || high > mostRepeats || (high >= 0 && low > high))
        return `invalid repeat count: \`${text}\``;
      repeated = text;
      at += text.length;
      continue;
    }
    repeated = '';
    if (start === '(') {
      const head = groupHead(rest);
      if (head.fault !== undefined) return head.fault;
      if (!head.flagsOnly) open += 1;
      operand = false;
      at += head.length;
    } else if (start === ')') {
      if (open === 0) return `unexpected ): \`${pattern}\``;
      open -= 1;
      operand = true;
      at += 1;
    } else if (start === '[') {
      const length = classLength(rest);
      if (typeof length === 'string') return length;
      operand = true;
      at += length;
    } else if (rest.startsWith('\\Q')) {
      const end = rest.indexOf('\\E');
      operand = end !== 2;
      at += end < 0 ? rest.length : end + 2;
    } else if (start === '\\') {
      const length = escapeLength(rest);
      if (typeof length === 'string') return length;
      operand = true;
      at += length;
    } else {
      operand = start !== '|' && start !== '(';
      at += 1;
    }
  }
  return open > 0 ? `missing closing ): \`${pattern}\`` : undefined;
}

function groupHead(rest: string): { length: number; flagsOnly: boolean; fault?: string } {
  if (!rest.startsWith('(?')) return { length: 1, flagsOnly: false };
  const named = /^\(\?P?<([A-Za-z0-9_]+)>/.exec(rest);
  if (named) return { length: named[0].length, flagsOnly: false };
  const flags = /^\(\?[imsU]*(?:-[imsU]+)?([:)])/.exec(rest);
  if (flags && flags[0] !== '(?)') return { length: flags[0].length, flagsOnly: flags[1] === ')' };
  if (/^\(\?P?</.test(rest))
    return {
      length: 0,
      flagsOnly: false,
      fault: `invalid named capture: \`${rest.slice(0, rest.indexOf('>') + 1) || rest}\``,
    };
  const shown = /^\(\?[^)]/.exec(rest)?.[0] ?? rest;
  return { length: 0, flagsOnly: false, fault: `invalid or unsupported Perl syntax: \`${shown}\`` };
}

function classLength(rest: string): number | string {
  let at = rest[1] === '^' ? 2 : 1;
  for (let first = true; at < rest.length; first = false) {
    if (rest[at] === ']' && !first) return at + 1;
    const named = /^\[:\^?([a-z]+):\]/.exec(rest.slice(at));
    if (named && !posix.has(named[1]!)) return `invalid character class range: \`${named[0]}\``;
    const low = named ? named[0].length : itemLength(rest.slice(at));
    if (typeof low === 'string') return low;
    const from = at;
    at += low;
    if (named || rest[at] !== '-' || rest[at + 1] === ']' || at + 1 >= rest.length) continue;
    const high = itemLength(rest.slice(at + 1));
    if (typeof high === 'string') return high;
    const range = rest.slice(from, at + 1 + high);
    if (low === 1 && high === 1 && rest[from]! > rest[at + 1]!) return `invalid character class range: \`${range}\``;
    at += 1 + high;
  }
  return `missing closing ]: \`${rest}\``;
}

const itemLength = (rest: string): number | string => (rest.startsWith('\\') ? escapeLength(rest) : 1);

function escapeLength(rest: string): number | string {
  const next = rest[1];
  if (next === undefined) return 'trailing backslash at end of expression: ``';
  if (/^\\[pP]/.test(rest))
    return (
      /^\\[pP](?:\{\^?\w+\}|\w)/.exec(rest)?.[0].length ??
      `invalid character class range: \`${rest.startsWith('{', 2) ? rest : rest.slice(0, 3)}\``
    );
  if (next === 'x')
    return (
      /^\\x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})/.exec(rest)?.[0].length ??
      `invalid escape sequence: \`${rest.slice(0, 3)}\``
    );
  if (/[0-7]/.test(next))
    return /^\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)?.[0].length ?? `invalid escape sequence: \`\\${next}\``;
  if (classes.has(next) || controls.has(next) || !/[A-Za-z0-9]/.test(next)) return 2;
  return `invalid escape sequence: \`\\${next}\``;
}
