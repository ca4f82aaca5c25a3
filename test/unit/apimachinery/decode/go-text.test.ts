import { formatDuration, parseDuration } from '@nodeless/apimachinery/decode/duration';
import { goFloat, goString, goSyntax, goType, goValue } from '@nodeless/apimachinery/decode/go-format';
import { describe, expect, it } from 'vitest';

describe('goFloat', () => {
  it.each([
    [5, '5'],
    [123456, '123456'],
    [1234567, '1.234567e+06'],
    [1e6, '1e+06'],
    [1e21, '1e+21'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-0.25, '-0.25'],
    [1234567.8, '1.2345678e+06'],
  ])('%d is %s', (value, want) => {
    expect(goFloat(value)).toBe(want);
  });
});

describe('values', () => {
  const value = { b: null, a: 1, c: ['x', true, 1.5], '10': {} };
  it('as %v, %#v, %T', () => {
    expect(goValue(value)).toBe('map[10:map[] a:1 b:<nil> c:[x true 1.5]]');
    expect(goSyntax(value)).toBe(
      'map[string]interface {}{"10":map[string]interface {}{}, "a":1, "b":interface {}(nil), "c":[]interface {}{"x", true, 1.5}}',
    );
    expect([1, 1.5, 'x', null, [], {}, true].map((v) => goType(v))).toEqual([
      'int64',
      'float64',
      'string',
      '<nil>',
      '[]interface {}',
      'map[string]interface {}',
      'bool',
    ]);
    expect(goType(1, { floats: true })).toBe('float64');
    expect(goValue(20000000, { floats: true })).toBe('2e+07');
  });
  it('as %s where a string was expected', () => {
    expect(goString(5)).toBe('%!s(int64=5)');
    expect(goString(null)).toBe('%!s(<nil>)');
  });
});

describe('durations', () => {
  it.each([
    ['1.5h', '1h30m0s'],
    ['90s', '1m30s'],
    ['300ms', '300ms'],
    ['1500us', '1.5ms'],
    ['0', '0s'],
    ['-2m', '-2m0s'],
    ['1h1ns', '1h0m0.000000001s'],
    ['.5s', '500ms'],
  ])('%s is %s', (text, want) => {
    expect(formatDuration(parseDuration(text))).toBe(want);
  });
  it.each([
    ['', 'time: invalid duration ""'],
    ['5', 'time: missing unit in duration "5"'],
    ['5x', 'time: unknown unit "x" in duration "5x"'],
    ['x', 'time: invalid duration "x"'],
    ['99999999h', 'time: invalid duration "99999999h"'],
  ])('%j is refused', (text, want) => {
    expect(() => parseDuration(text)).toThrow(want);
  });
});
