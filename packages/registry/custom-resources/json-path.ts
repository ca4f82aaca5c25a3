/** The simple JSON paths that CustomResourceDefinitions use: `.spec.replicas`, `.a['b.c']`, `.items[0]`, `.conditions[?(@.type=="Ready")].status`. */
import { isObject } from '@nodeless/apimachinery/decode/copy-json';

type Step = (values: readonly unknown[]) => unknown[];

export interface JsonPath {
  /** Every value at the path; empty where there is none. */
  find(object: unknown): readonly unknown[];
  /** The members' names where the path is made of nothing else. */
  readonly members: readonly string[] | undefined;
}

const member =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
const index =
  (at: number): Step =>
  (values) =>
    values.flatMap((value) => (Array.isArray(value) && value.at(at) !== undefined ? [value.at(at) as unknown] : []));
const every: Step = (values) =>
  values.flatMap((value) =>
    Array.isArray(value) ? (value as unknown[]) : isObject(value) ? Object.values(value) : [],
  );

const token =
  /\.?\[\?\(\s*@((?:\.[^\s=!<>]+)+)\s*(==|!=)\s*("[^"]*"|'[^']*'|[^\s)]+)\s*\)\]|\.?\[\s*(?:'([^']*)'|"([^"]*)")\s*\]|\.?\[(-?\d+)\]|\.?\[\*\]|\.\*|\.((?:\\.|[^.[\]])+)/y;

/** undefined where the path is of another form. Braces around it are taken away. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const source = text.replace(/^\{(.*)\}$/s, '$1');
  const steps: Step[] = [];
  const members: string[] = [];
  let plain = true;
  for (let at = 0; at < source.length;) {
    token.lastIndex = at;
    const found = token.exec(source);
    if (!found) return undefined;
    at += found[0].length;
    const [, path, operator, literal, single, double, number, name] = found;
    const key = name?.replace(/\\(.)/g, '$1') ?? single ?? double;
    if (key !== undefined) {
      steps.push(member(key));
      members.push(key);
    } else {
      plain = false;
      if (path !== undefined) {
        const inner = parseJsonPath(path);
        if (!inner) return undefined;
        steps.push(filter(inner, operator === '==', (literal as string).replace(/^(["'])(.*)\1$/s, '$2')));
      } else steps.push(number === undefined ? every : index(Number(number)));
    }
  }
  return {
    find: (object) => steps.reduce<readonly unknown[]>((values, step) => step(values), [object]),
    members: plain ? members : undefined,
  };
}

function filter(path: JsonPath, equal: boolean, wanted: string): Step {
  return (values) =>
    values.flatMap((value) =>
      Array.isArray(value)
        ? value.filter(
            (item) => path.find(item).length > 0 && path.find(item).some((found) => String(found) === wanted) === equal,
          )
        : [],
    );
}

/** The value at a path of members, undefined where there is none. */
export function memberAt(object: unknown, members: readonly string[]): unknown {
  return members.reduce<unknown>(
    (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    object,
  );
}

/** Sets a value, making the objects on the way. `object` is mutable all along the path. */
export function setMember(object: Record<string, unknown>, members: readonly string[], value: unknown): void {
  let at = object;
  for (const name of members.slice(0, -1)) {
    if (name === '__proto__') return;
    const next = Object.hasOwn(at, name) ? at[name] : undefined;
    at = isObject(next) ? next : (at[name] = {});
  }
  const last = members.at(-1);
  if (last !== undefined && last !== '__proto__') at[last] = value;
}
