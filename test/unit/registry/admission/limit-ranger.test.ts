import { describe, expect, it } from 'vitest';
import type { LimitRangeItem, Pod, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import { limitRanger } from '@nodeless/registry/admission/limit-ranger';
import { ask, attributes, reader } from './attributes.ts';

const ranges = (...limits: LimitRangeItem[]) =>
  reader({ limitranges: [{ metadata: { name: 'r', namespace: 'default' }, spec: { limits } }] });
const pod = (resources: ResourceRequirements = {}, more: object = {}): Pod => ({
  kind: 'Pod',
  metadata: { name: 'p', ...more },
  spec: { containers: [{ name: 'c', resources }] },
});
const claim = (storage?: string) => ({
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'd' },
  spec: { resources: storage ? { requests: { storage } } : {} },
});

describe('LimitRanger', () => {
  it.each<{ name: string; item: LimitRangeItem; resources?: ResourceRequirements; want: string | undefined }>([
    {
      name: 'enough',
      item: { type: 'Container', min: { cpu: '100m' } },
      resources: { requests: { cpu: '100m' } },
      want: undefined,
    },
    {
      name: 'no request',
      item: { type: 'Container', min: { cpu: '100m' } },
      want: 'minimum cpu usage per Container is 100m.  No request is specified',
    },
    {
      name: 'too little asked for',
      item: { type: 'Container', min: { memory: '1Gi' } },
      resources: { requests: { memory: '500Mi' } },
      want: 'minimum memory usage per Container is 1Gi, but request is 500Mi',
    },
    {
      name: 'a limit that is too low',
      item: { type: 'Container', min: { cpu: '1' } },
      resources: { requests: { cpu: '1' }, limits: { cpu: '500m' } },
      want: 'minimum cpu usage per Container is 1, but limit is 500m',
    },
    {
      name: 'no limit',
      item: { type: 'Container', max: { cpu: '1' } },
      resources: { requests: { cpu: '1' } },
      want: 'maximum cpu usage per Container is 1.  No limit is specified',
    },
    {
      name: 'a limit that is too high',
      item: { type: 'Container', max: { cpu: '1' } },
      resources: { limits: { cpu: '2' } },
      want: 'maximum cpu usage per Container is 1, but limit is 2',
    },
    {
      name: 'too much asked for',
      item: { type: 'Container', max: { cpu: '1' } },
      resources: { requests: { cpu: '2' }, limits: { cpu: '1' } },
      want: 'maximum cpu usage per Container is 1, but request is 2',
    },
    {
      name: 'a ratio within bounds',
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
      want: undefined,
    },
    {
      name: 'a ratio that is too high',
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources: { requests: { cpu: '1' }, limits: { cpu: '3' } },
      want: 'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    },
    {
      name: 'a ratio to nothing',
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources: { requests: { cpu: '0' }, limits: { cpu: '3' } },
      want: 'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    },
    {
      name: 'a ratio without a limit',
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources: { requests: { cpu: '1' } },
      want: 'cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0',
    },
    {
      name: 'the sum of a pod',
      item: { type: 'Pod', max: { cpu: '1' } },
      resources: { limits: { cpu: '1500m' } },
      want: 'maximum cpu usage per Pod is 1, but limit is 1500m',
    },
  ])('a pod with $name', async ({ item, resources, want }) => {
    expect(await ask(limitRanger, attributes('pods', pod(resources)), ranges(item))).toBe(
      want && `pods "p" is forbidden: ${want}`,
    );
  });

  it('tells everything that is wrong at once', async () => {
    const text = await ask(
      limitRanger,
      attributes('pods', pod({}, { name: undefined, generateName: 'p-' })),
      ranges({ type: 'Container', min: { cpu: '1' }, max: { memory: '1Gi' } }),
    );
    expect(text).toBe(
      'pods "p-" is forbidden: [minimum cpu usage per Container is 1.  No request is specified, maximum memory usage per Container is 1Gi.  No limit is specified]',
    );
  });

  it('fills in what is not said, and notes it', async () => {
    const made: Pod = {
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', resources: { requests: { cpu: '10m' } } }], initContainers: [{ name: 'i' }] },
    };
    expect(
      await ask(
        limitRanger,
        attributes('pods', made),
        ranges({ type: 'Container', defaultRequest: { cpu: '100m', memory: '1Mi' }, default: { cpu: '1' } }),
      ),
    ).toBeUndefined();
    expect(made.spec?.containers[0]?.resources).toEqual({
      requests: { cpu: '10m', memory: '1Mi' },
      limits: { cpu: '1' },
    });
    expect(made.metadata?.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: memory request for container c; cpu limit for container c; cpu, memory request for init container i; cpu limit for init container i',
    });
  });

  it.each([
    { storage: '1Gi', want: undefined },
    { storage: '500Mi', want: 'minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi' },
    { storage: '3Gi', want: 'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi' },
  ])('a claim of $storage', async ({ storage, want }) => {
    const text = await ask(
      limitRanger,
      attributes('persistentvolumeclaims', claim(storage)),
      ranges({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } }),
    );
    expect(text).toBe(want && `persistentvolumeclaims "d" is forbidden: ${want}`);
  });

  it('does not measure a pod again when it changes', () =>
    expect(limitRanger.handles(attributes('pods', pod(), { operation: 'UPDATE', oldObject: pod() as never }))).toBe(
      false,
    ));
});
