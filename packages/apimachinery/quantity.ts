/**
 * resource.Quantity: an exact decimal with a suffix, as k8s.io/apimachinery/pkg/api/resource reads and writes it.
 * The amount is value × 10^scale. Quantities are immutable and shared: parsing the same text twice gives the same one.
 */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export interface Quantity {
  readonly value: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** How it was written, where upstream keeps that (`1.500` stays, `1.50` becomes 1500m). */
  readonly text: string | undefined;
}

/** The text is not a quantity. The message is upstream's. */
export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const WRONG_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_NUMBER = 'unable to parse numeric part of quantity';
const WRONG_SUFFIX = "unable to parse quantity's suffix";

const decimalSuffixes: Readonly<Record<number, string>> = {
  [-9]: 'n',
  [-6]: 'u',
  [-3]: 'm',
  0: '',
  3: 'k',
  6: 'M',
  9: 'G',
  12: 'T',
  15: 'P',
  18: 'E',
};
const binarySuffixes: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimalExponents = new Map(
  Object.entries(decimalSuffixes).map(([exponent, suffix]) => [suffix, Number(exponent)]),
);
const binaryExponents = new Map(binarySuffixes.slice(1).map((suffix, i) => [suffix, 10 * (i + 1)]));

/** The largest amount that a BinarySI quantity is read as. */
const MAX_INT64 = 2n ** 63n - 1n;
/** Beyond this exponent amounts count as infinite: nobody has them, and to write them out would take all memory. */
const MAX_SCALE = 400;
const NANO = -9;

const cache = new Map<string, Quantity>();
const CACHE_SIZE = 4096;

/**
 * Reads a quantity from JSON: a string (surrounding space is ignored) or a number.
 * @throws QuantityError
 */
export function parseQuantity(input: string | number | bigint): Quantity {
  const text = typeof input === 'string' ? input : String(input);
  let quantity = cache.get(text);
  if (quantity === undefined) {
    quantity = Object.freeze(parse(text.trim()));
    if (cache.size >= CACHE_SIZE) cache.clear();
    if (text.length <= 32) cache.set(text, quantity);
  }
  return quantity;
}

/** sign, integer digits without leading zeros, fraction, suffix letters, suffix number: what upstream's scanner splits. */
const pattern = /^([+-]?)0*([0-9]*)(?:(\.)([0-9]*))?([eEinumkKMGTP]*)([-+]?)([0-9]*)$/;

function parse(text: string): Quantity {
  if (text === '') throw new QuantityError(WRONG_FORMAT);
  if (text === '0') return { value: 0n, scale: 0, format: 'DecimalSI', text };
  const match = pattern.exec(text);
  if (match === null) throw new QuantityError(WRONG_FORMAT);
  const [, sign = '', digits = '', point, fraction = '', letters = '', suffixSign = '', suffixDigits = ''] = match;
  const { base, exponent, format } = readSuffix(letters + suffixSign + suffixDigits);
  const whole = digits === '' ? '0' : digits;
  const negative = sign === '-';

  const short = shortForm(text, whole, fraction, base, exponent, format, negative);
  if (short !== undefined) return short;

  if (
    digits === '' &&
    fraction === '' &&
    !/[0-9]/.test(text.slice(0, text.length - letters.length - suffixSign.length - suffixDigits.length)) &&
    (point !== undefined || letters + suffixSign + suffixDigits !== '')
  ) {
    throw new QuantityError(WRONG_NUMBER);
  }
  let value = BigInt(whole + fraction);
  let scale = -fraction.length;
  if (base === 10) scale += exponent;
  else value *= 2n ** BigInt(exponent);
  [value, scale] = roundUpTo(value, scale, NANO);
  let finalFormat: QuantityFormat = format;
  if (format === 'BinarySI') {
    if (compareScaled(value, scale, MAX_INT64, 0) > 0) [value, scale] = [MAX_INT64, 0];
    if (value > 0n && compareScaled(value, scale, 1n, 0) < 0) finalFormat = 'DecimalSI';
  }
  return { value: negative ? -value : value, scale, format: finalFormat, text: undefined };
}

/**
 * Upstream reads what fits an int64 by a shorter way, and there keeps the text when it looks canonical. Which texts
 * survive is visible to clients, so the conditions are upstream's. Undefined = the long way.
 */
function shortForm(
  text: string,
  whole: string,
  fraction: string,
  base: number,
  exponent: number,
  format: QuantityFormat,
  negative: boolean,
): Quantity | undefined {
  let scale = 0;
  let factor = 1n;
  if (base === 2) {
    if (fraction !== '' || 15 - whole.length - Math.trunc((exponent * 3) / 10) - 1 < 0) return undefined;
    factor = 2n ** BigInt(exponent);
  } else {
    if (18 - whole.length - fraction.length < 0) return undefined;
    scale = exponent - fraction.length;
    if (scale < NANO) return undefined;
  }
  const shifted = whole + fraction;
  const number = BigInt(shifted);
  const keeps =
    base === 2 ? (number & 7n) !== 0n : scale % 3 === 0 && !shifted.endsWith('000') && shifted.charAt(0) !== '0';
  const value = number * factor;
  return { value: negative ? -value : value, scale, format, text: keeps ? text : undefined };
}

function readSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const decimal = decimalExponents.get(suffix);
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binaryExponents.get(suffix);
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  const match = /^[eE]([+-]?[0-9]+)$/.exec(suffix);
  if (match === null) throw new QuantityError(WRONG_SUFFIX);
  const exponent = BigInt(match[1] as string);
  if (exponent !== BigInt.asIntN(64, exponent)) throw new QuantityError(WRONG_SUFFIX);
  return { base: 10, exponent: Number(BigInt.asIntN(32, exponent)), format: 'DecimalExponent' };
}

