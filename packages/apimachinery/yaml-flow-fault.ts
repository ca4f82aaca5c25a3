/**
 * Looks through a flow collection (`[a, {b: c}]`) as Go's parser does, for the first thing that it would refuse. Unlike
 * the yaml package it does not mind how lines are indented inside.
 */
export interface FlowFault {
  readonly at: number;
  readonly message: string;
}

/** `start` = position of the opening bracket. undefined: nothing wrong with it. */
export function flowFault(text: string, start: number): FlowFault | undefined {
  const tokens = flowTokens(text, start);
  let next = 0;
  const look = (): Token => tokens[next] ?? { kind: 'end', at: text.length };

  const node = (): FlowFault | undefined => {
    const token = look();
    if (token.kind !== 'scalar' && token.kind !== '[' && token.kind !== '{')
      return { at: token.at, message: 'did not find expected node content' };
    next++;
    return token.kind === 'scalar' ? undefined : collection(token.kind === '[' ? ']' : '}');
  };

  const collection = (closer: ']' | '}'): FlowFault | undefined => {
    for (let first = true; ; first = false) {
      if (!first && look().kind !== closer) {
        if (look().kind !== ',') return { at: look().at, message: `did not find expected ',' or '${closer}'` };
        next++;
      }
      if (look().kind === closer) {
        next++;
        return undefined;
      }
      const fault = entry(closer);
      if (fault !== undefined) return fault;
    }
  };

  /** A value, or a key with its value; either side may be empty where a key is told. */
  const entry = (closer: ']' | '}'): FlowFault | undefined => {
    const ends = (): boolean => look().kind === ',' || look().kind === closer;
    if (look().kind === 'key') {
      next++;
      if (look().kind !== ':' && !ends()) {
        const fault = node();
        if (fault !== undefined) return fault;
      }
    } else {
      const fault = node();
      if (fault !== undefined || look().kind !== ':' || look().isKey !== true) return fault;
    }
    if (look().kind !== ':') return undefined;
    next++;
    return ends() ? undefined : node();
  };

  return node();
}

interface Token {
  readonly kind: '[' | ']' | '{' | '}' | ',' | ':' | 'key' | 'dash' | 'scalar' | 'end';
  readonly at: number;
  /** A colon whose key stands on its own line: only then it makes what is before it a key. */
  readonly isKey?: boolean;
}

function flowTokens(text: string, start: number): Token[] {
  const tokens: Token[] = [];
  const pattern =
    /"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\s+|#[^\n]*|[[\]{},]|\?(?=\s)|:(?=[\s,[\]{}]|$)|(?:[^\s,[\]{}?:#]|:(?![\s,[\]{}]|$)|(?<=\S)[#?])+/gs;
  pattern.lastIndex = start;
  /** Where the piece before began: a plain scalar goes on over spaces and lines. */
  let scalarAt = -1;
  let before = start;
  let quoted = false;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [piece] = match;
    const at = match.index;
    const c = piece.charAt(0);
    if (/\s/.test(c) || c === '#') continue;
    if ('[]{},'.includes(c) && piece.length === 1) tokens.push({ kind: c as Token['kind'], at });
    else if (piece === '?') tokens.push({ kind: 'key', at });
    else if (piece === '-' && tokens.at(-1)?.kind !== 'scalar') tokens.push({ kind: 'dash', at });
    else if (piece === ':') tokens.push({ kind: ':', at, isKey: !text.slice(before, at).includes('\n') });
    else if (c === '"' || c === "'" || quoted || tokens.at(-1)?.kind !== 'scalar') tokens.push({ kind: 'scalar', at });
    quoted = c === '"' || c === "'";
    if (tokens.at(-1)?.kind !== 'scalar') {
      scalarAt = -1;
      before = at;
    } else if (scalarAt < 0) {
      scalarAt = at;
      before = at;
    }
  }
  return tokens;
}
