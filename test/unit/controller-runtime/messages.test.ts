import {
  groupOf,
  parseLaterMessage,
  parseWorkMessage,
  waitId,
  workMessage,
} from '@nodeless/controller-runtime/messages';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const message = workMessage('deployment-controller', { namespace: 'default', name: 'web' });

describe('messages', () => {
  it('are what their specification says', () => {
    expect(JSON.parse(JSON.stringify(message))).toEqual({
      v: 1,
      controller: 'deployment-controller',
      namespace: 'default',
      name: 'web',
      attempt: 0,
    });
    expect(JSON.stringify(workMessage('c', { name: 'node-1' }))).not.toContain('namespace');
  });

  it('of one key are one group; of a controller that works one by one, all are', () => {
    expect(groupOf(message)).toMatch(/^[0-9a-f]{64}$/);
    expect(groupOf({ ...message, attempt: 7 })).toBe(groupOf(message));
    expect(groupOf({ ...message, name: 'other' })).not.toBe(groupOf(message));
    expect(groupOf({ ...message, name: 'other' }, { concurrency: 1 })).toBe(groupOf(message, { concurrency: 1 }));
  });

  it.each([
    '',
    '{}',
    'null',
    '[]',
    '{"v":2,"controller":"c","name":"n","attempt":0}',
    '{"v":1,"controller":"","name":"n","attempt":0}',
  ])('are refused as %j', (body) => {
    expect(() => parseWorkMessage(body)).toThrow();
  });

  it('that wait come as text and as objects', () => {
    const waiting = { v: 1 as const, queue: 'controllers', group: 'g', id: 'i', message };
    expect(parseLaterMessage(JSON.stringify(waiting))).toEqual(waiting);
    expect(parseLaterMessage(waiting)).toEqual(waiting);
    for (const missing of ['queue', 'group', 'id', 'message'])
      expect(() => parseLaterMessage({ ...waiting, [missing]: undefined })).toThrow();
    expect(() => parseLaterMessage(undefined)).toThrow();
  });
});

describe('waits of one key', () => {
  const wait = fc.record({ at: fc.integer({ min: 0, max: 3_600_000 }), afterMs: fc.integer({ min: 1, max: 900_000 }) });

  it('that share an id end after the last of them began, whichever is kept', () => {
    let shared = 0;
    fc.assert(
      fc.property(wait, wait, (a, b) => {
        const close = { at: a.at + (b.at % 2_000), afterMs: a.afterMs + (b.afterMs % 100) };
        for (const other of [b, close]) {
          if (waitId(message, a.at, a.afterMs) !== waitId(message, other.at, other.afterMs)) continue;
          shared += 1;
          expect(Math.min(a.at + a.afterMs, other.at + other.afterMs)).toBeGreaterThan(Math.max(a.at, other.at));
        }
      }),
      { numRuns: 2_000 },
    );
    expect(shared).toBeGreaterThan(100);
  });

  it('are few, however many there are', () => {
    const ids = new Set<string>();
    for (let at = 0; at < 100_000; at += 100) ids.add(waitId(message, at, 100_000));
    expect(ids.size).toBeLessThanOrEqual(3);
    expect(waitId({ ...message, name: 'other' }, 0, 1_000)).not.toBe(waitId(message, 0, 1_000));
  });
});