/** A quantity of a number: `createQuantity(500n, 'DecimalSI', -3)` is 500m. Fractions of a number are refused. */
export function createQuantity(value: bigint | number, format: QuantityFormat = 'DecimalSI', scale = 0): Quantity {
  return { value: BigInt(value), scale, format, text: undefined };
}
export const zeroQuantity: Quantity = Object.freeze(createQuantity(0));

const canonical = /^[1-9][0-9]{0,2}(?:[numkMGTPE]|[KMGTP]i)?$/;

/**
 * What a quantity of a request becomes: `0.5` → `500m`, `1024Mi` → `1Gi`.
 * @throws QuantityError
 */
export function canonicalQuantity(input: string | number | bigint): string {
  if (typeof input === 'string' && (input === '0' || canonical.test(input))) return input;
  return formatQuantity(parseQuantity(input));
}

export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  if (quantity.value === 0n) return '0';
  let format = quantity.format;
  if (format === 'BinarySI') {
    const small = compareScaled(abs(quantity.value), quantity.scale, 1024n, 0) < 0;
    const [rounded, scale] = small ? [0n, 0] : roundUpTo(quantity.value, quantity.scale, 0);
    if (!small && compareScaled(rounded, scale, quantity.value, quantity.scale) === 0)
      return formatBinary(expand(rounded, scale));
    format = 'DecimalSI';
  }
  let { value, scale } = quantity;
  while (value % 10n === 0n) {
    value /= 10n;
    scale++;
  }
  while (scale % 3 !== 0) {
    value *= 10n;
    scale--;
  }
  if (format === 'DecimalSI') return `${value}${decimalSuffixes[scale] ?? ''}`;
  return scale === 0 ? `${value}` : `${value}e${scale}`;
}

function formatBinary(amount: bigint): string {
  let value = amount;
  let power = 0;
  while (value % 1024n === 0n) {
    value /= 1024n;
    power++;
  }
  return `${value}${binarySuffixes[power] ?? ''}`;
}

/** The sum, in the format of `a` unless `a` is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const format = a.value === 0n ? b.format : a.format;
  if (a.value === 0n || b.value === 0n) {
    const { value, scale } = a.value === 0n ? b : a;
    return { value, scale, format, text: undefined };
  }
  const scale = Math.min(a.scale, b.scale);
  return { value: expand(a.value, a.scale - scale) + expand(b.value, b.scale - scale), scale, format, text: undefined };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return addQuantities(a, negateQuantity(b));
}

export function negateQuantity(quantity: Quantity): Quantity {
  return { value: -quantity.value, scale: quantity.scale, format: quantity.format, text: undefined };
}

export function multiplyQuantity(quantity: Quantity, factor: bigint | number): Quantity {
  return { value: quantity.value * BigInt(factor), scale: quantity.scale, format: quantity.format, text: undefined };
}

/** -1, 0 or 1; formats do not matter. */
export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return compareScaled(a.value, a.scale, b.value, b.scale);
}

export function quantitySign(quantity: Quantity): -1 | 0 | 1 {
  return quantity.value > 0n ? 1 : quantity.value < 0n ? -1 : 0;
}

/** At least `scale`, rounded away from zero: `roundUpQuantity(1.5m, -3)` is 2m. */
export function roundUpQuantity(quantity: Quantity, scale: number): Quantity {
  if (quantity.scale >= scale) return quantity;
  const [value, rounded] = roundUpTo(quantity.value, quantity.scale, scale);
  return { value, scale: rounded, format: quantity.format, text: undefined };
}

/** The amount in units, rounded away from zero; a number, so inexact above 2^53. */
export function quantityValue(quantity: Quantity): number {
  return scaledNumber(quantity, 0);
}

/** The amount in thousandths: CPU as millicores. Rounded away from zero. */
export function quantityMilliValue(quantity: Quantity): number {
  return scaledNumber(quantity, -3);
}

function scaledNumber(quantity: Quantity, scale: number): number {
  if (quantity.scale === scale) return Number(quantity.value);
  const [value, rounded] = roundUpTo(quantity.value, quantity.scale, scale);
  return Number(expand(value, rounded - scale));
}

const abs = (n: bigint): bigint => (n < 0n ? -n : n);

/** value × 10^power, capped where nobody can hold it. */
function expand(value: bigint, power: number): bigint {
  if (power === 0 || value === 0n) return value;
  return value * 10n ** BigInt(Math.min(power, MAX_SCALE));
}

function roundUpTo(value: bigint, scale: number, target: number): [bigint, number] {
  if (scale >= target || value === 0n) return [value, Math.max(scale, value === 0n ? 0 : scale)];
  const drop = target - scale;
  // so much smaller than a unit that only "more than nothing" is left
  if (drop > MAX_SCALE + value.toString().length) return [value > 0n ? 1n : -1n, target];
  const divisor = 10n ** BigInt(drop);
  const quotient = value / divisor;
  const exact = quotient * divisor === value;
  return [exact ? quotient : value > 0n ? quotient + 1n : quotient - 1n, target];
}

function compareScaled(a: bigint, aScale: number, b: bigint, bScale: number): -1 | 0 | 1 {
  if (aScale === bScale || a === 0n || b === 0n) return a < b ? -1 : a > b ? 1 : 0;
  if (a < 0n !== b < 0n) return a < b ? -1 : 1;
  // by size first: exponents may be far apart
  const size = abs(a).toString().length + aScale - abs(b).toString().length - bScale;
  if (size !== 0) return size > 0 === a > 0n ? 1 : -1;
  const scale = Math.min(aScale, bScale);
  const x = a * 10n ** BigInt(aScale - scale);
  const y = b * 10n ** BigInt(bScale - scale);
  return x < y ? -1 : x > y ? 1 : 0;
}
