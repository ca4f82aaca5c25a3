import { describe, expect, it } from 'vitest';
import type { DaemonSet, DaemonSetSpec } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { newDaemonPod } from '@nodeless/controllers/daemon-set/nodes';
import { planDaemonSet } from '@nodeless/controllers/daemon-set/plan';
import { aNode } from '../../../builders/objects.ts';

const now = Date.parse('2030-01-01T01:00:00Z');
const set = (spec: Partial<DaemonSetSpec> = {}): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { namespace: 'default', name: 'd', uid: 'set', generation: 2 },
  spec: {
    selector: { matchLabels: { app: 'd' } },
    template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c' }] } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    ...spec,
  },
});
const ready: PodStatus = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2030-01-01T00:00:00Z' }],
};
const pod = (
  name: string,
  node: string,
  more: { hash?: string; status?: PodStatus; created?: string; going?: boolean; bound?: boolean } = {},
): Pod => {
  const made = newDaemonPod(set(), node, more.hash ?? 'new');
  return {
    ...made,
    metadata: {
      ...made.metadata,
      name,
      uid: name,
      creationTimestamp: more.created ?? '2030-01-01T00:00:00Z',
      ...(more.going && { deletionTimestamp: '2030-01-01T00:59:59Z' }),
    },
    spec: { containers: [], ...made.spec, ...(more.bound === false ? {} : { nodeName: node }) },
    status: more.status ?? ready,
  };
};
const plan = (pods: readonly Pod[], more: { set?: DaemonSet; nodes?: readonly string[]; backoff?: number } = {}) =>
  planDaemonSet(
    {
      set: more.set ?? set(),
      nodes: (more.nodes ?? ['a', 'b', 'c']).map((name) => aNode(name)),
      pods,
      hash: 'new',
      backoff: () => more.backoff ?? 0,
    },
    now,
  );
const brief = (pods: readonly Pod[], more?: Parameters<typeof plan>[1]) => {
  const { create, remove } = plan(pods, more);
  return [...create.map((name) => `+${name}`), ...remove.map((p) => `-${p.metadata?.name}`)].toSorted();
};
const old = { hash: 'old' };
const broken: PodStatus = { phase: 'Running' };

describe('a step of a DaemonSet', () => {
  it.each<{ name: string; pods: Pod[]; more?: Parameters<typeof plan>[1]; want: string[] }>([
    { name: 'puts a pod on each node', pods: [pod('pa', 'a')], want: ['+b', '+c'] },
    {
      name: 'does not put one where one is on its way',
      pods: [pod('pa', 'a', { bound: false, status: { phase: 'Pending' } })],
      more: { nodes: ['a'] },
      want: [],
    },
    {
      name: 'keeps the oldest of two',
      pods: [pod('p1', 'a', { created: '2030-01-01T00:00:01Z' }), pod('p2', 'a')],
      more: { nodes: ['a'] },
      want: ['-p1'],
    },
    { name: 'waits for one that goes', pods: [pod('pa', 'a', { going: true })], more: { nodes: ['a'] }, want: [] },
    {
      name: 'replaces one that has failed',
      pods: [pod('pa', 'a', { status: { phase: 'Failed' } })],
      more: { nodes: ['a'] },
      want: ['-pa'],
    },
    {
      name: 'but not at once where that happens often',
      pods: [pod('pa', 'a', { status: { phase: 'Failed' } })],
      more: { nodes: ['a'], backoff: 4_000 },
      want: [],
    },
    {
      name: 'removes what waits for a node that is gone',
      pods: [pod('px', 'gone', { bound: false })],
      more: { nodes: [] },
      want: ['-px'],
    },
    {
      name: 'leaves what ran on a node that is gone to others',
      pods: [pod('px', 'gone')],
      more: { nodes: [] },
      want: [],
    },
  ])('$name', ({ pods, more, want }) => expect(brief(pods, more)).toEqual(want));

  it.each<{ name: string; pods: Pod[]; rolling?: object; want: string[] }>([
    { name: 'one at a time', pods: [pod('pa', 'a', old), pod('pb', 'b', old), pod('pc', 'c', old)], want: ['-pa'] },
    {
      name: 'none while one is missing',
      pods: [pod('pa', 'a', { status: broken }), pod('pb', 'b', old), pod('pc', 'c', old)],
      want: [],
    },
    {
      name: 'broken ones all at once',
      pods: [
        pod('pa', 'a', { ...old, status: broken }),
        pod('pb', 'b', { ...old, status: broken }),
        pod('pc', 'c', old),
      ],
      want: ['-pa', '-pb', '-pc'],
    },
    {
      name: 'as many as may be missing',
      pods: [pod('pa', 'a', old), pod('pb', 'b', old), pod('pc', 'c', old)],
      rolling: { maxUnavailable: '50%', maxSurge: 0 },
      want: ['-pa', '-pb'],
    },
    {
      name: 'with surge by adding',
      pods: [pod('pa', 'a', old), pod('pb', 'b', old), pod('pc', 'c', old)],
      rolling: { maxUnavailable: 0, maxSurge: 1 },
      want: ['+a'],
    },
    {
      name: 'with surge waiting for what was added',
      pods: [pod('pa', 'a', old), pod('na', 'a', { status: broken }), pod('pb', 'b', old), pod('pc', 'c', old)],
      rolling: { maxUnavailable: 0, maxSurge: 1 },
      want: [],
    },
    {
      name: 'with surge removing what is replaced',
      pods: [pod('pa', 'a', old), pod('na', 'a'), pod('pb', 'b', old), pod('pc', 'c', old)],
      rolling: { maxUnavailable: 0, maxSurge: 1 },
      want: ['+b', '-pa'],
    },
  ])('updates $name', ({ pods, rolling, want }) => {
    const of = set(rolling && { updateStrategy: { type: 'RollingUpdate', rollingUpdate: rolling } });
    expect(brief(pods, { set: of })).toEqual(want);
  });

  it('counts what is there', () => {
    const { status } = plan([pod('pa', 'a'), pod('pb', 'b', { ...old, status: broken })]);
    expect(status).toEqual({
      observedGeneration: 2,
      desiredNumberScheduled: 3,
      currentNumberScheduled: 2,
      numberMisscheduled: 0,
      numberReady: 1,
      numberAvailable: 1,
      numberUnavailable: 2,
      updatedNumberScheduled: 1,
    });
  });
});
