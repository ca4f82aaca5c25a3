import { Warnings } from '@nodeless/apiserver/warnings';
import { describe, expect, it } from 'vitest';

const values = (...texts: string[]): string[] => {
  const warnings = new Warnings();
  for (const text of texts) warnings.add(text);
  return warnings.headerValues();
};

describe('warnings', () => {
  it('are quoted, in order, once', () => {
    expect(values('unknown field "a"', 'back\\slash', 'unknown field "a"', '')).toEqual([
      '299 - "unknown field \\"a\\""',
      '299 - "back\\\\slash"',
    ]);
  });
  it('leave as bytes', () => {
    expect(values('ü')).toEqual(['299 - "Ã¼"']);
  });
  it('never break the head', () => {
    expect(values('a\r\nSet-Cookie: x', 'b')).toEqual(['299 - "b"']);
  });
  it('are cut short when they are too many', () => {
    const all = values(...Array.from({ length: 100 }, (_, i) => `${i}-`.padEnd(400, 'x')));
    expect(all.every((value) => value.length <= 256 + 8)).toBe(true);
    expect(all.join('').length).toBeLessThan(6_000);
    expect(all.length).toBeGreaterThan(10);
  });
});
