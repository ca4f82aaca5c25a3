/** YAML bodies, read as sigs.k8s.io/yaml does: YAML 1.1, turned into JSON values, repeated keys told with their line. */
import type { JsonValue } from '@nodeless/apimachinery/json';
import { noLiterals } from '@nodeless/apimachinery/json-value';
import type { WireValue } from '@nodeless/registry/registry';
import {
  type Document,
  LineCounter,
  type Node,
  type Pair,
  type Scalar,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
} from 'yaml';

/** The message is worded as Go's YAML parser words it: `yaml: line 1: did not find expected node content`. */
export class YamlSyntaxError extends Error {}

/** Aliases may stand for so many nodes in all: a small text must not become a large value. */
const maxNodes = 1_000_000;
const maxDepth = 1_000;

export function parseYaml(text: string): WireValue {
  if (isTooDeep(text)) throw new YamlSyntaxError('yaml: exceeded max depth of 10000');
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: '1.1',
      uniqueKeys: false,
      merge: true,
      lineCounter: lines,
      keepSourceTokens: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
  } catch (error) {
    // The parser is recursive: what is nested too deeply overflows the stack.
    throw new YamlSyntaxError(`yaml: ${error instanceof RangeError ? 'exceeded max depth of 10000' : String(error)}`);
  }
  const error = document.errors.find((e) => e.code !== 'MULTIPLE_DOCS');
  if (error) throw new YamlSyntaxError(`yaml: ${syntaxFault(text, error.code, error.pos[0], lines)}`);
  const reader = createReader(document, lines);
  const value = document.contents === null ? null : reader.read(document.contents as Node, 0);
  return {
    value,
    duplicates: [],
    literals: noLiterals,
    ...(reader.problems.length === 0 ? {} : { problems: reader.problems }),
  };
}

/** Go's limit. Looked for before parsing, because nesting costs the parser more than its length. */
const maxNesting = 10_000;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let indicators = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b) {
      if (++depth > maxNesting) return true;
    } else if (c === 0x5d || c === 0x7d) depth--;
    // `- - -` and `? ? ?` nest as well.
    if (c === 0x2d || c === 0x3f) {
      if (++indicators > maxNesting) return true;
    } else if (c !== 0x20) indicators = 0;
  }
  return false;
}

/** The nearest of Go's messages: the two parsers notice different things, and Go counts lines in two ways. */
function syntaxFault(text: string, code: string, at: number, lines: LineCounter): string {
  const line = lines.linePos(Math.min(at, text.length)).line - 1;
  const scanner = (message: string): string => (line === 0 ? message : `line ${line + 1}: ${message}`);
  const parser = (message: string): string => {
    const where = at >= text.length - 1 ? lines.linePos(text.length).line : line;
    return where === 0 ? message : `line ${where}: ${message}`;
  };
  switch (code) {
    case 'TAB_AS_INDENT':
    case 'BAD_SCALAR_START':
      return scanner('found character that cannot start any token');
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return scanner('mapping values are not allowed in this context');
    default: {
      const open = openBracket(text.slice(0, at));
      if (open === undefined)
        return code === 'MISSING_CHAR' ? 'found unexpected end of stream' : parser('did not find expected key');
      if (/[[{,]\s*$/.test(text.slice(0, at + 1))) return parser('did not find expected node content');
      return parser(`did not find expected ',' or '${open === '[' ? ']' : '}'}'`);
    }
  }
}

/** The innermost bracket that is still open. */
function openBracket(text: string): string | undefined {
  const open: string[] = [];
  for (const c of text) {
    if (c === '[' || c === '{') open.push(c);
    else if (c === ']' || c === '}') open.pop();
  }
  return open.at(-1);
}

function createReader(document: Document.Parsed, lines: LineCounter) {
  const problems: string[] = [];
  let nodes = 0;

  const read = (node: Node | null, depth: number): JsonValue => {
    if (++nodes > maxNodes || depth > maxDepth) throw new YamlSyntaxError('yaml: document contains excessive aliasing');
    if (node === null) return null;
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (!target) throw new YamlSyntaxError(`yaml: unknown anchor '${node.source}' referenced`);
      return read(target, depth + 1);
    }
    if (isScalar(node)) return scalarValue(node);
    if (isSeq(node)) return node.items.map((item) => read(item as Node, depth + 1));
    if (!isMap(node)) return null;
    // A null prototype takes `__proto__` for the plain key it is.
    const members: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>;
    const merged: Record<string, JsonValue>[] = [];
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      if (
        isScalar(pair.key) &&
        (pair.key.value === '<<' || typeof pair.key.value === 'symbol') &&
        pair.key.type === 'PLAIN'
      ) {
        merged.push(...mergeSources(read(pair.value, depth + 1)));
        continue;
      }
      const key = keyText(pair.key);
      if (Object.hasOwn(members, key)) {
        const line = lines.linePos(pair.key.range?.[0] ?? 0).line;
        problems.push(`line ${line}: key ${JSON.stringify(key)} already set in map`);
      }
      members[key] = read(pair.value, depth + 1);
    }
    for (const source of merged)
      for (const [key, value] of Object.entries(source)) if (!Object.hasOwn(members, key)) members[key] = value;
    return members;
  };
  return { read, problems };
}

function mergeSources(value: JsonValue): Record<string, JsonValue>[] {
  const sources = Array.isArray(value) ? value : [value];
  return sources.filter(
    (source): source is Record<string, JsonValue> =>
      typeof source === 'object' && source !== null && !Array.isArray(source),
  );
}

function scalarValue(scalar: Scalar): JsonValue {
  const { value } = scalar;
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number')
    return Number.isSafeInteger(value) || !isInteger(scalar) ? value : exact(scalar, value);
  if (value instanceof Date) return scalar.source ?? value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  throw new YamlSyntaxError('yaml: unknown scalar');
}

const isInteger = (scalar: Scalar): boolean => /^[-+]?[0-9_]+$/.test(scalar.source ?? '');
const exact = (scalar: Scalar, value: number): JsonValue => {
  try {
    return BigInt((scalar.source ?? '').replaceAll('_', ''));
  } catch {
    return value;
  }
};

/** Keys that YAML reads as something else are their JSON text. */
function keyText(key: Node): string {
  if (!isScalar(key)) throw new YamlSyntaxError('yaml: invalid map key');
  const value = scalarValue(key);
  return typeof value === 'string' ? value : `${value as boolean | number | bigint | null}`;
}
