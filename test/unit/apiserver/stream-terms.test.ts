import {
  type StreamPlaces,
  type WatchAsked,
  type WatchFacts,
  createStreamTerms,
  planWatch,
} from '@nodeless/apiserver/stream-terms';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { describe, expect, it } from 'vitest';

const minute = 60_000;
const kubectl = 'kubectl/v1.36.1 (linux/amd64) kubernetes/1234567';
const manager = 'manager/v0.0.0 (linux/arm64) kubernetes/$Format';
const reflector: WatchFacts = {
  userAgent: manager,
  allowWatchBookmarks: true,
  timeoutSeconds: 412,
  behind: false,
  quietMs: undefined,
  remainingMs: 15 * minute,
};

describe('planWatch', () => {
  const limit = 15 * minute - 15_000;
  it.each<[string, Partial<WatchFacts>, ReturnType<typeof planWatch>]>([
    [
      'kubectl get -w: to the limit',
      { userAgent: kubectl, allowWatchBookmarks: false, timeoutSeconds: undefined },
      { holdMs: limit },
    ],
    ['kubectl wait: as long as it asks', { userAgent: kubectl, timeoutSeconds: 30 }, { holdMs: 30_000 }],
    [
      'kubectl in the middle of an invocation',
      { userAgent: kubectl, timeoutSeconds: undefined, remainingMs: 40_000 },
      { holdMs: 25_000 },
    ],
    ['a reflector for which something waits', { behind: true }, { holdMs: 30_000 }],
    ['a reflector of what is hot', { quietMs: 59_000 }, { holdMs: 30_000 }],
    ['a reflector of what has been quiet', { quietMs: 2 * minute }, { retryAfterSeconds: 5 }],
    ['a reflector of what is cold', { quietMs: 20 * minute }, { retryAfterSeconds: 10 }],
    ['a reflector of which nothing is known', {}, { retryAfterSeconds: 5 }],
    ['one without bookmarks: it might list again', { allowWatchBookmarks: false }, { holdMs: 30_000 }],
    ['one that asks for a minute: no reflector', { timeoutSeconds: 60 }, { holdMs: 30_000 }],
    ['a name of its own: who knows', { userAgent: 'Helm/4.0.1' }, { holdMs: 30_000 }],
    [
      'Python',
      { userAgent: 'OpenAPI-Generator/34.1.0/python', timeoutSeconds: undefined, allowWatchBookmarks: false },
      { holdMs: 30_000 },
    ],
    ['nobody', { userAgent: '' }, { holdMs: 30_000 }],
    ['an unknown one that asks for less', { userAgent: 'x', timeoutSeconds: 5 }, { holdMs: 5_000 }],
    ['never below a second', { userAgent: 'x', timeoutSeconds: 1 }, { holdMs: 1_500 }],
    ['not even at the end of an invocation', { userAgent: kubectl, remainingMs: 1_000 }, { holdMs: 1_500 }],
    ['timeoutSeconds 0 is none', { userAgent: kubectl, timeoutSeconds: 0 }, { holdMs: limit }],
  ])('%s', (_, facts, plan) => {
    expect(planWatch({ ...reflector, ...facts }, 0)).toEqual(plan);
  });
  it('spreads what it ends', () => {
    expect(planWatch({ ...reflector, behind: true }, 1)).toEqual({ holdMs: 55_000 });
  });
});

describe('createStreamTerms', () => {
  const asked: WatchAsked = { ...reflector, prefix: '/pods/', resourceVersion: 100 };
  const setUp = (free = 1) => {
    const clock = createManualClock(0);
    const revisions = new Map([['/pods/', 100]]);
    const taken: number[] = [];
    let left = free;
    const places: StreamPlaces = {
      take: (ms) => {
        if (left === 0) return Promise.resolve(undefined);
        left--;
        taken.push(ms);
        return Promise.resolve(() => void left++);
      },
    };
    const terms = createStreamTerms({
      revision: (prefix) => Promise.resolve(revisions.get(prefix) ?? 0),
      places,
      clock,
      random: () => 0,
    });
    return { clock, revisions, taken, terms };
  };

  it('answers 429 to a reflector of what does not change, and holds when it does', async () => {
    const { clock, revisions, taken, terms } = setUp(3);
    await expect(terms.watch(asked)).rejects.toMatchObject({
      code: 429,
      status: { reason: 'TooManyRequests', details: { retryAfterSeconds: 5 } },
    });
    expect(taken).toEqual([]);
    // What it has not seen yet waits for it.
    revisions.set('/pods/', 101);
    await expect(terms.watch(asked)).resolves.toMatchObject({ ms: 30_000 });
    // It has seen it; more may follow soon.
    await clock.advance(30_000);
    await expect(terms.watch({ ...asked, resourceVersion: 101 })).resolves.toMatchObject({ ms: 30_000 });
    await clock.advance(5 * minute);
    await expect(terms.watch({ ...asked, resourceVersion: 101 })).rejects.toMatchObject({
      status: { details: { retryAfterSeconds: 5 } },
    });
    await clock.advance(10 * minute);
    await expect(terms.watch({ ...asked, resourceVersion: 101 })).rejects.toMatchObject({
      status: { details: { retryAfterSeconds: 10 } },
    });
    expect(taken).toEqual([30_000, 30_000]);
  });
  it('holds who wants what exists first', async () => {
    await expect(setUp().terms.watch({ ...asked, resourceVersion: undefined })).resolves.toMatchObject({ ms: 30_000 });
  });
  it('sends everybody away while no place is free', async () => {
    const { terms } = setUp(1);
    const kubectlWatch = { ...asked, userAgent: kubectl };
    const grant = await terms.watch(kubectlWatch);
    await expect(terms.watch(kubectlWatch)).rejects.toMatchObject({ status: { details: { retryAfterSeconds: 5 } } });
    await expect(terms.follow({ remainingMs: minute })).rejects.toMatchObject({ code: 429 });
    grant.release();
    await expect(terms.follow({ remainingMs: minute })).resolves.toMatchObject({ ms: 45_000 });
  });
});
