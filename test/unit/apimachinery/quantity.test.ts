import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  createQuantity,
  formatQuantity,
  multiplyQuantity,
  negateQuantity,
  parseQuantity,
  quantityMilliValue,
  quantitySign,
  quantityValue,
  roundUpQuantity,
  subtractQuantities,
} from '@nodeless/apimachinery/quantity';

describe('canonical form (recorded from k8s.io/apimachinery)', () => {
  it.each([
    ['0', '0'],
    ['00', '0'],
    ['1', '1'],
    ['+1', '+1'],
    ['010', '010'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['5.', '5.'],
    ['1.5', '1500m'],
    ['1.500', '1.500'],
    ['1.0', '1'],
    ['1024Mi', '1Gi'],
    ['1024', '1024'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['0.1Mi', '104857600m'],
    ['1000000', '1M'],
    ['1234567', '1234567'],
    ['100e3', '100e3'],
    ['1E3', '1E3'],
    ['1e1', '10'],
    ['0.0000000001', '1n'],
    ['-0.0000000001', '-1n'],
    ['9Ei', '9223372036854775807'],
    ['9223372036854775808', '9223372036854775808'],
    [' 1Gi ', '1Gi'],
    ['-1.5Gi', '-1536Mi'],
  ])('%s → %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
    expect(compareQuantities(parseQuantity(canonical), parseQuantity(text))).toBe(0);
  });

  it('reads numbers', () => {
    expect(canonicalQuantity(5)).toBe('5');
    expect(canonicalQuantity(0.5)).toBe('500m');
    expect(canonicalQuantity(10n)).toBe('10');
  });
});

it.each([
  ['', "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
  ['abc', "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
  ['1 Gi', "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
  ['1.2.3', "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
  ['--1', "unable to parse quantity's suffix"],
  ['1K', "unable to parse quantity's suffix"],
  ['1mi', "unable to parse quantity's suffix"],
  ['1e', "unable to parse quantity's suffix"],
  ['1E99999999999999999999', "unable to parse quantity's suffix"],
])('refuses %j', (text, message) => {
  expect(() => parseQuantity(text)).toThrow(message);
});

describe('arithmetic', () => {
  it.each([
    ['1', '500m', '1500m', '500m'],
    ['1Gi', '512Mi', '1536Mi', '512Mi'],
    ['0', '1Gi', '1Gi', '-1Gi'],
    ['1Gi', '0', '1Gi', '1Gi'],
    ['100m', '100m', '200m', '0'],
    ['1k', '1Ki', '2024', '-24'],
  ])('%s and %s', (a, b, sum, difference) => {
    expect(formatQuantity(addQuantities(parseQuantity(a), parseQuantity(b)))).toBe(sum);
    expect(formatQuantity(subtractQuantities(parseQuantity(a), parseQuantity(b)))).toBe(difference);
  });

  it('numbers of a quantity, rounded up', () => {
    expect(quantityValue(parseQuantity('1500m'))).toBe(2);
    expect(quantityValue(parseQuantity('1Ki'))).toBe(1024);
    expect(quantityMilliValue(parseQuantity('1.5'))).toBe(1500);
    expect(quantityMilliValue(parseQuantity('100u'))).toBe(1);
    expect(formatQuantity(roundUpQuantity(parseQuantity('1100u'), -3))).toBe('2m');
    expect(formatQuantity(createQuantity(500n, 'DecimalSI', -3))).toBe('500m');
    expect(formatQuantity(createQuantity(2 ** 30, 'BinarySI'))).toBe('1Gi');
    expect(quantitySign(negateQuantity(parseQuantity('1')))).toBe(-1);
    expect(formatQuantity(multiplyQuantity(parseQuantity('250m'), 4))).toBe('1');
  });

  it('exponents that nobody can hold cost nothing', () => {
    const huge = parseQuantity('1e1000000000');
    const tiny = parseQuantity('1e-1000000000');
    expect(compareQuantities(huge, parseQuantity('5'))).toBe(1);
    expect(compareQuantities(negateQuantity(huge), huge)).toBe(-1);
    expect(quantityValue(huge)).toBe(Number.POSITIVE_INFINITY);
    expect(compareQuantities(tiny, parseQuantity('1n'))).toBe(0);
    expect(addQuantities(huge, tiny).value > 0n).toBe(true);
  });
});

describe('properties', () => {
  const suffix = fc.constantFrom('', 'm', 'u', 'n', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'e-3');
  const text = fc
    .tuple(fc.constantFrom('', '-'), fc.nat(10_000_000), fc.option(fc.nat(999_999)), suffix)
    .map(([sign, whole, fraction, s]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${s}`);

  it('the canonical form is the same amount, and canonical', () => {
    fc.assert(
      fc.property(text, (t) => {
        const canonical = formatQuantity({ ...parseQuantity(t), text: undefined });
        expect(compareQuantities(parseQuantity(canonical), parseQuantity(t))).toBe(0);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });

  it('addition and subtraction undo each other; comparison is that of the difference', () => {
    fc.assert(
      fc.property(text, text, (x, y) => {
        const a = parseQuantity(x);
        const b = parseQuantity(y);
        expect(compareQuantities(subtractQuantities(addQuantities(a, b), b), a)).toBe(0);
        expect(compareQuantities(addQuantities(a, b), addQuantities(b, a))).toBe(0);
        expect(compareQuantities(a, b)).toBe(quantitySign(subtractQuantities(a, b)));
      }),
    );
  });
});
