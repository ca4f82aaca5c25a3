import {
  Composer,
  type Document,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type YAMLError,
  isAlias,
  isMap,
  isScalar,
  isSeq,
} from 'yaml';
import { setOwn } from './equality.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { compareGoStrings } from './json-writer.ts';
import { quoteGo } from './quote-go.ts';
import { yamlSyntaxFault } from './yaml-syntax-fault.ts';
import { type YamlScalar, keyText, resolvePlainScalar, resolveTaggedScalar } from './yaml-scalars.ts';

/**
 * YAML as Kubernetes reads it (sigs.k8s.io/yaml): YAML 1.1 turned into JSON values, keys sorted, the last of repeated
 * keys taken and each repetition told. The text is parsed by the yaml package; what scalars mean is ours.
 */
export interface YamlDocument {
  readonly value: JsonValue;
  /** `line 3: key "data" already set in map`, in order: what a strict reader refuses. */
  readonly problems: readonly string[];
}

/** The message is worded as Go's parser words it: `yaml: line 1: did not find expected node content`. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}
const fault = (message: string): YamlError => new YamlError(`yaml: ${message}`);

/** The first document; what follows it is not looked at. @throws YamlError */
export function parseYaml(text: string): YamlDocument {
  return guarded(() => {
    const { documents, lines } = compose(text, true);
    const [first] = documents;
    if (first === undefined) return { value: null, problems: [] };
    return readDocument(first, lines, text, endsBefore(first, text) ? [] : first.errors);
  });
}

/** All documents, empty ones as null. @throws YamlError */
export function parseYamlDocuments(text: string): JsonValue[] {
  return guarded(() => {
    const { documents, lines } = compose(text, false);
    return documents.map((document) => readDocument(document, lines, text, document.errors).value);
  });
}

/** Everything here is recursive: what is nested too deeply for the stack is refused with Go's words for its own limit. */
function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw fault('exceeded max depth of 10000');
    throw error;
  }
}

/** Whether the first error is behind the document: Go stops reading there. */
function endsBefore(document: Document.Parsed, text: string): boolean {
  const [error] = document.errors;
  const root = document.contents as Node | null;
  if (error === undefined || root === null || !error.message.includes('at node end')) return false;
  if (!isMap(root) && !isSeq(root)) return false;
  if (root.flow) return true;
  const columnOf = (at: number): number => at - (text.lastIndexOf('\n', at - 1) + 1);
  return columnOf(error.pos[0]) < columnOf(root.range?.[0] ?? 0);
}

function compose(text: string, onlyFirst: boolean): { documents: Document.Parsed[]; lines: LineCounter } {
  if (/[[\p{Cc}\ufffe\uffff]--[\t\n\r\x85]]/v.test(text)) throw fault('control characters are not allowed');
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    version: '1.1',
    schema: 'failsafe',
    uniqueKeys: false,
    keepSourceTokens: false,
    logLevel: 'silent',
  });
  const documents: Document.Parsed[] = [];
  for (const document of composer.compose(parser.parse(text), true, text.length)) {
    documents.push(document as Document.Parsed);
    if (onlyFirst) break;
  }
  return { documents, lines };
}

function readDocument(
  document: Document.Parsed,
  lines: LineCounter,
  text: string,
  errors: readonly YAMLError[],
): YamlDocument {
  if (errors.length > 0) throw fault(yamlSyntaxFault(text, errors));
  const problems: string[] = [];
  const root = document.contents as Node | null;
  const value = root === null ? null : createReader(text, lines, problems)(root, 0);
  refuseInfinities(value);
  return { value, problems };
}

