/** Paths to a field that the schema has: `.spec.size`, `.labels['a.b/c']`. */
import { isEmptyMap } from '../checks.ts';
import { type Schema, subschema } from './structural-validation.ts';

export type FoundPath =
  | { readonly path: string; readonly root: string; readonly schema: Schema | undefined }
  | { readonly fault: string };

/** A quoted string, one of `.[]`, or what is between them. */
const token = /'(?:[^'\\]|\\[^])*'|'[^]*|[.[\]]|[^.[\]]+/y;

export function validFieldPath(text: string, schema: Schema | undefined, allowBrackets = true): FoundPath {
  const tokens = tokensOf(text);
  let found: Schema | undefined = schema;
  let path = '';
  let root = '';
  const step = (name: string): string | undefined => {
    if (found && !isEmptyMap(found.properties)) {
      if (!Object.hasOwn(found.properties!, name)) return 'does not refer to a valid field';
      path += path === '' ? name : `.${name}`;
      found = found.properties![name];
    } else if (found?.additionalProperties !== undefined) {
      path += `[${name}]`;
      found = subschema(found.additionalProperties);
    } else return 'does not refer to a valid field';
    if (root === '') root = name;
    return undefined;
  };
  for (let i = 0; i < tokens.length; i += 1) {
    let fault: string | undefined;
    if (tokens[i] === '.') {
      i += 1;
      fault = tokens[i] === undefined ? 'unexpected end of JSON path' : step(tokens[i]!);
    } else if (tokens[i] === '[') {
      if (!allowBrackets) return { fault: 'array notation is not allowed' };
      const quoted = tokens[i + 1];
      if (quoted === undefined) fault = 'unexpected end of JSON path';
      else if (!/^'[^]*'$/.test(quoted)) fault = `expected single quoted string but got ${quoted}`;
      else fault = step(quoted.slice(1, -1).replace(/\\([\\'])/g, '$1'));
      if (fault === undefined && tokens[i + 2] !== ']') {
        fault = tokens[i + 2] === undefined ? 'unexpected end of JSON path' : `expected ] but got ${tokens[i + 2]}`;
      }
      i += 2;
    } else fault = `expected [ or . but got: ${tokens[i]}`;
    if (fault !== undefined) return { fault };
  }
  return { path, root, schema: found };
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let found = token.exec(text); found && found[0] !== ''; found = token.exec(text)) tokens.push(found[0]);
  return tokens;
}
