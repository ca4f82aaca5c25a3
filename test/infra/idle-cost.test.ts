import { describe, expect, it } from 'vitest';
import { describeIdleCost, idleCost } from '../../infra/idle-cost.ts';
import { synthesise } from './synthesise.ts';

describe('an idle month', () => {
  it('costs under two dollars, itemised from the template', () => {
    const cost = idleCost(synthesise());
    console.log(describeIdleCost(cost));
    expect(cost.withFreeTier).toBeLessThan(2);
    expect(cost.items.map(({ item }) => item)).toContain('Private hosted zone');
  });

  it('costs what settings cost', () => {
    const base = idleCost(synthesise()).full;
    const more = (options: Parameters<typeof synthesise>[0]): number => idleCost(synthesise(options)).full - base;
    expect(more({ network: { egress: 'nat' } })).toBeCloseTo(32.85 + 3.65);
    expect(more({ network: { egress: 'ipv6' } })).toBe(0);
    expect(more({ customerKey: true, signingKeyInKms: true })).toBeCloseTo(2);
    expect(more({ exposure: 'edge' })).toBeCloseTo(0.4);
    expect(more({ exposure: 'edge', waf: true })).toBeCloseTo(0.4 + 7);
    expect(more({ hub: { enabled: true } })).toBeCloseTo(7.21 + 3.65);
    expect(more({ monitoring: { alarms: false, dashboard: false } })).toBeCloseTo(-4);
  });

  it('cannot be told for a type whose price nobody has looked up', () => {
    expect(() => idleCost({ Resources: { Bastion: { Type: 'AWS::EC2::Instance' } } })).toThrow('AWS::EC2::Instance');
  });
});
