import { compareGoStrings } from '../json-writer.ts';
import { quoteGo } from '../quote-go.ts';

/**
 * How Go prints decoded JSON: the error texts of kube-apiserver contain values as fmt prints them.
 * Integers are int64 when JSON was read into typed or "preserve ints" targets, float64 when it came from YAML.
 */
export interface GoNumbers {
  /** Print every number as a float64. */
  readonly floats?: boolean;
}

/** `%v` */
export function goValue(value: unknown, numbers: GoNumbers = {}): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return goNumber(value, numbers);
  if (Array.isArray(value)) return `[${value.map((v) => goValue(v, numbers)).join(' ')}]`;
  if (typeof value === 'object') {
    const members = sortedKeys(value).map((k) => `${k}:${goValue((value as Record<string, unknown>)[k], numbers)}`);
    return `map[${members.join(' ')}]`;
  }
  return String(value as string | boolean | bigint);
}

/** `%#v` */
export function goSyntax(value: unknown, numbers: GoNumbers = {}): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (typeof value === 'string') return quoteGo(value);
  if (typeof value === 'number') return goNumber(value, numbers);
  if (Array.isArray(value)) return `[]interface {}{${value.map((v) => goSyntax(v, numbers)).join(', ')}}`;
  if (typeof value === 'object') {
    const members = sortedKeys(value).map(
      (k) => `${quoteGo(k)}:${goSyntax((value as Record<string, unknown>)[k], numbers)}`,
    );
    return `map[string]interface {}{${members.join(', ')}}`;
  }
  return String(value as string | boolean | bigint);
}

/** `%T` */
export function goType(value: unknown, numbers: GoNumbers = {}): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return numbers.floats ? 'float64' : 'int64';
    case 'number':
      return numbers.floats || !Number.isInteger(value) ? 'float64' : 'int64';
    default:
      if (value === null || value === undefined) return '<nil>';
      return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
  }
}

/** reflect.Kind of decoded JSON */
export function goKind(value: unknown): string {
  const type = goType(value);
  return type.startsWith('map') ? 'map' : type.startsWith('[') ? 'slice' : type;
}

/** `%s` of a value that should have been a string. */
export function goString(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '%!s(<nil>)';
  return typeof value === 'object' ? goValue(value) : `%!s(${goType(value)}=${goValue(value)})`;
}

function sortedKeys(object: object): string[] {
  return Object.keys(object).sort(compareGoStrings);
}

function goNumber(value: number, numbers: GoNumbers): string {
  if (Number.isInteger(value) && !numbers.floats) return String(value);
  return goFloat(value);
}

/** `%v` of a float64: the shortest digits, with an exponent below -4 and from 6 on. */
export function goFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', exponentText = ''] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
