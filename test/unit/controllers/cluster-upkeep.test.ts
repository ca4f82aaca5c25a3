import { describe, expect, it } from 'vitest';
import type { OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import { planEventExpiry } from '@nodeless/controllers/event-expiry';
import { type OwnerState, planDependent, type Verdict } from '@nodeless/controllers/garbage-collector';
import { deletionConditions } from '@nodeless/controllers/namespace';
import { desiredTaints, planNode, toleratedForMs } from '@nodeless/controllers/node-lifecycle';
import { planPodCollection } from '@nodeless/controllers/pod-garbage-collector';
import { planTtl } from '@nodeless/controllers/ttl-after-finished';
import { aJob, aNode, aPod, aReadyPod } from '../../builders/objects.ts';

const now = Date.parse('2030-01-01T01:00:00Z');

describe('a dependent', () => {
  const owner = (uid: string): OwnerReference => ({ apiVersion: 'v1', kind: 'Pod', name: uid, uid });
  const cases: { name: string; states: OwnerState[]; finalizers?: string[]; dependents?: boolean; want: Verdict }[] = [
    { name: 'without owners stays', states: [], want: { do: 'nothing' } },
    { name: 'of a living owner stays', states: ['solid'], want: { do: 'nothing' } },
    { name: 'loses the owner that is gone', states: ['solid', 'dangling'], want: { do: 'unlink', uids: ['1'] } },
    {
      name: 'goes when every owner is gone',
      states: ['dangling'],
      want: { do: 'delete', propagationPolicy: 'Background' },
    },
    {
      name: 'goes in the foreground when its owner waits and it has dependents',
      states: ['waiting'],
      dependents: true,
      want: { do: 'delete', propagationPolicy: 'Foreground' },
    },
    {
      name: 'goes at once when its owner waits and it has none',
      states: ['waiting'],
      want: { do: 'delete', propagationPolicy: 'Background' },
    },
    {
      name: 'keeps its own wish to orphan',
      states: ['dangling'],
      finalizers: ['orphan'],
      want: { do: 'delete', propagationPolicy: 'Orphan' },
    },
  ];
  it.each(cases)('$name', ({ states, finalizers, dependents = false, want }) => {
    expect(
      planDependent(
        { finalizers },
        states.map((state, i) => ({ owner: owner(String(i)), state })),
        dependents,
      ),
    ).toEqual(want);
  });
});

describe('a node', () => {
  it('that is silent becomes Unknown and unreachable', () => {
    const actions = planNode(aNode('a'), now - 50_000, now);
    expect(actions[0]).toMatchObject({
      do: 'patch',
      subresource: 'status',
      patch: {
        status: {
          conditions: [
            {
              type: 'Ready',
              status: 'Unknown',
              reason: 'NodeStatusUnknown',
              message: 'Kubelet stopped posting node status.',
            },
            { type: 'MemoryPressure', reason: 'NodeStatusNeverUpdated' },
            { type: 'DiskPressure' },
            { type: 'PIDPressure' },
          ],
        },
      },
    });
    expect(actions.at(-1)).toMatchObject({
      do: 'patch',
      patch: {
        spec: {
          taints: [
            { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
            { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
          ],
        },
      },
    });
  });
  it('that was heard of is looked at again when its time is up', () =>
    expect(planNode(aNode('a'), now - 20_000, now)).toEqual([{ do: 'requeue', afterMs: 30_001 }]));
  it.each([
    {
      name: 'cordoned',
      node: aNode('a', { spec: { unschedulable: true } }),
      want: ['node.kubernetes.io/unschedulable:NoSchedule'],
    },
    {
      name: 'not ready',
      node: aNode('a', { conditions: [{ type: 'Ready', status: 'False' }] }),
      want: ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute'],
    },
    {
      name: 'short of memory, with a taint of its owner',
      node: aNode('a', {
        spec: { taints: [{ key: 'mine', effect: 'NoSchedule' }] },
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'MemoryPressure', status: 'True' },
        ],
      }),
      want: ['mine:NoSchedule', 'node.kubernetes.io/memory-pressure:NoSchedule'],
    },
    {
      name: 'well again',
      node: aNode('a', { spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }] } }),
      want: [],
    },
  ])('$name has these taints', ({ node, want }) => {
    expect(desiredTaints(node, node.status?.conditions ?? [], now)?.map((t) => `${t.key}:${t.effect}`)).toEqual(want);
  });
  it('that has the right taints is left alone', () =>
    expect(desiredTaints(aNode('a'), [{ type: 'Ready', status: 'True' }], now)).toBeUndefined());
  it.each([
    { tolerations: [], want: 0 },
    { tolerations: [{ operator: 'Exists' }], want: Infinity },
    { tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }], want: 240_000 },
    { tolerations: [{ key: 'other', operator: 'Exists' }], want: 0 },
  ])('keeps a pod with $tolerations for $want ms', ({ tolerations, want }) => {
    expect(
      toleratedForMs(
        aPod('p', { spec: { tolerations } }),
        [{ key: 'k', effect: 'NoExecute', timeAdded: '2030-01-01T00:59:00Z' }],
        now,
      ),
    ).toBe(want);
  });
});

