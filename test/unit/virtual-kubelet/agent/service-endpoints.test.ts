import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import type { EndpointsResponse } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { createServiceEndpoints, type ServiceEndpoints } from '@nodeless/virtual-kubelet/agent/service-endpoints';
import { createTargetChoice } from '@nodeless/virtual-kubelet/agent/target-choice';
import { beforeEach, describe, expect, it } from 'vitest';

let clock: ManualClock;
let asked: (readonly string[])[];
let answer: (services: readonly string[]) => Promise<EndpointsResponse>;
let endpoints: ServiceEndpoints;
const at = (address: string) => ({ address, port: 8080 });
const ready = (...addresses: string[]) => [{ port: 80, protocol: 'TCP' as const, targets: addresses.map(at) }];

beforeEach(() => {
  clock = createManualClock();
  asked = [];
  answer = (services) =>
    Promise.resolve({ ttl: 10_000, services: Object.fromEntries(services.map((s) => [s, ready('10.0.0.1')])) });
  endpoints = createServiceEndpoints({
    door: {
      endpoints(query) {
        asked.push(query.services);
        return answer(query.services);
      },
    },
    clock,
    log: silentLogger,
  });
});

describe('endpoints', () => {
  it('are asked for when a Service is used first, many uses at once with one request', async () => {
    const found = await Promise.all([1, 2, 3].map(() => endpoints.targets('default/a', 'TCP', 80)));
    expect(found).toEqual([[at('10.0.0.1')], [at('10.0.0.1')], [at('10.0.0.1')]]);
    expect(asked).toEqual([['default/a']]);
  });

  it('of several Services that are used together are asked for together', async () => {
    await Promise.all(['default/a', 'default/b'].map((s) => endpoints.targets(s, 'TCP', 80)));
    expect(asked).toEqual([['default/a', 'default/b']]);
  });

  it('are used while fresh, used and renewed when older, and waited for when old', async () => {
    await endpoints.targets('default/a', 'TCP', 80);
    await clock.advance(9_000);
    await endpoints.targets('default/a', 'TCP', 80);
    expect(asked).toHaveLength(1);
    await clock.advance(2_000);
    answer = (services) =>
      Promise.resolve({ ttl: 10_000, services: Object.fromEntries(services.map((s) => [s, ready('10.0.0.2')])) });
    expect(await endpoints.targets('default/a', 'TCP', 80)).toEqual([at('10.0.0.1')]);
    await clock.advance(0);
    expect(await endpoints.targets('default/a', 'TCP', 80)).toEqual([at('10.0.0.2')]);
    expect(asked).toHaveLength(2);
    await clock.advance(61_000);
    answer = () => Promise.resolve({ ttl: 10_000, services: { 'default/a': ready('10.0.0.3') } });
    expect(await endpoints.targets('default/a', 'TCP', 80)).toEqual([at('10.0.0.3')]);
  });

  it('stay as they were when they cannot be asked for', async () => {
    await endpoints.targets('default/a', 'TCP', 80);
    answer = () => Promise.reject(new Error('away'));
    await clock.advance(600_000);
    expect(await endpoints.targets('default/a', 'TCP', 80)).toEqual([at('10.0.0.1')]);
    expect(await endpoints.targets('default/other', 'TCP', 80)).toEqual([]);
  });

  it('that are none are asked for again', async () => {
    answer = () => Promise.resolve({ ttl: 10_000, services: {} });
    expect(await endpoints.targets('default/a', 'TCP', 80)).toEqual([]);
    answer = () => Promise.resolve({ ttl: 10_000, services: { 'default/a': ready('10.0.0.1') } });
    await clock.advance(11_000);
    expect(await endpoints.targets('default/a', 'TCP', 80)).toEqual([at('10.0.0.1')]);
  });

  it('are renewed at once after one did not answer, but not for each of many', async () => {
    await endpoints.targets('default/a', 'TCP', 80);
    await clock.advance(600);
    answer = () => Promise.resolve({ ttl: 10_000, services: { 'default/a': ready('10.0.0.2') } });
    expect(await endpoints.renewed('default/a', 'TCP', 80)).toEqual([at('10.0.0.2')]);
    for (let i = 0; i < 10; i++) await endpoints.renewed('default/a', 'TCP', 80);
    expect(asked).toHaveLength(2);
  });

  it('are those of the port and protocol that is meant', async () => {
    answer = () => Promise.resolve({ ttl: 1, services: { 'default/a': ready('10.0.0.1') } });
    expect(await endpoints.targets('default/a', 'UDP', 80)).toEqual([]);
    expect(await endpoints.targets('default/a', 'TCP', 81)).toEqual([]);
  });
});

describe('the choice of a target', () => {
  const list = ['a', 'b', 'c'].map(at);
  const none: ReadonlySet<(typeof list)[number]> = new Set();

  it('is at random, among those not tried', () => {
    const values = [0, 0.5, 0.99];
    const choice = createTargetChoice(0, clock.now, () => values.shift() ?? 0);
    expect([1, 2, 3].map(() => choice.choose(list, none)?.address)).toEqual(['a', 'b', 'c']);
    expect(choice.choose(list, new Set(list.slice(0, 2)))?.address).toBe('c');
    expect(choice.choose(list, new Set(list))).toBeUndefined();
    expect(choice.choose([], none)).toBeUndefined();
  });

  it('with affinity is the same again until it has not been used for its time, or is gone', async () => {
    let next = 0.99;
    const choice = createTargetChoice(60, clock.now, () => next);
    const first = choice.choose(list, none);
    choice.used(first as (typeof list)[number]);
    next = 0;
    await clock.advance(59_000);
    expect(
      choice.choose(
        list.map((t) => ({ ...t })),
        none,
      )?.address,
    ).toBe('c');
    choice.used(first as (typeof list)[number]);
    await clock.advance(59_000);
    expect(choice.choose(list, none)?.address).toBe('c');
    expect(choice.choose(list.slice(0, 2), none)?.address).toBe('a');
    await clock.advance(2_000);
    expect(choice.choose(list, none)?.address).toBe('a');
  });
});
