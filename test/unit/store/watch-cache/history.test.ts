import { baseCounter, createHistory } from '@nodeless/store/watch-cache/history';
import { describe, expect, it } from 'vitest';

const limits = { historyMs: 300_000, maxBytes: 1000 };

describe('history', () => {
  it('keeps everything until its time has passed', () => {
    const history = createHistory(limits, 100);
    history.note(0, 100, 1);
    history.note(10_000, 105, 1);
    history.note(20_000, 110, 1);
    expect(history.compacted(299_999, 120)).toBe(100);
    // At 10,000 the state 105 was replaced: those before it go then, it itself with the next.
    expect(history.compacted(310_000, 120)).toBe(105);
    expect(history.compacted(319_999, 120)).toBe(105);
    expect(history.compacted(320_000, 120)).toBe(120);
  });

  it('what is current does not age', () => {
    const history = createHistory(limits, 100);
    expect(history.compacted(1e9, 100)).toBe(100);
    history.note(1e9, 100, 1);
    expect(history.compacted(1e9 + 299_999, 101)).toBe(100);
    expect(history.compacted(2e9, 101)).toBe(101);
    history.note(2e9, 101, 1);
    expect(history.compacted(2e9 + 1, 102)).toBe(101);
  });

  it('a state replaced late in a window is kept for its whole time', () => {
    const history = createHistory(limits, 0);
    history.note(0, 0, 1);
    history.note(900, 1, 1);
    expect(history.compacted(300_000, 2)).toBe(0);
    expect(history.compacted(300_899, 2)).toBe(0);
    expect(history.compacted(300_900, 2)).toBe(2);
  });

  it('a flood of bytes pushes the oldest windows out', () => {
    const history = createHistory(limits, 0);
    for (let second = 0; second < 5; second++) history.note(second * 1000, second * 10, 300);
    // 1,500 bytes were noted and 1,000 may stay: two windows went.
    expect(history.compacted(5000, 50)).toBe(20);
    history.note(5000, 50, 5000);
    expect(history.compacted(5000, 60)).toBe(50);
  });

  it('never goes back, also when the clock does', () => {
    const history = createHistory(limits, 0);
    history.note(1_000_000, 10, 1);
    history.note(500_000, 20, 1);
    history.note(501_500, 30, 1);
    const first = history.compacted(801_000, 40);
    expect(first).toBeGreaterThanOrEqual(20);
    expect(history.compacted(500_000, 40)).toBe(first);
    expect(history.compacted(801_500, 40)).toBe(40);
  });

  it('a new store starts at seconds × 2^20', () => {
    const base = baseCounter(Date.UTC(2026, 10, 23, 6, 0, 0, 999));
    expect(base).toBe((Date.UTC(2026, 10, 23, 6) / 1000) * 2 ** 20);
    expect(String(base)).toHaveLength(16);
    expect(Number.isSafeInteger(baseCounter(Date.UTC(2240, 0, 1)))).toBe(true);
  });
});
