import { describe, expect, it } from 'vitest';
import type { ControllerRevision, StatefulSet, StatefulSetSpec } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { PersistentVolumeClaim, Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Action } from '@nodeless/controller-runtime/actions';
import { revisionData } from '@nodeless/controllers/controller-revisions';
import { newPod } from '@nodeless/controllers/stateful-set/identity';
import { planStatefulSet } from '@nodeless/controllers/stateful-set/plan';
import { statefulSetStatus } from '@nodeless/controllers/stateful-set/status';

const now = Date.parse('2030-01-01T01:00:00Z');
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'img:1' }] } };
const set = (spec: Partial<StatefulSetSpec> = {}, more: Partial<StatefulSet> = {}): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { namespace: 'default', name: 'web', uid: 'set', generation: 1, ...more.metadata },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'x' } },
    template,
    podManagementPolicy: 'OrderedReady',
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    ...spec,
  },
  status: more.status,
});
const revision = (name: string, number: number): ControllerRevision => ({
  metadata: { name },
  revision: number,
  data: revisionData(template) as never,
});
const [one, two] = [revision('web-one', 1), revision('web-two', 2)];
const ready: PodStatus = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2030-01-01T00:00:00Z' }],
};
const pod = (ordinal: number, more: { status?: PodStatus; revision?: string; going?: boolean } = {}): Pod => {
  const made = newPod(set(), template, more.revision ?? 'web-one', ordinal);
  const metadata = {
    ...made.metadata,
    uid: `uid-${ordinal}`,
    ...(more.going && { deletionTimestamp: '2030-01-01T00:59:59Z' }),
  };
  return { ...made, metadata, status: more.status ?? ready };
};
const summary = (actions: readonly Action[]): string[] =>
  actions.flatMap((a) =>
    a.do === 'create'
      ? [`+${a.object.metadata?.name}`]
      : a.do === 'delete'
        ? [`-${a.key.name}`]
        : a.do === 'update'
          ? [`~${a.object.metadata?.name}`]
          : [],
  );
const plan = (
  of: StatefulSet,
  pods: readonly Pod[],
  more: { current?: ControllerRevision; update?: ControllerRevision; claims?: PersistentVolumeClaim[] } = {},
): string[] => {
  const { current = one, update = current, claims = [] } = more;
  return summary(
    planStatefulSet(
      { set: of, pods, claims: new Map(claims.map((c) => [c.metadata?.name ?? '', c])), current, update },
      now,
    ),
  );
};

