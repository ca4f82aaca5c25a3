import { describe, expect, it } from 'vitest';
import { createEventCorrelator, type EventParts } from '@nodeless/controller-runtime/event-correlator';

const event = (message: string, more: Partial<EventParts> = {}): EventParts => ({
  about: 'Pod\ndefault\np\nuid',
  fieldPath: '',
  type: 'Normal',
  reason: 'Say',
  message,
  ...more,
});
const minute = 60_000;

describe('the event correlator', () => {
  it('gives equal events one key, and different ones another', () => {
    const correlator = createEventCorrelator();
    const [a, b, c, d] = [event('x'), event('x'), event('y'), event('x', { fieldPath: 'spec.containers{c}' })].map(
      (e) => correlator.correlate(e, 0)?.key,
    );
    expect(a).toBe(b);
    expect(new Set([a, c, d]).size).toBe(3);
  });

  it('puts alike ones together from the tenth message on', () => {
    const correlator = createEventCorrelator();
    const all = Array.from({ length: 12 }, (_, i) => correlator.correlate(event(`message ${i}`), 0));
    expect(all[8]?.message).toBe('message 8');
    expect(all.slice(9).map((c) => c?.message)).toEqual([
      '(combined from similar events): message 9',
      '(combined from similar events): message 10',
      '(combined from similar events): message 11',
    ]);
    expect(new Set(all.slice(9).map((c) => c?.key)).size).toBe(1);
    // Of another reason they are not alike.
    expect(correlator.correlate(event('message 13', { reason: 'Other' }), 0)?.message).toBe('message 13');
  });

  it('forgets alike ones after ten minutes of silence', () => {
    const correlator = createEventCorrelator();
    for (let i = 0; i < 12; i++) correlator.correlate(event(`message ${i}`), 0);
    expect(correlator.correlate(event('x'), 9 * minute)?.message).toContain('combined');
    expect(correlator.correlate(event('x'), 30 * minute)?.message).toBe('x');
  });

  it('lets 25 about one object through, and then one in five minutes', () => {
    const correlator = createEventCorrelator();
    const passed = (count: number, now: number): number =>
      Array.from({ length: count }, () => correlator.correlate(event('x'), now)).filter(Boolean).length;
    expect(passed(40, 0)).toBe(25);
    expect(passed(10, 4 * minute)).toBe(0);
    expect(passed(10, 5 * minute)).toBe(1);
    expect(correlator.correlate(event('x', { about: 'Pod\ndefault\nother\nuid' }), 0)).toBeDefined();
  });
});
