import type { Entry, StoreEvent } from '@nodeless/store/store';
import { createEventLog } from '@nodeless/store/watch-cache/event-log';
import { describe, expect, it } from 'vitest';

const event = (revision: number): StoreEvent => ({
  type: 'put',
  key: 'k',
  revision,
  entry: {} as Entry,
  previous: undefined,
});

function after(log: ReturnType<typeof createEventLog>, revision: number): number[] {
  const seen: number[] = [];
  log.after(revision, (one) => seen.push(one.revision));
  const back: number[] = [];
  log.backTo(revision, (one) => back.push(one.revision));
  expect(back.reverse()).toEqual(seen);
  return seen;
}

describe('event log', () => {
  it('finds what follows a revision, whether it was an event or not', () => {
    const log = createEventLog();
    expect([after(log, 0), log.last()]).toEqual([[], 0]);
    for (const revision of [10, 20, 30]) log.append(event(revision));
    expect([0, 9, 10, 15, 29, 30, 99].map((revision) => after(log, revision))).toEqual([
      [10, 20, 30],
      [10, 20, 30],
      [20, 30],
      [20, 30],
      [30],
      [],
      [],
    ]);
    expect(log.last()).toBe(30);
  });

  it('releases the decoded form of what was replaced, and of nothing else', () => {
    const log = createEventLog();
    const entry = (revision: number): Entry => ({
      key: 'k',
      revision,
      value: { bytes: new Uint8Array(), decoded: revision },
      attributes: { labels: undefined, fields: undefined, owners: undefined, trigger: undefined },
    });
    const [one, two, three, gone] = [1, 2, 3, 4].map(entry) as [Entry, Entry, Entry, Entry];
    log.append({ type: 'put', key: 'k', revision: 1, entry: one, previous: undefined });
    log.append({ type: 'put', key: 'k', revision: 2, entry: two, previous: one });
    log.append({ type: 'put', key: 'k', revision: 3, entry: three, previous: two });
    const decoded = () => [one, two, three, gone].map(({ value }) => value.decoded);
    log.releaseThrough(1);
    expect(decoded()).toEqual([1, 2, 3, 4]);
    log.releaseThrough(2);
    expect(decoded()).toEqual([undefined, 2, 3, 4]);
    log.releaseThrough(9);
    expect(decoded()).toEqual([undefined, undefined, 3, 4]);
    log.append({ type: 'delete', key: 'k', revision: 10, entry: gone, previous: three });
    log.releaseThrough(10);
    expect(decoded()).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('forgets from the old end, again and again', () => {
    const log = createEventLog();
    let next = 1;
    let oldest = 1;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 7; i++) log.append(event(next++));
      if (round % 2) log.dropThrough((oldest = Math.min(next, oldest + 13)) - 1);
      const want = Array.from({ length: next - oldest }, (_, i) => oldest + i);
      expect(after(log, 0)).toEqual(want);
    }
    log.dropThrough(next);
    expect([after(log, 0), log.last()]).toEqual([[], 0]);
    log.append(event(next));
    expect(after(log, 0)).toEqual([next]);
  });
});
