import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { type Change, type Lister, rulesOf } from '@nodeless/controller-runtime/controller';
import { nodes, pods } from '@nodeless/client/resource-types';
import { schedulerDoorbell } from '@nodeless/scheduler/doorbell';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { describe, expect, it } from 'vitest';
import { aPod } from '../../builders/objects.ts';

const rules = rulesOf(schedulerDoorbell(defaultProfile));
async function rings(type: typeof pods | typeof nodes, change: Change<Pod> | Change<Node>): Promise<boolean> {
  const rule = rules.find((one) => one.type.resource === type.resource);
  return ((await rule?.requests(change as never, {} as Lister)) ?? []).length > 0;
}

const pending = aPod('p');
const bound = aPod('p', { spec: { nodeName: 'n1' }, status: { phase: 'Running' } });
const gated = aPod('p', { spec: { schedulingGates: [{ name: 'g' }] } });
const leaving = aPod('p', { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } });
const ended = aPod('p', { spec: { nodeName: 'n1' }, status: { phase: 'Succeeded' } });
const labelled = aPod('p', {
  metadata: { labels: { app: 'a' } },
  spec: { nodeName: 'n1' },
  status: { phase: 'Running' },
});
const marked = {
  ...pending,
  status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] },
} as Pod;

describe('the doorbell of pods', () => {
  it.each<[string, Change<Pod>, boolean]>([
    ['a new one that waits', { type: 'added', object: pending, previous: undefined }, true],
    ['one whose gates are gone', { type: 'modified', object: pending, previous: gated }, true],
    ['one that waits for its gates', { type: 'added', object: gated, previous: undefined }, false],
    [
      'one of another scheduler',
      { type: 'added', object: aPod('p', { spec: { schedulerName: 'x' } }), previous: undefined },
      false,
    ],
    ['one that goes before it was placed', { type: 'modified', object: leaving, previous: pending }, false],
    ['the mark of the scheduler itself', { type: 'modified', object: marked, previous: pending }, false],
    ['one that was placed', { type: 'modified', object: bound, previous: pending }, false],
    ['other labels of one that runs', { type: 'modified', object: labelled, previous: bound }, true],
    [
      'the status of one that runs',
      { type: 'modified', object: { ...bound, status: { phase: 'Running', podIP: '1' } }, previous: bound },
      false,
    ],
    ['one that has ended', { type: 'modified', object: ended, previous: bound }, true],
    ['more of one that has ended', { type: 'modified', object: ended, previous: ended }, false],
    ['one that is gone from its node', { type: 'deleted', object: bound, previous: bound }, true],
    ['one that is gone after it had ended', { type: 'deleted', object: ended, previous: ended }, false],
    ['one that is gone and never had a node', { type: 'deleted', object: pending, previous: pending }, false],
  ])('%s', async (_, change, expected) => {
    expect(await rings(pods, change)).toBe(expected);
  });
});

describe('the doorbell of nodes', () => {
  const node = (change: Partial<Node> = {}): Node => ({
    metadata: { name: 'n1' },
    spec: {},
    status: { allocatable: { cpu: '1' } },
    ...change,
  });
  it.each<[string, Change<Node>, boolean]>([
    ['a new one', { type: 'added', object: node(), previous: undefined }, true],
    [
      'more room',
      { type: 'modified', object: node({ status: { allocatable: { cpu: '2' } } }), previous: node() },
      true,
    ],
    [
      'a taint less',
      { type: 'modified', object: node(), previous: node({ spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }) },
      true,
    ],
    [
      'a heartbeat',
      {
        type: 'modified',
        object: node({ status: { allocatable: { cpu: '1' }, conditions: [{ type: 'Ready', status: 'True' }] } }),
        previous: node(),
      },
      false,
    ],
    ['one that is gone', { type: 'deleted', object: node(), previous: node() }, false],
  ])('%s', async (_, change, expected) => {
    expect(await rings(nodes, change)).toBe(expected);
  });
});

it('is one request, one at a time, and rings every five minutes', () => {
  expect(schedulerDoorbell(defaultProfile)).toMatchObject({
    name: 'default-scheduler',
    concurrency: 1,
    resyncMs: 300_000,
  });
});
