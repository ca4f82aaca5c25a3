import { describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import { planDeployment } from '@nodeless/controllers/deployment/deployment';
import { maxSurge, maxUnavailable } from '@nodeless/controllers/deployment/limits';
import { templateHash } from '@nodeless/controllers/deployment/revision';
import type { Action } from '@nodeless/controller-runtime/actions';
import { aDeployment, aReplicaSet } from '../../builders/objects.ts';

const now = Date.UTC(2030, 0, 1, 0, 1);
const plan = (deployment: Deployment, replicaSets: readonly ReplicaSet[], oldPodsRunning = false): Action[] =>
  planDeployment({ deployment, replicaSets, oldPodsRunning }, now);

/** What a plan does, in words: `create web-…=3`, `old->2`, `delete x`, `event …`. */
function words(actions: readonly Action[]): string[] {
  return actions.flatMap((a) => {
    if (a.do === 'create') return [`create ${(a.object as ReplicaSet).spec?.replicas}`];
    if (a.do === 'update' && a.subresource !== 'status')
      return [`${a.object.metadata?.name}->${(a.object as ReplicaSet).spec?.replicas}`];
    if (a.do === 'delete') return [`delete ${a.key.name}`];
    return [];
  });
}
const statusOf = (actions: readonly Action[]): NonNullable<Deployment['status']> =>
  (actions.find((a) => a.do === 'update' && a.subresource === 'status') as { object: Deployment } | undefined)?.object
    .status ?? {};
const condition = (actions: readonly Action[], type: string): unknown =>
  statusOf(actions).conditions?.find((c) => c.type === type);

describe('a rollout', () => {
  const rolling = (
    replicas: number,
    maxSurgeValue: number | string,
    maxUnavailableValue: number | string,
  ): Deployment =>
    aDeployment('web', {
      replicas,
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: maxSurgeValue, maxUnavailable: maxUnavailableValue },
      },
    });
  const old = (d: Deployment, replicas: number, available = replicas): ReplicaSet =>
    aReplicaSet(d, 'old', { replicas, available, image: 'img:0' });
  const fresh = (d: Deployment, replicas: number, available = replicas): ReplicaSet =>
    aReplicaSet(d, 'new', { replicas, available, revision: 2, created: '2030-01-01T00:00:30Z' });

  const cases: { name: string; given: () => [Deployment, ReplicaSet[]]; want: string[] }[] = [
    {
      name: 'starts with all replicas when there is nothing old',
      given: () => [rolling(3, 1, 1), []],
      want: ['create 3'],
    },
    {
      name: 'starts a new version with what surge allows',
      given: () => {
        const d = rolling(4, 1, 0);
        return [d, [old(d, 4)]];
      },
      want: ['create 1'],
    },
    {
      name: 'starts at zero when there is no room',
      given: () => {
        const d = rolling(4, 0, 1);
        return [d, [old(d, 4)]];
      },
      want: ['create 0'],
    },
    {
      name: 'takes an old one away for each that is available',
      given: () => {
        const d = rolling(4, 1, 0);
        return [d, [old(d, 4), fresh(d, 1)]];
      },
      want: ['old->3'],
    },
    {
      name: 'waits while the new one is not available',
      given: () => {
        const d = rolling(4, 1, 0);
        return [d, [old(d, 4), fresh(d, 1, 0)]];
      },
      want: [],
    },
    {
      name: 'takes unhealthy old ones away first',
      given: () => {
        const d = rolling(4, 1, 1);
        return [d, [old(d, 3, 2), fresh(d, 2, 1)]];
      },
      want: ['old->2'],
    },
    {
      name: 'scales the new one up before the old one down',
      given: () => {
        const d = rolling(4, 1, 1);
        return [d, [old(d, 2), fresh(d, 2)]];
      },
      want: ['new->3'],
    },
    {
      name: 'has nothing to do when it is done',
      given: () => {
        const d = rolling(3, 1, 1);
        return [d, [old(d, 0), fresh(d, 3)]];
      },
      want: [],
    },
    {
      name: 'rolls back onto the old template',
      given: () => {
        const d = aDeployment('web', {
          template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'img:0' }] } },
        });
        const base = aDeployment('web');
        return [
          d,
          [
            aReplicaSet(base, 'old', { replicas: 0, image: 'img:0' }),
            aReplicaSet(base, 'new', { replicas: 3, revision: 2 }),
          ],
        ];
      },
      want: ['old->0'],
    },
  ];
  it.each(cases)('$name', ({ given, want }) => {
    expect(words(plan(...given()))).toEqual(want);
  });

  it('raises the revision of a version that it goes back to', () => {
    const base = aDeployment('web');
    const d = aDeployment('web', {
      template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'img:0' }] } },
    });
    const actions = plan(d, [
      aReplicaSet(base, 'old', { replicas: 0, image: 'img:0' }),
      aReplicaSet(base, 'new', { replicas: 3, revision: 2 }),
    ]);
    const changed = actions.find((a) => a.do === 'update' && a.object.metadata?.name === 'old') as {
      object: ReplicaSet;
    };
    expect(changed.object.metadata?.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
    expect(actions.at(-1)).toMatchObject({
      do: 'update',
      subresource: 'status',
      object: { metadata: { annotations: { 'deployment.kubernetes.io/revision': '3' } } },
    });
  });

  it('Recreate takes everything old down and waits for its pods', () => {
    const d = aDeployment('web', { strategy: { type: 'Recreate' } });
    expect(words(plan(d, [old(d, 3)]))).toEqual(['old->0']);
    expect(words(plan(d, [old(d, 0)], true))).toEqual([]);
    expect(words(plan(d, [old(d, 0)]))).toEqual(['create 3']);
  });

  it('a paused Deployment makes no new version but still scales', () => {
    const d = aDeployment('web', { paused: true, replicas: 5 });
    expect(words(plan(d, [aReplicaSet(d, 'old', { replicas: 3, image: 'img:0', desired: 3 })]))).toEqual(['old->5']);
    expect(condition(plan(d, []), 'Progressing')).toMatchObject({
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
    });
  });

  it('scales in proportion in the middle of a rollout', () => {
    const d = rolling(20, 0, 5);
    const a = aReplicaSet(d, 'old', { replicas: 8, image: 'img:0', desired: 10 });
    const b = aReplicaSet(d, 'new', { replicas: 2, desired: 10 });
    for (const rs of [a, b])
      if (rs.metadata?.annotations) rs.metadata.annotations['deployment.kubernetes.io/max-replicas'] = '10';
    expect(words(plan(d, [a, b])).toSorted()).toEqual(['new->4', 'old->16']);
  });

  it('removes what is older than the history limit, once it is empty', () => {
    const d = aDeployment(
      'web',
      { revisionHistoryLimit: 1, replicas: 3 },
      {
        status: {
          observedGeneration: 1,
          replicas: 3,
          updatedReplicas: 3,
          readyReplicas: 3,
          availableReplicas: 3,
          conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
        },
      },
    );
    const first = aReplicaSet(d, 'first', { replicas: 0, image: 'img:a', revision: 1 });
    const second = aReplicaSet(d, 'second', { replicas: 0, image: 'img:b', revision: 2 });
    expect(words(plan(d, [first, second, aReplicaSet(d, 'new', { replicas: 3, revision: 3 })]))).toEqual([
      'delete first',
    ]);
  });
});

