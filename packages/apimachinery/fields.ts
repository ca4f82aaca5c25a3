import { compareGoStrings } from './json-writer.ts';
import { SelectorError } from './labels.ts';

/** Field selectors: `metadata.name=x,status.phase!=Running`, with `\` before a comma, an equals sign or itself. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}
export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
}

/** A kind's own names for its fields. Throws for one it does not know; undefined drops the term. */
export type FieldConversion = (field: string, value: string) => { field: string; value: string } | undefined;

/**
 * Grammar and error texts of k8s.io/apimachinery/pkg/fields.
 * @throws SelectorError, and what `convert` throws.
 */
export function parseFieldSelector(text: string, convert?: FieldConversion): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).toSorted(compareGoStrings)) {
    if (term === '') continue;
    const match = /!=|==|=/.exec(term);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const field = term.slice(0, match.index);
    const value = unescapeFieldValue(term.slice(match.index + match[0].length));
    const operator = match[0] === '!=' ? '!=' : '=';
    const converted = convert === undefined ? { field, value } : convert(field, value);
    if (converted !== undefined && (converted.field !== '' || converted.value !== ''))
      requirements.push({ ...converted, operator });
  }
  return { requirements };
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\\') i++;
    else if (c === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeFieldValue(text: string): string {
  let out = '';
  const characters = [...text];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i] as string;
    if (c === '\\') {
      const next = characters[++i];
      if (next === undefined) throw new SelectorError('invalid field selector: invalid escape sequence: \\');
      if (next !== '\\' && next !== ',' && next !== '=')
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
      out += next;
    } else if (c === ',' || c === '=') {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${c.charCodeAt(0)}`);
    } else out += c;
  }
  return out;
}

export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

/** `read` gives the value of a field, '' where there is none. */
export function matchesFields(selector: FieldSelector, read: (field: string) => string): boolean {
  return selector.requirements.every(({ field, operator, value }) => (read(field) === value) === (operator === '='));
}

/** The one value that the selector allows for a field: what the key or an index is asked for. */
export function requiredFieldValue(selector: FieldSelector, field: string): string | undefined {
  return selector.requirements.find((r) => r.field === field && r.operator === '=')?.value;
}

export function formatFieldSelector(selector: FieldSelector): string {
  return selector.requirements
    .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
    .join(',');
}