describe('a step of a StatefulSet', () => {
  it.each<{ name: string; set?: StatefulSet; pods: Pod[]; want: string[] }>([
    { name: 'begins with the first pod', pods: [], want: ['+web-0'] },
    { name: 'goes on when the one before is ready', pods: [pod(0)], want: ['+web-1'] },
    { name: 'waits for one that is not', pods: [pod(0, { status: { phase: 'Running' } })], want: [] },
    { name: 'waits for one that goes', pods: [pod(0, { going: true })], want: [] },
    { name: 'fills a hole', pods: [pod(0), pod(2)], want: ['+web-1'] },
    {
      name: 'makes all at once in parallel',
      set: set({ podManagementPolicy: 'Parallel' }),
      pods: [],
      want: ['+web-0', '+web-1', '+web-2'],
    },
    { name: 'replaces one that failed', pods: [pod(0), pod(1, { status: { phase: 'Failed' } })], want: ['-web-1'] },
    { name: 'removes the highest of those too many', pods: [pod(0), pod(1), pod(2), pod(3), pod(4)], want: ['-web-4'] },
    { name: 'waits for it to be gone', pods: [pod(0), pod(1), pod(2), pod(3), pod(4, { going: true })], want: [] },
    {
      name: 'removes the unhealthy one first only if it is the first unhealthy',
      pods: [pod(0), pod(1), pod(2), pod(3), pod(4, { status: { phase: 'Pending' } })],
      want: ['-web-4'],
    },
    {
      name: 'does not scale down while an earlier one is unhealthy',
      pods: [
        pod(0),
        pod(1),
        pod(2),
        pod(3, { status: { phase: 'Running' } }),
        pod(4, { status: { phase: 'Running' } }),
      ],
      want: [],
    },
    {
      name: 'removes all that are too many in parallel',
      set: set({ podManagementPolicy: 'Parallel', replicas: 1 }),
      pods: [pod(0), pod(1), pod(2)],
      want: ['-web-2', '-web-1'],
    },
    { name: 'does nothing when all is well', pods: [pod(0), pod(1), pod(2)], want: [] },
    {
      name: 'does nothing when the set goes',
      set: set({}, { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } }),
      pods: [],
      want: [],
    },
  ])('$name', ({ set: of = set(), pods, want }) => expect(plan(of, pods)).toEqual(want));

  it.each<{ name: string; spec?: Partial<StatefulSetSpec>; pods: Pod[]; want: string[] }>([
    { name: 'from the last', pods: [pod(0), pod(1), pod(2)], want: ['-web-2'] },
    {
      name: 'one after the other',
      pods: [pod(0), pod(1), pod(2, { revision: 'web-two', status: { phase: 'Running' } })],
      want: [],
    },
    { name: 'the next when it is well', pods: [pod(0), pod(1), pod(2, { revision: 'web-two' })], want: ['-web-1'] },
    {
      name: 'down to its partition',
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
      pods: [pod(0), pod(1), pod(2, { revision: 'web-two' })],
      want: [],
    },
    {
      name: 'as many as may be missing',
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 2 } } },
      pods: [pod(0), pod(1), pod(2)],
      want: ['-web-2', '-web-1'],
    },
    { name: 'not by itself', spec: { updateStrategy: { type: 'OnDelete' } }, pods: [pod(0), pod(1), pod(2)], want: [] },
  ])('updates $name', ({ spec, pods, want }) => expect(plan(set(spec), pods, { update: two })).toEqual(want));

  it('makes pods below the partition as they were', () => {
    const of = set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } });
    const [made] = planStatefulSet({ set: of, pods: [], claims: new Map(), current: one, update: two }, now);
    expect(made?.do === 'create' && made.object.metadata?.labels?.['controller-revision-hash']).toBe('web-one');
    const [next] = planStatefulSet({ set: of, pods: [pod(0)], claims: new Map(), current: one, update: two }, now);
    expect(next?.do === 'create' && next.object.metadata?.labels?.['controller-revision-hash']).toBe('web-two');
  });

  it('makes claims before their pod, and gives them owners by the retention policy', () => {
    const claim = { metadata: { name: 'data' }, spec: {} };
    const kept = set({ volumeClaimTemplates: [claim], replicas: 1 });
    expect(plan(kept, [])).toEqual(['+data-web-0', '+web-0']);
    const there: PersistentVolumeClaim = { metadata: { name: 'data-web-0', namespace: 'default' } };
    expect(plan(kept, [], { claims: [there] })).toEqual(['+web-0']);
    const deleting = set({
      volumeClaimTemplates: [claim],
      replicas: 1,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    });
    expect(plan(deleting, [pod(0)], { claims: [there] })).toEqual(['~data-web-0']);
  });

  it('looks again when a pod will count as available', () => {
    const fresh = pod(0, {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2030-01-01T00:59:50Z' }],
      },
    });
    expect(
      planStatefulSet(
        { set: set({ minReadySeconds: 30 }), pods: [fresh], claims: new Map(), current: one, update: one },
        now,
      ),
    ).toEqual([{ do: 'requeue', afterMs: 20_000 }]);
  });
});

describe('the status of a StatefulSet', () => {
  it('makes the update the current revision once it is complete', () => {
    const done = [0, 1, 2].map((i) => pod(i, { revision: 'web-two' }));
    expect(statefulSetStatus(set(), done, one, two, now)).toMatchObject({
      currentRevision: 'web-two',
      updateRevision: 'web-two',
      currentReplicas: 3,
      updatedReplicas: 3,
    });
    expect(statefulSetStatus(set(), [...done.slice(1), pod(0)], one, two, now)).toMatchObject({
      currentRevision: 'web-one',
      updateRevision: 'web-two',
      currentReplicas: 1,
      updatedReplicas: 2,
    });
  });
});