describe('the status', () => {
  it('says that a rollout is available and complete', () => {
    const d = aDeployment(
      'web',
      {},
      {
        status: {
          observedGeneration: 1,
          replicas: 3,
          updatedReplicas: 3,
          availableReplicas: 2,
          readyReplicas: 2,
          conditions: [
            {
              type: 'Progressing',
              status: 'True',
              reason: 'ReplicaSetUpdated',
              lastUpdateTime: '2030-01-01T00:00:00Z',
              lastTransitionTime: '2030-01-01T00:00:00Z',
            },
          ],
        },
      },
    );
    const actions = plan(d, [aReplicaSet(d, 'new', { replicas: 3 })]);
    expect(statusOf(actions)).toMatchObject({
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      observedGeneration: 1,
    });
    expect(condition(actions, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
      message: 'Deployment has minimum availability.',
    });
    expect(condition(actions, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "new" has successfully progressed.',
      lastTransitionTime: '2030-01-01T00:00:00Z',
    });
  });

  it('says that a rollout has been stuck for longer than its deadline', () => {
    const d = aDeployment(
      'web',
      { progressDeadlineSeconds: 30 },
      {
        status: {
          observedGeneration: 1,
          replicas: 3,
          updatedReplicas: 3,
          conditions: [
            {
              type: 'Progressing',
              status: 'True',
              reason: 'ReplicaSetUpdated',
              lastUpdateTime: '2030-01-01T00:00:00Z',
            },
          ],
        },
      },
    );
    expect(condition(plan(d, [aReplicaSet(d, 'new', { replicas: 3, available: 0 })]), 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "new" has timed out progressing.',
    });
  });

  it('asks to be looked at again when the deadline comes', () => {
    const d = aDeployment(
      'web',
      { progressDeadlineSeconds: 90 },
      {
        status: {
          observedGeneration: 1,
          replicas: 3,
          updatedReplicas: 3,
          conditions: [
            {
              type: 'Progressing',
              status: 'True',
              reason: 'ReplicaSetUpdated',
              lastUpdateTime: '2030-01-01T00:00:00Z',
            },
          ],
        },
      },
    );
    expect(plan(d, [aReplicaSet(d, 'new', { replicas: 3, available: 0 })])).toContainEqual({
      do: 'requeue',
      afterMs: 30_000,
    });
  });

  it('is written once: the second look at the same state does nothing', () => {
    const d = aDeployment('web');
    const rs = aReplicaSet(d, 'new', { replicas: 3 });
    const first = plan(d, [rs]);
    const settled = {
      ...d,
      metadata: { ...d.metadata, annotations: { 'deployment.kubernetes.io/revision': '1' } },
      status: statusOf(first),
    };
    expect(plan(settled, [rs]).filter((a) => a.do !== 'requeue')).toEqual([]);
  });
});

describe('limits', () => {
  it.each([
    { surge: '25%', unavailable: '25%', replicas: 10, want: [3, 2] },
    { surge: '25%', unavailable: '25%', replicas: 1, want: [1, 0] },
    { surge: 0, unavailable: '10%', replicas: 3, want: [0, 1] },
    { surge: 5, unavailable: 20, replicas: 4, want: [5, 4] },
  ])('surge $surge and unavailable $unavailable of $replicas', ({ surge, unavailable, replicas, want }) => {
    const d = aDeployment('web', {
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
    });
    expect([maxSurge(d), maxUnavailable(d)]).toEqual(want);
  });

  it('templates hash to short safe names, and to others after a collision', () => {
    const { template } = aDeployment('web').spec ?? { template: {} };
    expect(templateHash(template, undefined)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
    expect(templateHash(template, 1)).not.toBe(templateHash(template, undefined));
  });
});
