import { expect, it } from 'vitest';
import { ageOf, humanDuration, shortHumanDuration } from '@nodeless/apimachinery/duration';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const Y = 365 * D;

it.each([
  [-2 * S, '<invalid>', '<invalid>'],
  [-1 * S, '0s', '0s'],
  [-0.5 * S, '0s', '0s'],
  [0, '0s', '0s'],
  [59.9 * S, '59s', '59s'],
  [119 * S, '119s', '1m'],
  [2 * M, '2m', '2m'],
  [2 * M + 3 * S, '2m3s', '2m'],
  [10 * M + 3 * S, '10m', '10m'],
  [179 * M, '179m', '2h'],
  [3 * H, '3h', '3h'],
  [7 * H + 59 * M, '7h59m', '7h'],
  [8 * H + 5 * M, '8h', '8h'],
  [47 * H, '47h', '1d'],
  [48 * H, '2d', '2d'],
  [7 * D + 23 * H, '7d23h', '7d'],
  [8 * D + 5 * H, '8d', '8d'],
  [2 * Y - H, '729d', '1y'],
  [2 * Y, '2y', '2y'],
  [2 * Y + 100 * D, '2y100d', '2y'],
  [8 * Y + 100 * D, '8y', '8y'],
])('%d ms: %s, %s', (ms, long, short) => {
  expect(humanDuration(ms)).toBe(long);
  expect(shortHumanDuration(ms)).toBe(short);
});

it('ages', () => {
  const now = Date.parse('2030-01-01T00:01:05.5Z');
  expect(ageOf('2030-01-01T00:00:00Z', now)).toBe('65s');
  expect(ageOf('2030-01-01T00:00:00.900000Z', now)).toBe('64s');
  expect(ageOf(undefined, now)).toBe('<unknown>');
  expect(ageOf(null, now)).toBe('<unknown>');
});
