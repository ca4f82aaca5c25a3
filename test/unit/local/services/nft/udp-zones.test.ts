import { describe, expect, it } from 'vitest';
import type { DataPathPort } from '../../../../../local/services/data-path-model.ts';
import { createUdpZones } from '../../../../../local/services/nft/udp-zones.ts';

const target = (n: number, nodeName = 'n1') => ({ address: `10.0.0.${n}`, port: 53, nodeName });
const port = (ready: readonly number[], draining: readonly number[] = []): DataPathPort =>
  ({
    id: 'x',
    targets: { ready: ready.map((n) => target(n)), draining: draining.map((n) => target(n)) },
  }) as unknown as DataPathPort;

describe('UDP zones', () => {
  it.each<[string, DataPathPort, DataPathPort, boolean]>([
    ['a target that comes', port([1]), port([1, 2]), false],
    ['a target that goes', port([1, 2]), port([1]), true],
    ['a target that begins to drain', port([1, 2]), port([1], [2]), true],
    ['a target that drains and ends', port([1], [2]), port([1]), true],
    ['the last target draining', port([1]), port([], [1]), false],
    ['all targets gone', port([1]), port([]), true],
    ['nothing', port([1]), port([1]), false],
  ])('after %s', (_what, before, after, changes) => {
    const zones = createUdpZones(1);
    const first = zones.zoneOf(before);
    expect(zones.zoneOf(before)).toBe(first);
    expect(zones.zoneOf(after) !== first).toBe(changes);
  });

  it('are never given again soon, nor out of range', () => {
    const zones = createUdpZones(65_530);
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      seen.add(zones.zoneOf(port([i % 2])));
      zones.keepOnly(new Set());
    }
    expect(seen.size).toBe(1000);
    for (const zone of seen) expect(zone >= 1 && zone <= 65_535).toBe(true);
  });
});
