import type { YAMLError } from 'yaml';
import { flowFault } from './yaml-flow-fault.ts';

/**
 * Words for a text that is not YAML. The yaml package notices other things, in other places, than Go's parser (a
 * scanner and a parser, each with its own errors and its own way to count lines); this finds what Go would say: exact
 * for the slips people make, otherwise of the right kind. Without the `yaml: ` in front.
 */
export function yamlSyntaxFault(text: string, errors: readonly YAMLError[]): string {
  const error = errors[0] as YAMLError;
  const [at] = error.pos;
  const bracket = openBracketAt(text, at, error);
  if (bracket !== undefined) {
    const fault = flowFault(text, bracket);
    if (fault !== undefined) return parserFault(text, fault.at, fault.message);
  }
  const scanner = (message: string, position = at): string => scannerFault(text, position, message);
  const { message } = error;

  switch (error.code) {
    case 'TAB_AS_INDENT':
      // inside a plain scalar Go says it differently
      return scanner(
        /(?::|-)[ \t]+[^\s"'|>[{&*!#][^\n]*\n[ \t]*$/.test(text.slice(0, at))
          ? 'found a tab character that violates indentation'
          : 'found character that cannot start any token',
      );
    case 'BAD_SCALAR_START':
      return scanner('found character that cannot start any token');
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY': {
      if (text.charAt(at) === '?') return scanner('mapping keys are not allowed in this context');
      const multiline = errors.find((e) => e.code === 'MULTILINE_IMPLICIT_KEY');
      return scanner('mapping values are not allowed in this context', multiline?.pos[1] ?? at);
    }
    case 'BAD_ALIAS':
      return scanner('did not find expected alphabetic or numeric character');
    case 'BAD_DQ_ESCAPE':
      return scanner(
        /sequence \\[uUx]/.test(message) ? 'did not find expected hexdecimal number' : 'found unknown escape character',
      );
    case 'MISSING_CHAR':
      if (message.startsWith('Missing closing')) return scanner('found unexpected end of stream', text.length);
      if (message.startsWith('Implicit map keys')) return missingColon(text, at);
      break;
    case 'UNEXPECTED_TOKEN':
      if (message.includes('block-seq-ind on same line'))
        return scanner('block sequence entries are not allowed in this context');
      if (/flow-(?:seq|map)-end/.test(message)) return parserFault(text, at, 'did not find expected node content');
      if (message.startsWith('Block scalar header')) return scanner('did not find expected comment or line break');
      if (message.includes('at node end') && !/[^\n\s][^\n]*$/.test(text.slice(0, at))) {
        if (!/^[^\n]*:(?:\s|$)/.test(text.slice(at))) return missingColon(text, at);
        if (/^-\s/m.test(text.slice(0, at))) return parserFault(text, at, "did not find expected '-' indicator");
      }
      break;
    default:
  }
  return parserFault(text, at, 'did not find expected key');
}

const lineOf = (text: string, position: number): number => (text.slice(0, position).match(/\n/g) ?? []).length;

/** Where Go sees the end of the text: at the beginning of a line, one further than there is when the last has no end. */
function endLine(text: string): number {
  return lineOf(text, text.length) + (text === '' || text.endsWith('\n') ? 0 : 1);
}

/** The scanner counts lines from 1, but does not name the first. */
function scannerFault(text: string, position: number, message: string): string {
  const line = lineOf(text, position);
  return line === 0 ? message : `line ${line + 1}: ${message}`;
}

/** The parser counts from 0. */
function parserFault(text: string, position: number, message: string): string {
  const line = position >= text.length ? endLine(text) : lineOf(text, position);
  return line === 0 ? message : `line ${line}: ${message}`;
}

/** A word where a key was expected: noticed at the next thing after its line. */
function missingColon(text: string, at: number): string {
  const rest = /\n\s*(?=\S)/.exec(text.slice(at));
  const line = rest === null ? endLine(text) : lineOf(text, at + rest.index + rest[0].length);
  return `line ${line + 1}: could not find expected ':'`;
}

/** The outermost bracket that is open where the error is, when the error is about what is in it. */
function openBracketAt(text: string, at: number, error: YAMLError): number | undefined {
  if (error.code === 'BAD_SCALAR_START' || error.code === 'BAD_DQ_ESCAPE' || error.code === 'BAD_ALIAS')
    return undefined;
  if (error.code === 'MISSING_CHAR' && error.message.startsWith('Missing closing')) return undefined;
  const open: number[] = [];
  for (const { 0: token, index } of text.slice(0, at).matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|#[^\n]*|[[\]{}]/gs)) {
    if (token === '[' || token === '{') open.push(index);
    else if (token === ']' || token === '}') open.pop();
  }
  return open[0];
}
