import type { UnknownObject } from '@nodeless/apimachinery/object';
import { describe, expect, it } from 'vitest';
import { isSettled, stateOf } from '../../../cli/follow.ts';

const object = (kind: string, spec: unknown, status: unknown, generation = 2): UnknownObject =>
  ({ apiVersion: 'v1', kind, metadata: { name: 'x', generation }, spec, status }) as UnknownObject;
const counts = (count: number) => ({ replicas: count, updatedReplicas: count, readyReplicas: count });

describe('isSettled', () => {
  it.each<[string, UnknownObject, boolean | undefined]>([
    ['a kind without pods', object('ConfigMap', undefined, undefined), undefined],
    [
      'a Deployment with all its pods',
      object('Deployment', { replicas: 3 }, { observedGeneration: 2, ...counts(3) }),
      true,
    ],
    ['one whose number has its default', object('Deployment', {}, { observedGeneration: 2, ...counts(1) }), true],
    ['one of none', object('Deployment', { replicas: 0 }, { observedGeneration: 2 }), true],
    [
      'one that its controller has not seen',
      object('Deployment', { replicas: 3 }, { observedGeneration: 1, ...counts(3) }),
      false,
    ],
    [
      'one with a pod that is not ready',
      object('Deployment', { replicas: 3 }, { observedGeneration: 2, ...counts(3), readyReplicas: 2 }),
      false,
    ],
    [
      'one with pods of the old template',
      object('Deployment', { replicas: 3 }, { observedGeneration: 2, ...counts(3), replicas: 4 }),
      false,
    ],
    ['one just made', object('Deployment', { replicas: 3 }, undefined, 1), false],
    [
      'a StatefulSet half updated',
      object('StatefulSet', { replicas: 2 }, { observedGeneration: 2, ...counts(2), updatedReplicas: 1 }),
      false,
    ],
    ['a ReplicaSet', object('ReplicaSet', { replicas: 2 }, { observedGeneration: 2, readyReplicas: 2 }), true],
    [
      'a DaemonSet',
      object('DaemonSet', {}, { observedGeneration: 2, numberReady: 3, desiredNumberScheduled: 3 }),
      true,
    ],
    [
      'a DaemonSet on its way',
      object('DaemonSet', {}, { observedGeneration: 2, numberReady: 2, desiredNumberScheduled: 3 }),
      false,
    ],
    ['a Job that runs', object('Job', {}, { active: 1 }), false],
    ['a Job that is through', object('Job', {}, { conditions: [{ type: 'Complete', status: 'True' }] }), true],
    ['a Job that failed', object('Job', {}, { conditions: [{ type: 'Failed', status: 'True' }] }), true],
    ['a suspended Job', object('Job', {}, { conditions: [{ type: 'Suspended', status: 'True' }] }), false],
    ['a pod that is ready', object('Pod', {}, { conditions: [{ type: 'Ready', status: 'True' }] }), true],
    ['a pod that has ended', object('Pod', {}, { phase: 'Succeeded' }), true],
    ['a pod that waits', object('Pod', {}, { phase: 'Pending' }), false],
  ])('%s', (_, given, want) => {
    expect(isSettled(given)).toBe(want);
  });
});

describe('stateOf', () => {
  it.each([
    [{ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }, 'Ready'],
    [
      { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }] },
      'ImagePullBackOff',
    ],
    [
      {
        phase: 'Pending',
        initContainerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }],
        containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
      },
      'CrashLoopBackOff',
    ],
    [{ phase: 'Running', containerStatuses: [{ state: { running: {} } }] }, 'Running'],
    [undefined, 'Pending'],
  ])('%j is %s', (status, want) => {
    expect(stateOf({ status } as never)).toBe(want);
  });
});
