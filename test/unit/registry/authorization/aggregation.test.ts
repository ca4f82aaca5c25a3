import { planAggregation } from '@nodeless/registry/authorization/aggregation';
import { parseRule } from '@nodeless/registry/authorization/bootstrap-rules';
import { describe, expect, it } from 'vitest';

const role = (name: string, labels: Record<string, string>, ...rules: string[]) => ({
  metadata: { name, labels },
  rules: rules.map(parseRule),
});
const aggregated = (rules: string[] = []) => ({
  metadata: { name: 'all', labels: { to: 'x' } },
  aggregationRule: {
    clusterRoleSelectors: [{ matchLabels: { to: 'x' } }, { matchExpressions: [{ key: 'also', operator: 'Exists' }] }],
  },
  rules: rules.map(parseRule),
});

describe('aggregation', () => {
  const others = [
    role('b', { to: 'x' }, 'get | core | b'),
    role('a', { to: 'x' }, 'get | core | a'),
    role('c', { also: '' }, 'get | core | a', 'get | core | c'),
    role('d', { to: 'y' }, 'get | core | d'),
  ];

  it('gathers by selector, in order of name, without repeats and without itself', () => {
    const all = [...others, aggregated(['* | * | *'])];
    expect(planAggregation(aggregated(), all)).toEqual(
      ['get | core | a', 'get | core | b', 'get | core | c'].map(parseRule),
    );
  });
  it('has nothing to do when all is there', () => {
    expect(planAggregation(aggregated(['get | core | a', 'get | core | b', 'get | core | c']), others)).toBeUndefined();
  });
  it('takes away what is no longer selected', () => {
    expect(planAggregation(aggregated(['get | core | zig']), [])).toEqual([]);
  });
  it('leaves ordinary roles', () => {
    expect(planAggregation(role('plain', {}), others)).toBeUndefined();
  });
});
