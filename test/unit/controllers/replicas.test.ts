import { describe, expect, it } from 'vitest';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { pods as podType } from '@nodeless/client/resource-types';
import { claim } from '@nodeless/controllers/ownership';
import { planReplicaSet } from '@nodeless/controllers/replica-set';
import { countReplicas, rankForDeletion } from '@nodeless/controllers/replicas';
import { aDeployment, aPod, aReadyPod, aReplicaSet } from '../../builders/objects.ts';

const rs = (replicas: number) => aReplicaSet(aDeployment('web'), 'new', { replicas });
const names = (pods: readonly Pod[]): (string | undefined)[] => pods.map((p) => p.metadata?.name);

describe('planReplicaSet', () => {
  it('makes what is missing, and does not count what is finished or going', () => {
    const going = aReadyPod('going', { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } });
    const done = aPod('done', { status: { phase: 'Failed' } });
    expect(planReplicaSet(rs(3), [aReadyPod('a'), going, done])).toEqual({ create: 2, remove: [] });
  });
  it('makes at most 500 at once', () => expect(planReplicaSet(rs(800), []).create).toBe(500));
  it('does nothing for one that is being deleted', () => {
    const one = rs(3);
    one.metadata = { ...one.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' };
    expect(planReplicaSet(one, [])).toEqual({ create: 0, remove: [] });
  });
});

describe('pods go in this order', () => {
  const onNode = { spec: { nodeName: 'n1' } };
  const cases: { name: string; given: Pod[]; first: string }[] = [
    { name: 'without a node', given: [aReadyPod('a', onNode), aPod('b')], first: 'b' },
    {
      name: 'pending before running',
      given: [aReadyPod('a', onNode), aPod('b', { ...onNode, status: { phase: 'Pending' } })],
      first: 'b',
    },
    {
      name: 'not ready before ready',
      given: [aReadyPod('a', onNode), aPod('b', { ...onNode, status: { phase: 'Running' } })],
      first: 'b',
    },
    {
      name: 'cheap before dear',
      given: [
        aReadyPod('a', {
          ...onNode,
          metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '10' } },
        }),
        aReadyPod('b', onNode),
      ],
      first: 'b',
    },
    {
      name: 'from the crowded node',
      given: [
        aReadyPod('a', { spec: { nodeName: 'n2' } }),
        aReadyPod('b', { ...onNode, metadata: { creationTimestamp: '2030-01-01T00:00:01Z' } }),
        aReadyPod('c', onNode),
      ],
      first: 'b',
    },
    {
      name: 'ready for a shorter time',
      given: [aReadyPod('a', onNode), aReadyPod('b', onNode, '2030-01-01T01:00:00Z')],
      first: 'b',
    },
    {
      name: 'restarted more often',
      given: [
        aReadyPod('a', onNode),
        {
          ...aReadyPod('b', onNode),
          status: {
            ...aReadyPod('b').status,
            containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: 3 }],
          },
        },
      ],
      first: 'b',
    },
    {
      name: 'younger',
      given: [
        aReadyPod('a', onNode),
        aReadyPod('b', { ...onNode, metadata: { creationTimestamp: '2030-01-01T01:00:00Z' } }),
      ],
      first: 'b',
    },
  ];
  it.each(cases)('$name', ({ given, first }) => {
    expect(names(rankForDeletion(given, given))[0]).toBe(first);
    expect(names(rankForDeletion(given.toReversed(), given))[0]).toBe(first);
  });
});

describe('countReplicas', () => {
  it('counts a pod as available only after minReadySeconds, and says when to look again', () => {
    const now = Date.parse('2030-01-01T00:00:10Z');
    const pods = [aReadyPod('a'), aReadyPod('b', {}, '2030-01-01T00:00:08Z'), aPod('c')];
    expect(countReplicas(pods, undefined, 5, now)).toEqual({
      replicas: 3,
      fullyLabeledReplicas: 3,
      readyReplicas: 2,
      availableReplicas: 1,
      nextAvailableMs: 3000,
    });
  });
});

describe('claim', () => {
  const owner = rs(1);
  const ref = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'new',
    uid: owner.metadata?.uid ?? '',
    controller: true,
  };
  const matches = matcherOf({ matchLabels: { app: 'x' } });
  it('adopts, keeps, releases and leaves alone', () => {
    const mine = aPod('mine', { metadata: { labels: { app: 'x' }, ownerReferences: [ref] } });
    const strayed = aPod('strayed', { metadata: { labels: { app: 'y' }, ownerReferences: [ref] } });
    const orphan = aPod('orphan', { metadata: { labels: { app: 'x' } } });
    const other = aPod('other', { metadata: { labels: { app: 'x' }, ownerReferences: [{ ...ref, uid: 'another' }] } });
    const { owned, actions } = claim(owner, podType, [mine, strayed, orphan, other], matches);
    expect(names(owned)).toEqual(['mine', 'orphan']);
    expect(actions.map((a) => a.do === 'patch' && [a.key.name, a.patch])).toEqual([
      ['strayed', { metadata: { uid: 'uid-strayed', ownerReferences: [{ $patch: 'delete', uid: ref.uid }] } }],
      ['orphan', { metadata: { uid: 'uid-orphan', ownerReferences: [{ ...ref, blockOwnerDeletion: true }] } }],
    ]);
  });
  it('adopts nothing while its owner is being deleted', () => {
    const going = { ...owner, metadata: { ...owner.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } };
    expect(claim(going, podType, [aPod('orphan', { metadata: { labels: { app: 'x' } } })], matches)).toEqual({
      owned: [],
      actions: [],
    });
  });
});
