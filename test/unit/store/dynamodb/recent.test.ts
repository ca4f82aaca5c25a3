import { createRecent } from '@nodeless/store/dynamodb/recent';
import type { Entry } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';

const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const entryOf = (key: string, revision: number, length = 10): Entry => ({
  key,
  revision,
  attributes,
  value: { bytes: new Uint8Array(length) },
});

describe('what was seen lately', () => {
  it('older news change nothing, and an entry that is known stays the same object', () => {
    const recent = createRecent(() => 5);
    const first = entryOf('/pods/a/x', 7);
    recent.note('/pods/a/x', 7, first, 1);
    recent.note('/pods/a/x', 6, entryOf('/pods/a/x', 6), 2);
    recent.note('/pods/a/x', 7, entryOf('/pods/a/x', 7), 3);
    expect(recent.get('/pods/a/x')).toEqual({ revision: 7, entry: first, moment: 3, time: 5 });
    expect(recent.at('/pods/a/x', 7)).toBe(first);
    expect(recent.at('/pods/a/x', 8)).toBeUndefined();
    recent.note('/pods/a/x', 9, undefined, 4);
    expect(recent.get('/pods/a/x')).toMatchObject({ revision: 9, entry: undefined });
    recent.clear();
    expect(recent.get('/pods/a/x')).toBeUndefined();
  });

  it('is bounded by its number and by its size', () => {
    const recent = createRecent(() => 0);
    for (let i = 0; i < 600; i++) recent.note(`/pods/a/${i}`, 1, entryOf(`/pods/a/${i}`, 1), i);
    expect(recent.get('/pods/a/80')).toBeUndefined();
    expect(recent.get('/pods/a/100')).toBeDefined();
    for (let i = 0; i < 20; i++) recent.note(`/secrets/a/${i}`, 1, entryOf(`/secrets/a/${i}`, 1, 1_500_000), i);
    expect(recent.get('/secrets/a/5')).toBeUndefined();
    expect(recent.get('/secrets/a/19')).toBeDefined();
    // What replaces a large one makes room.
    for (let i = 10; i < 20; i++) recent.note(`/secrets/a/${i}`, 2, entryOf(`/secrets/a/${i}`, 2, 10), i);
    for (let i = 0; i < 9; i++) recent.note(`/secrets/b/${i}`, 1, entryOf(`/secrets/b/${i}`, 1, 1_500_000), i);
    expect(recent.get('/secrets/a/19')).toBeDefined();
  });
});
