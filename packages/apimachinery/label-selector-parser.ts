import { formatFieldError, invalidValue } from './field-errors.ts';
import { compareGoStrings } from './json-writer.ts';
import {
  type Operator,
  type Requirement,
  type Selector,
  SelectorError,
  createRequirement,
  createSelector,
} from './labels.ts';
import { isQualifiedName } from './names.ts';

interface Token {
  readonly kind:
    | 'identifier'
    | 'end'
    | 'error'
    | '('
    | ')'
    | ','
    | '!'
    | '=='
    | '='
    | '>'
    | '<'
    | '!='
    | 'in'
    | 'notin';
  readonly text: string;
}

const symbols = new Set(['(', ')', ',', '!', '==', '=', '>', '<', '!=']);
const operators = new Map<Token['kind'], Operator>([
  ['in', 'in'],
  ['notin', 'notin'],
  ['=', '='],
  ['==', '=='],
  ['!=', '!='],
  ['>', 'gt'],
  ['<', 'lt'],
]);

/**
 * A label selector as it stands in a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>5`. Grammar, leniencies and error
 * texts are those of k8s.io/apimachinery/pkg/labels.
 * @throws SelectorError
 */
export function parseLabelSelector(text: string): Selector {
  const tokens = scan(text);
  let position = 0;
  const end: Token = { kind: 'end', text: '' };
  /** `in` and `notin` are ordinary words except where an operator is expected. */
  const look = (): Token => {
    const token = tokens[position] ?? end;
    return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token;
  };
  const take = (): Token => {
    const token = look();
    position++;
    return token;
  };

  const requirements: Requirement[] = [];
  for (;;) {
    const first = look();
    if (first.kind === 'end') return createSelector(requirements);
    if (first.kind !== 'identifier' && first.kind !== '!')
      throw new SelectorError(`found '${first.text}', expected: !, identifier, or 'end of string'`);
    try {
      requirements.push(parseRequirement());
    } catch (error) {
      throw error instanceof SelectorError ? new SelectorError(`unable to parse requirement: ${error.message}`) : error;
    }
    const next = take();
    if (next.kind === 'end') return createSelector(requirements);
    if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`);
    const after = look();
    if (after.kind !== 'identifier' && after.kind !== '!')
      throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
  }

  function parseRequirement(): Requirement {
    let token = take();
    const negated = token.kind === '!';
    if (negated) token = take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const errors = isQualifiedName(key);
    // upstream has no path here, and shows that
    if (errors.length > 0) throw new SelectorError(formatFieldError(invalidValue('<nil>', key, errors.join('; '))));
    if (negated) return createRequirement(key, '!', []);
    const next = look().kind;
    if (next === 'end' || next === ',') return createRequirement(key, 'exists', []);
    const word = tokens[position++] ?? end;
    const operator = operators.get(word.kind);
    if (operator === undefined) throw new SelectorError(`found '${word.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = operator === 'in' || operator === 'notin' ? parseValues() : new Set([parseExactValue()]);
    return createRequirement(key, operator, [...values].toSorted(compareGoStrings));
  }

  function parseExactValue(): string {
    const next = look().kind;
    if (next === 'end' || next === ',') return '';
    const token = take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  function parseValues(): Set<string> {
    const open = take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const next = look();
    if (next.kind === ')') {
      take();
      return new Set(['']);
    }
    if (next.kind !== 'identifier' && next.kind !== ',')
      throw new SelectorError(`found '${next.text}', expected: ',', ')' or identifier`);
    const values = parseIdentifiers();
    take();
    return values;
  }

  /** Up to the closing parenthesis; a missing word between commas is the empty value. */
  function parseIdentifiers(): Set<string> {
    const values = new Set<string>();
    for (;;) {
      const token = take();
      if (token.kind === 'identifier') {
        values.add(token.text);
        const next = look();
        if (next.kind === ')') return values;
        if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ',') {
        if (values.size === 0) values.add('');
        const next = look().kind;
        if (next === ')') {
          values.add('');
          return values;
        }
        if (next === ',') values.add('');
      } else throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
    }
  }
}

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (' \t\r\n'.includes(text.charAt(at) || 'x')) at++;
    const c = text.charAt(at);
    // upstream's scanner takes a zero byte for the end, and inside a list of tokens for a separator
    if (c === '' || c === '\0') return tokens;
    if ('=!(),><'.includes(c)) {
      const two = text.slice(at, at + 2);
      const symbol = symbols.has(two) ? two : c;
      tokens.push({ kind: symbol as Token['kind'], text: symbol });
      at += symbol.length;
    } else {
      const start = at;
      while (at < text.length && !'=!(),>< \t\r\n\0'.includes(text.charAt(at))) at++;
      const word = text.slice(start, at);
      tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
    }
    if (text.charAt(at) === '\0') at++;
  }
}
