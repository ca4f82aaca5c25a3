import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalMicroTime, canonicalTime, formatMicroTime, formatTime, parseTime } from '@nodeless/apimachinery/time';

const layout = '2006-01-02T15:04:05Z07:00';

describe('Time', () => {
  it.each([
    ['2030-01-02T03:04:05Z', '2030-01-02T03:04:05Z'],
    ['2030-01-02T03:04:05.999Z', '2030-01-02T03:04:05Z'],
    ['2030-01-02T03:04:05+02:00', '2030-01-02T01:04:05Z'],
    ['2030-01-02T3:04:05-01:30', '2030-01-02T04:34:05Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['0050-01-01T00:00:00Z', '0050-01-01T00:00:00Z'],
  ])('%s', (text, canonical) => expect(canonicalTime(text)).toBe(canonical));

  // recorded from Go's time.Parse
  it.each([
    ['', `parsing time "" as "${layout}": cannot parse "" as "2006"`],
    ['abc', `parsing time "abc" as "${layout}": cannot parse "abc" as "2006"`],
    ['2030', `parsing time "2030" as "${layout}": cannot parse "" as "-"`],
    ['2030-13-01T00:00:00Z', 'parsing time "2030-13-01T00:00:00Z": month out of range'],
    ['2023-02-29T00:00:00Z', 'parsing time "2023-02-29T00:00:00Z": day out of range'],
    ['2030-01-01 00:00:00Z', `parsing time "2030-01-01 00:00:00Z" as "${layout}": cannot parse " 00:00:00Z" as "T"`],
    ['2030-01-01T24:00:00Z', 'parsing time "2030-01-01T24:00:00Z": hour out of range'],
    ['2030-01-01T00:00:00', `parsing time "2030-01-01T00:00:00" as "${layout}": cannot parse "" as "Z07:00"`],
    ['2030-01-01T00:00:00Zx', 'parsing time "2030-01-01T00:00:00Zx": extra text: "x"'],
    ['é"', `parsing time "\\xc3\\xa9\\"" as "${layout}": cannot parse "\\xc3\\xa9\\"" as "2006"`],
  ])('refuses %j', (text, message) => {
    expect(() => canonicalTime(text)).toThrow(message);
  });
});

describe('MicroTime', () => {
  it.each([
    ['2030-01-02T03:04:05.123456Z', '2030-01-02T03:04:05.123456Z'],
    ['2030-01-02T03:04:05.123456+01:00', '2030-01-02T02:04:05.123456Z'],
  ])('%s', (text, canonical) => expect(canonicalMicroTime(text)).toBe(canonical));

  it('needs its six decimals', () => {
    expect(() => canonicalMicroTime('2030-01-02T03:04:05Z')).toThrow(
      'parsing time "2030-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    );
  });
});

it('what is formatted is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (ms) => {
      expect(parseTime(formatTime(ms))).toBe(Math.floor(ms / 1000) * 1000);
      expect(parseTime(formatMicroTime(ms))).toBe(ms);
      expect(canonicalMicroTime(formatMicroTime(ms))).toBe(formatMicroTime(ms));
    }),
  );
});
