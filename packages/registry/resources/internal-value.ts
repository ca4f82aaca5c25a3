/**
 * Some messages show a whole value as the API server holds it. Its internal types have no JSON names: Go's own,
 * capital ones are shown, in the order of the struct, with nothing left out. internal-types.json knows them:
 * `GoName type [jsonName]` for each field, the JSON name only where it does not follow from Go's. A type is
 * `s` string, `b` bool, `i` number, `q` quantity, `ios` int or string, `time`, `json` (has names of its own),
 * `#Struct`; before it `*` pointer, `[]` list, `{}` map. A name `^x` is found in the parent, `.` is the struct itself
 * (embedded under its own name), `-` is in no version; `+metadata` stands for the metadata's own fields.
 */
import data from './internal-types.json' with { type: 'json' };

interface Field {
  readonly name: string;
  readonly type: string;
  readonly json: string;
}
type Plain = Record<string, unknown>;

const parsed = new Map<string, readonly Field[]>();

function fieldsOf(type: string): readonly Field[] {
  let fields = parsed.get(type);
  if (fields === undefined) {
    const text = (data as Record<string, string>)[type];
    if (text === undefined) throw new Error(`no internal type ${type}`);
    fields = text.split(', ').map((field) => {
      const [name = '', kind = '', json] = field.split(' ');
      return { name, type: kind, json: json ?? jsonNameOf(name) };
    });
    parsed.set(type, fields);
  }
  return fields;
}

/** `DNSPolicy` → `dnsPolicy`, `OS` → `os`, `Name` → `name`. */
function jsonNameOf(name: string): string {
  const head = /^(?:[A-Z]+(?=[A-Z][a-z])|[A-Z]+$|[A-Z])/.exec(name)?.[0] ?? '';
  return head.toLowerCase() + name.slice(head.length);
}

/** `value` is of the JSON form; what it lacks is shown as Go's zero value. */
export function internalValue(type: string, value: unknown, parent: Readonly<Plain> = {}): unknown {
  const given = isPlain(value) ? value : {};
  const shown: Plain = {};
  for (const field of fieldsOf(type)) {
    if (field.name === '+metadata') {
      for (const [key, of] of Object.entries(isPlain(given.metadata) ? given.metadata : {}))
        shown[key] = isPlain(of) ? member('{}s', of, {}) : of;
      continue;
    }
    const own = field.json.startsWith('^')
      ? parent[field.json.slice(1)]
      : field.json === '.'
        ? given
        : given[field.json];
    shown[field.name] = member(field.type, own, given);
  }
  return shown;
}

function member(type: string, value: unknown, parent: Readonly<Plain>): unknown {
  if (type.startsWith('*')) return value === undefined || value === null ? null : member(type.slice(1), value, parent);
  if (type === '[]byte') return value ?? null;
  if (type.startsWith('[]'))
    return Array.isArray(value) ? value.map((item) => member(type.slice(2), item, parent)) : null;
  if (type.startsWith('{}')) {
    if (!isPlain(value)) return null;
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((key) => [key, member(type.slice(2), value[key], parent)]),
    );
  }
  if (type.startsWith('#')) return internalValue(type.slice(1), value, parent);
  switch (type) {
    case 's':
      return value ?? '';
    case 'b':
      return value ?? false;
    case 'i':
    case 'ios':
      return value ?? 0;
    case 'q':
      return value ?? '0';
    default:
      return shownSelector(value);
  }
}

/** Go writes maps in the order of their keys. */
export function shownMap(map: Readonly<Record<string, unknown>> | undefined | null): unknown {
  return map ? Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))) : null;
}

/** Selectors, and other types with JSON names of their own: labels are the only maps in them. */
export function shownSelector(value: unknown): unknown {
  return isPlain(value) && isPlain(value.matchLabels)
    ? { ...value, matchLabels: shownMap(value.matchLabels) }
    : (value ?? null);
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As json.MarshalIndent(value, "", " ") writes it. */
export function indentedJson(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
