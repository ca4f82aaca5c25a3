import type { MemberModel, ServiceModel, ShapeModel } from './service-models.ts';

/**
 * What is wrong with `value` as the shape `name` of a service's model, as the SDK's clients take and give it: one line each,
 * beginning with the path. An answer is looked at less strictly: new services answer more than old models know.
 */
export function shapeViolations(model: ServiceModel, name: string, value: unknown, direction: Direction): string[] {
  const found: string[] = [];
  check({ model, direction, found }, name, value, '');
  return found;
}

export type Direction = 'request' | 'response';

interface Run {
  readonly model: ServiceModel;
  readonly direction: Direction;
  readonly found: string[];
}

function check(run: Run, name: string, value: unknown, path: string): void {
  const shape = run.model.shapes[name];
  if (!shape) throw new Error(`the model of ${run.model.service} has no shape ${name}`);
  const say = (text: string): void => void run.found.push(`${path === '' ? 'input' : path}: ${text}`);
  if (shape.document) return;
  switch (shape.type) {
    case 'structure':
      if (isRecord(value)) checkStructure(run, shape, value, path, say);
      else say(`must be a structure (${name}), is ${told(value)}`);
      return;
    case 'list':
      if (!Array.isArray(value)) return say(`must be a list (${name}), is ${told(value)}`);
      size(shape, value.length, 'elements', say);
      value.forEach((element, index) => check(run, shape.member!, element, `${path}[${index}]`));
      return;
    case 'map':
      if (!isRecord(value)) return say(`must be a map (${name}), is ${told(value)}`);
      size(shape, Object.keys(value).length, 'entries', say);
      for (const [key, element] of Object.entries(value)) {
        check(run, shape.key!, key, `${path}{${key}}`);
        check(run, shape.value!, element, `${path}.${key}`);
      }
      return;
    case 'string':
      // A number to the SDK, whose model of Route 53 differs here; both travel as text.
      if (name === 'PageMaxItems' && typeof value === 'number') return;
      if (typeof value !== 'string') return say(`must be a string (${name}), is ${told(value)}`);
      return checkString(shape, name, value, run.direction, say);
    case 'integer':
    case 'long':
      if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
        return say(`must be a whole number (${name}), is ${told(value)}`);
      return range(shape, Number(value), say);
    case 'float':
    case 'double':
      if (typeof value !== 'number') return say(`must be a number (${name}), is ${told(value)}`);
      return range(shape, value, say);
    case 'boolean':
      if (typeof value !== 'boolean') say(`must be true or false (${name}), is ${told(value)}`);
      return;
    case 'timestamp':
      if (!(value instanceof Date) || Number.isNaN(value.getTime())) say(`must be a Date (${name}), is ${told(value)}`);
      return;
    case 'blob':
      if (shape.streaming) return;
      if (!(value instanceof Uint8Array) && typeof value !== 'string')
        return say(`must be bytes (${name}), is ${told(value)}`);
      return size(shape, typeof value === 'string' ? Buffer.byteLength(value) : value.length, 'bytes', say);
    default:
      throw new Error(`the model of ${run.model.service} has a shape of the unknown type ${shape.type}`);
  }
}

function checkStructure(
  run: Run,
  shape: ShapeModel,
  value: Readonly<Record<string, unknown>>,
  path: string,
  say: (text: string) => void,
): void {
  const members = shape.members ?? {};
  const under = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const set = Object.keys(value).filter((name) => value[name] !== undefined);
  for (const name of shape.required ?? []) {
    if (value[name] === undefined && !members[name]?.idempotencyToken) say(`the required member ${name} is missing`);
  }
  for (const name of set) {
    if (!Object.hasOwn(members, name)) {
      if (run.direction === 'request') say(`has no member ${name}`);
      continue;
    }
    const member: MemberModel = members[name]!;
    if (member.streaming) continue;
    if (run.direction === 'response' && value[name] === null) continue;
    if (member.location === 'uri' && value[name] === '') say(`the member ${name} is a part of the path: not empty`);
    check(run, member.shape, value[name], under(name));
  }
  // DynamoDB's model does not call its attribute values a union; they are one.
  const isUnion = shape.union ?? (run.model.service.startsWith('dynamodb') && 'BOOL' in members && 'NULL' in members);
  if (isUnion && run.direction === 'request' && set.length !== 1)
    say(`exactly one member of a union must be set, are ${set.length === 0 ? 'none' : set.join(', ')}`);
}

function checkString(shape: ShapeModel, name: string, value: string, direction: Direction, say: Say): void {
  if (direction === 'response') return;
  size(shape, [...value].length, 'characters', say);
  if (shape.enum && !shape.enum.includes(value)) say(`must be one of ${shape.enum.join(', ')}, is ${told(value)}`);
  if (shape.pattern !== undefined && !patternOf(shape.pattern).test(value))
    say(`must match ${shape.pattern} (${name}), is ${told(value)}`);
}

type Say = (text: string) => void;

function size({ min, max }: ShapeModel, length: number, what: string, say: Say): void {
  if (min !== undefined && length < min) say(`must have at least ${min} ${what}, has ${length}`);
  if (max !== undefined && length > max) say(`must have at most ${max} ${what}, has ${length}`);
}

function range({ min, max }: ShapeModel, value: number, say: Say): void {
  if (min !== undefined && value < min) say(`must be at least ${min}, is ${value}`);
  if (max !== undefined && value > max) say(`must be at most ${max}, is ${value}`);
}

const patterns = new Map<string, RegExp>();
/** Classes of Java's regular expressions that JavaScript has by other names. */
const javaClasses: Readonly<Record<string, string>> = {
  Print: '\\x20-\\x7e',
  Graph: '\\x21-\\x7e',
  Alpha: 'A-Za-z',
  Alnum: 'A-Za-z0-9',
  Digit: '0-9',
  ASCII: '\\x00-\\x7f',
};

/** The services' patterns are Java's, and the whole string must match. */
export function patternOf(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known) return known;
  const flags = pattern.startsWith('(?i)') ? 'i' : '';
  const translated = pattern
    .replace(/^\(\?i\)/, '')
    .replace(/\[([^\]\\]*)\\p\{([A-Za-z]+)\}/g, (whole, before: string, name: string) =>
      javaClasses[name] ? `[${before}${javaClasses[name]}` : whole,
    )
    .replace(/\\p\{([A-Za-z]+)\}/g, (whole, name: string) => (javaClasses[name] ? `[${javaClasses[name]}]` : whole));
  const made = compile(`^(?:${translated})$`, flags);
  patterns.set(pattern, made);
  return made;
}

/** Many escape what needs no escape, which only the mode without Unicode allows. */
function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}su`);
  } catch {
    return new RegExp(source, `${flags}s`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function told(value: unknown): string {
  if (value === undefined) return 'undefined';
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