describe('pods that nobody else removes', () => {
  it('are those of missing nodes and unscheduled ones that are being deleted', () => {
    const lost = aReadyPod('lost', { spec: { nodeName: 'gone' } });
    const stuck = aPod('stuck', { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } });
    const fine = aReadyPod('fine', { spec: { nodeName: 'a' } });
    const actions = planPodCollection([lost, stuck, fine], [aNode('a')], now);
    expect(actions.map((a) => (a.do === 'delete' || a.do === 'patch' ? `${a.do} ${a.key.name}` : a.do))).toEqual([
      'patch lost',
      'delete lost',
      'patch stuck',
      'delete stuck',
    ]);
    expect(actions[0]).toMatchObject({
      patch: {
        status: {
          phase: 'Failed',
          conditions: [{ reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' }],
        },
      },
    });
  });
});

describe('a namespace on its way out', () => {
  it('says what is left and what it waits for', () => {
    const conditions = deletionConditions(
      undefined,
      [
        { resource: 'pods.', count: 2, finalizers: ['a.b/c', 'a.b/c'] },
        { resource: 'deployments.apps', count: 1, finalizers: [] },
      ],
      [],
      now,
    );
    expect(conditions.map((c) => [c.type, c.status, c.message])).toEqual([
      ['NamespaceDeletionDiscoveryFailure', 'False', 'All resources successfully discovered'],
      ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'All legacy kube types successfully parsed'],
      ['NamespaceDeletionContentFailure', 'False', 'All content successfully deleted, may be waiting on finalization'],
      [
        'NamespaceContentRemaining',
        'True',
        'Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances',
      ],
      [
        'NamespaceFinalizersRemaining',
        'True',
        'Some content in the namespace has finalizers remaining: a.b/c in 2 resource instances',
      ],
    ]);
  });
  it('says what could not be deleted', () => {
    const [failure] = deletionConditions(undefined, [], ['no b', 'no a'], now).filter(
      (c) => c.type === 'NamespaceDeletionContentFailure',
    );
    expect(failure).toMatchObject({
      status: 'True',
      reason: 'ContentDeletionFailed',
      message: 'Failed to delete all resource types, 2 remaining: no a, no b',
    });
  });
});

describe('time takes away', () => {
  it('an event an hour after its last write', () => {
    const event = {
      metadata: { name: 'e', resourceVersion: '5', creationTimestamp: '2030-01-01T00:00:00Z' },
      involvedObject: {},
      lastTimestamp: '2030-01-01T00:30:00Z',
    };
    expect(planEventExpiry(event, now)).toEqual([{ do: 'requeue', afterMs: 1_800_000 }]);
    expect(planEventExpiry(event, now + 1_800_000)).toMatchObject([
      { do: 'delete', key: { name: 'e' }, options: { preconditions: { resourceVersion: '5' } } },
    ]);
  });
  it('a finished Job after its ttl', () => {
    const job = aJob(
      'j',
      { ttlSecondsAfterFinished: 60 },
      { conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: '2030-01-01T00:59:30Z' }] },
    );
    expect(planTtl(job, now)).toEqual([{ do: 'requeue', afterMs: 30_000 }]);
    expect(planTtl(job, now + 30_000)).toMatchObject([{ do: 'delete', options: { propagationPolicy: 'Foreground' } }]);
    expect(planTtl(aJob('k', { ttlSecondsAfterFinished: 0 }), now)).toEqual([]);
  });
});
