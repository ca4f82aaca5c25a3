/**
 * What a plain scalar of YAML stands for, by the rules of the parser that Kubernetes uses (go.yaml.in/yaml/v2: YAML 1.1
 * without sexagesimal numbers): `yes` and `on` are true, `n` is false, 0644 and 0o644 are octal, 1_000 is a thousand,
 * dates are strings.
 */
export type YamlScalar = string | number | bigint | boolean | null;

const words = new Map<string, boolean | null | number>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((w): [string, boolean] => [w, true]),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((w): [string, boolean] => [
    w,
    false,
  ]),
  ...['', '~', 'null', 'Null', 'NULL'].map((w): [string, null] => [w, null]),
  ...['.nan', '.NaN', '.NAN'].map((w): [string, number] => [w, Number.NaN]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((w): [string, number] => [w, Number.POSITIVE_INFINITY]),
  ...['-.inf', '-.Inf', '-.INF'].map((w): [string, number] => [w, Number.NEGATIVE_INFINITY]),
]);

export function resolvePlainScalar(text: string): YamlScalar {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(text)) return text;
  if (text.startsWith('.')) return /^\.[0-9]+(?:[eE][-+]?[0-9]+)?$/.test(text) ? finite(text) : text;
  const plain = text.replaceAll('_', '');
  const integer = readInteger(plain);
  if (integer !== undefined) return integer;
  return /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(plain) ? finite(plain, text) : text;
}

/** Go refuses numbers that a float64 cannot hold: they stay text. */
function finite(text: string, otherwise = text): number | string {
  const value = Number(text);
  return Number.isFinite(value) ? value : otherwise;
}

/** strconv.ParseInt and ParseUint with base 0, in 64 bits. */
function readInteger(text: string): number | bigint | undefined {
  const match = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const size =
    hex !== undefined
      ? BigInt(`0x${hex}`)
      : binary !== undefined
        ? BigInt(`0b${binary}`)
        : octal !== undefined
          ? BigInt(`0o${octal}`)
          : BigInt(decimal as string);
  const value = sign === '-' ? -size : size;
  // an unsigned number has no sign
  if (value < -(2n ** 63n) || value >= (sign === '' ? 2n ** 64n : 2n ** 63n)) return undefined;
  const number = Number(value);
  return String(number) === String(value) ? number + 0 : value;
}

/** A scalar with an explicit tag of YAML's own (`!!int "5"`). @throws Error where the text is none of that type. */
export function resolveTaggedScalar(tag: string, text: string): YamlScalar {
  if (tag === '!!str') return text;
  if (tag === '!!binary') return Buffer.from(text, 'base64').toString();
  if (!['!!bool', '!!int', '!!float', '!!null', '!!timestamp'].includes(tag)) return text;
  const value = resolvePlainScalar(text);
  const type = typeTag(value);
  if (type === tag || tag === '!!timestamp' || (tag === '!!float' && type === '!!int')) return value;
  throw new Error(`cannot decode ${type} \`${text}\` as a ${tag}`);
}

function typeTag(value: YamlScalar): string {
  if (value === null) return '!!null';
  if (typeof value === 'boolean') return '!!bool';
  if (typeof value === 'string') return '!!str';
  return typeof value === 'bigint' || Number.isInteger(value) ? '!!int' : '!!float';
}

/** A key of a map, which JSON has as text. undefined: the null key, which it cannot have. */
export function keyText(key: YamlScalar): string | undefined {
  if (key === null) return undefined;
  if (typeof key === 'string') return key;
  if (typeof key !== 'number') return String(key);
  if (Number.isNaN(key)) return '.nan';
  if (!Number.isFinite(key)) return key > 0 ? '.inf' : '-.inf';
  return Number.isInteger(key) ? String(key) : singlePrecision(key);
}

/** As Go's FormatFloat(x, 'g', -1, 32), which sigs.k8s.io/yaml uses: the fewest digits that a float32 needs. */
function singlePrecision(value: number): string {
  const target = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) !== target) continue;
    const [mantissa = '', exponent = '0'] = Number(text).toExponential().split('e');
    const power = Number(exponent);
    if (power >= -4 && power < 6) return String(Number(text));
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  return String(value);
}