/** Reads nodes in the order of the text, so that an alias means the last anchor of its name before it. */
function createReader(
  text: string,
  lines: LineCounter,
  problems: string[],
): (node: Node | null, depth: number) => JsonValue {
  const anchors = new Map<string, Node>();
  /** Aliases that are being followed. */
  const open = new Set<Node>();
  let aliasDepth = 0;
  let reads = 0;
  let aliasReads = 0;

  const read = (node: Node | null, depth: number): JsonValue => {
    reads++;
    if (aliasDepth > 0) aliasReads++;
    if (aliasReads > 100 && reads > 1000 && aliasReads / reads > allowedAliasRatio(reads))
      throw fault('document contains excessive aliasing');
    if (node === null) return null;
    if (isAlias(node)) return readAlias(node.source, depth);
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isScalar(node)) return scalarOf(node);
    if (isSeq(node)) return node.items.map((item) => read(item as Node | null, depth + 1));
    const members = new Map<string, JsonValue>();
    readMap(node, members, depth);
    return sorted(members);
  };

  const target = (name: string): Node => {
    const node = anchors.get(name);
    if (node === undefined) throw fault(`unknown anchor '${name}' referenced`);
    if (open.has(node)) throw fault(`anchor '${name}' value contains itself`);
    return node;
  };

  const following = <T>(name: string, then: (node: Node) => T): T => {
    const node = target(name);
    open.add(node);
    aliasDepth++;
    const result = then(node);
    aliasDepth--;
    open.delete(node);
    return result;
  };
  const readAlias = (name: string, depth: number): JsonValue => following(name, (node) => read(node, depth + 1));

  const readMap = (map: Node, members: Map<string, JsonValue>, depth: number): void => {
    if (!isMap(map)) throw fault('map merge requires map or sequence of maps as the value');
    open.add(map);
    for (const { key, value } of map.items as Pair<Node | null, Node | null>[]) {
      if (isMergeKey(key)) {
        merge(value, members, depth);
        continue;
      }
      const resolved = readKey(key, depth);
      const name = keyText(resolved);
      const member = read(value, depth + 1);
      if (name === undefined)
        throw new YamlError(`unsupported map key of type: %!s(<nil>), key: <nil>, value: ${goValue(member)}`);
      if (members.has(name)) {
        const start = value?.range?.[0] ?? key?.range?.[0] ?? 0;
        // an anchor is part of its node
        const anchor = value !== null && !isAlias(value) ? value.anchor : undefined;
        const at = anchor === undefined ? start : text.lastIndexOf(`&${anchor}`, start);
        problems.push(
          `line ${lines.linePos(at).line}: key ${typeof resolved === 'string' ? quoteGo(resolved) : name} already set in map`,
        );
      }
      members.set(name, member);
    }
    open.delete(map);
  };

  const readKey = (key: Node | null, depth: number): YamlScalar => {
    if (key === null) return null;
    if (isAlias(key)) return following(key.source, (node) => readKey(node, depth));
    if (key.anchor !== undefined) anchors.set(key.anchor, key);
    if (!isScalar(key)) throw fault(`invalid map key: ${goValue(read(key, depth + 1))}`);
    return scalarOf(key);
  };

  /** Takes over the members of maps; of several the first wins, and what comes after in the map itself wins over all. */
  const merge = (value: Node | null, members: Map<string, JsonValue>, depth: number): void => {
    if (isSeq(value)) {
      for (const item of (value.items as (Node | null)[]).toReversed()) mergeOne(item, members, depth);
    } else mergeOne(value, members, depth);
  };
  const mergeOne = (value: Node | null, members: Map<string, JsonValue>, depth: number): void => {
    if (isAlias(value)) following(value.source, (node) => readMap(node, members, depth + 1));
    else if (value === null) throw fault('map merge requires map or sequence of maps as the value');
    else readMap(value, members, depth + 1);
  };

  return read;
}

function isMergeKey(key: Node | null): boolean {
  return (
    isScalar(key) &&
    key.value === '<<' &&
    ((key.type === 'PLAIN' && key.tag === undefined) || key.tag === 'tag:yaml.org,2002:merge')
  );
}

function scalarOf(node: Node): YamlScalar {
  if (!isScalar(node)) return null;
  const text = typeof node.value === 'string' ? node.value : '';
  if (node.tag === undefined) return node.type === 'PLAIN' || node.type === undefined ? resolvePlainScalar(text) : text;
  try {
    return resolveTaggedScalar(node.tag.replace(/^tag:yaml\.org,2002:/, '!!'), text);
  } catch (error) {
    throw fault((error as Error).message);
  }
}

/** JSON has none: Go fails when it writes them. */
function refuseInfinities(value: JsonValue): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new YamlError(`json: unsupported value: ${Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'}`);
  }
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(refuseInfinities);
}

function sorted(members: Map<string, JsonValue>): JsonObject {
  const object: JsonObject = {};
  for (const key of [...members.keys()].toSorted(compareGoStrings)) {
    if (key === '__proto__') setOwn(object, key, members.get(key));
    else object[key] = members.get(key) as JsonValue;
  }
  return object;
}

/** Go's %#v of what a YAML node holds, as far as messages need it. */
function goValue(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return quoteGo(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goValue).join(', ')}}`;
  if (typeof value === 'object') {
    return `map[interface {}]interface {}{${Object.keys(value)
      .map((key) => `${quoteGo(key)}:${goValue(value[key] as JsonValue)}`)
      .join(', ')}}`;
  }
  return String(value);
}

/** How much of a document may come out of aliases: nearly all of a small one, a tenth of a large one. */
function allowedAliasRatio(reads: number): number {
  const [low, high] = [400_000, 4_000_000];
  if (reads <= low) return 0.99;
  return reads >= high ? 0.1 : 0.99 - (0.89 * (reads - low)) / (high - low);
}
