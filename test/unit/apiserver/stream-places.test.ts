import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createStreamPlaces } from '@nodeless/apiserver/aws/stream-places';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { describe, expect, it } from 'vitest';

interface Input {
  readonly Key: { readonly sk: { readonly S: string } };
  readonly UpdateExpression: string;
  readonly ExpressionAttributeValues: Readonly<Record<string, { S?: string; N?: string }>>;
}

/** A table of places that keeps to the two conditions. */
function setUp(count = 4) {
  const clock = createManualClock(0);
  const items = new Map<string, { holder: string; until: number }>();
  const state = { requests: 0, failing: false };
  const send = ({ input }: { input: Input }): Promise<object> => {
    state.requests++;
    if (state.failing) return Promise.reject(new Error('throttled'));
    const { Key, UpdateExpression, ExpressionAttributeValues: values } = input;
    const place = Key.sk.S;
    const item = items.get(place);
    const holder = values[':holder']?.S ?? '';
    const refused = Object.assign(new Error('condition'), { name: 'ConditionalCheckFailedException' });
    if (UpdateExpression.startsWith('SET')) {
      if (item && item.until >= Number(values[':now']?.N)) return Promise.reject(refused);
      items.set(place, { holder, until: Number(values[':until']?.N) });
    } else {
      if (item?.holder !== holder) return Promise.reject(refused);
      items.delete(place);
    }
    return Promise.resolve({});
  };
  const places = createStreamPlaces({
    client: { send } as unknown as Pick<DynamoDBClient, 'send'>,
    table: 'table',
    count: () => Promise.resolve(count),
    clock,
    log: silentLogger,
    random: () => 0,
  });
  return { clock, items, state, places };
}

describe('createStreamPlaces', () => {
  it('gives each place once, and one that was left again', async () => {
    const { items, places } = setUp(2);
    const [one, two, three] = [await places.take(60_000), await places.take(60_000), await places.take(60_000)];
    expect([one, two, three].map((place) => place !== undefined)).toEqual([true, true, false]);
    one?.();
    one?.();
    await places.settled();
    expect(items.size).toBe(1);
    expect(await places.take(60_000)).toBeDefined();
    two?.();
    await places.settled();
    expect(items.size).toBe(1);
  });
  it('takes over a place whose time is over, and does not free it for the new holder', async () => {
    const { clock, items, places } = setUp(1);
    const first = await places.take(60_000);
    await clock.advance(60_000);
    // Clocks differ: not at once.
    expect(await places.take(60_000)).toBeUndefined();
    await clock.advance(6_000);
    expect(await places.take(60_000)).toBeDefined();
    first?.();
    await places.settled();
    expect(items.size).toBe(1);
  });
  it('leaves it to time to free what is about to be free', async () => {
    const { clock, state, places } = setUp();
    const leave = await places.take(30_000);
    await clock.advance(30_000);
    const before = state.requests;
    leave?.();
    await places.settled();
    expect(state.requests).toBe(before);
  });
  it('tries a few places and not all', async () => {
    const { state, places } = setUp(100);
    for (let i = 0; i < 4; i++) await places.take(60_000);
    state.requests = 0;
    expect(await places.take(60_000)).toBeUndefined();
    expect(state.requests).toBe(4);
  });
  it('gives none where there is none', async () => {
    const { state, places } = setUp(0);
    expect(await places.take(60_000)).toBeUndefined();
    expect(state.requests).toBe(0);
  });
  it('loses sight of watches rather than watches, when it cannot count', async () => {
    const { state, places } = setUp();
    state.failing = true;
    const leave = await places.take(60_000);
    expect(leave).toBeDefined();
    leave?.();
    await places.settled();
  });
});
