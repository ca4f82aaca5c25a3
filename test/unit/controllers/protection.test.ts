import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '@nodeless/apimachinery/generated/types/core/v1';
import { persistentVolumeClaims } from '@nodeless/client/resource-types';
import { danglingCondition } from '@nodeless/controllers/flow-schema';
import { claimInUse, classInUse, planProtection, volumeInUse } from '@nodeless/controllers/storage-protection';
import { aPod, aReadyPod } from '../../builders/objects.ts';

const claim: PersistentVolumeClaim = {
  metadata: {
    name: 'data',
    namespace: 'default',
    resourceVersion: '5',
    finalizers: ['kubernetes.io/pvc-protection', 'a.b/c'],
  },
};
const going = { ...claim, metadata: { ...claim.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } };
const mounting = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }], nodeName: 'n' };

describe('a protected object', () => {
  const plan = (object: PersistentVolumeClaim, inUse: boolean) =>
    planProtection(persistentVolumeClaims, object, 'kubernetes.io/pvc-protection', inUse);
  it('goes when nothing uses it, and keeps the finalizers of others', () => {
    expect(plan(going, false)).toMatchObject([
      { do: 'update', object: { metadata: { resourceVersion: '5', finalizers: ['a.b/c'] } } },
    ]);
    expect(plan(going, true)).toEqual([]);
  });
  it('gets its finalizer back while it lives', () => {
    expect(plan(claim, false)).toEqual([]);
    expect(plan({ metadata: { name: 'data', namespace: 'default' } }, false)).toMatchObject([
      { object: { metadata: { finalizers: ['kubernetes.io/pvc-protection'] } } },
    ]);
  });
});

describe('in use is', () => {
  it.each([
    { name: 'a claim that a running pod mounts', pod: aReadyPod('p', { spec: mounting }), want: true },
    {
      name: 'not one that a finished pod mounted',
      pod: aPod('p', { spec: mounting, status: { phase: 'Succeeded' } }),
      want: false,
    },
    {
      name: 'not one of a pod without a node',
      pod: aPod('p', { spec: { ...mounting, nodeName: undefined } }),
      want: false,
    },
    {
      name: 'the claim of an ephemeral volume',
      pod: aReadyPod('da', { spec: { nodeName: 'n', volumes: [{ name: 'ta', ephemeral: {} }] } }),
      claimName: 'da-ta',
      want: true,
    },
  ])('$name', ({ pod, want, claimName = 'data' }) =>
    expect(claimInUse({ metadata: { name: claimName } }, [pod])).toBe(want),
  );
  it('a bound volume, and a class that a claim or volume names', () => {
    const volume: PersistentVolume = {
      metadata: { name: 'pv' },
      spec: { volumeAttributesClassName: 'gold' },
      status: { phase: 'Bound' },
    };
    expect([
      volumeInUse(volume),
      volumeInUse({ metadata: {} }),
      classInUse('gold', [], [volume]),
      classInUse('silver', [], [volume]),
    ]).toEqual([true, false, true, false]);
  });
});

describe('a flow schema', () => {
  const schema = {
    metadata: { name: 'x' },
    spec: { matchingPrecedence: 1, priorityLevelConfiguration: { name: 'catch-all' } },
  };
  it('dangles when its priority level is missing, and says so once', () => {
    const condition = danglingCondition(schema, false, 0);
    expect(condition).toMatchObject({
      status: 'True',
      reason: 'NotFound',
      message:
        'This FlowSchema references the PriorityLevelConfiguration object named "catch-all" but there is no such object',
    });
    expect(danglingCondition({ ...schema, status: { conditions: [condition as never] } }, false, 1)).toBeUndefined();
    expect(danglingCondition({ ...schema, status: { conditions: [condition as never] } }, true, 1)).toMatchObject({
      status: 'False',
      reason: 'Found',
    });
  });
});
