import { describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Ingress } from '@nodeless/apimachinery/generated/types/networking/v1';
import { defaultIngressClass } from '@nodeless/registry/admission/default-ingress-class';
import { defaultStorageClass } from '@nodeless/registry/admission/default-storage-class';
import { podTopologyLabels } from '@nodeless/registry/admission/pod-topology-labels';
import { runtimeClass } from '@nodeless/registry/admission/runtime-class';
import { ask, attributes, reader } from './attributes.ts';

const marked = (name: string, annotation: string, creationTimestamp = '2030-01-01T00:00:00Z') => ({
  metadata: { name, creationTimestamp, annotations: { [annotation]: 'true' } },
});

describe('DefaultStorageClass', () => {
  const mark = 'storageclass.kubernetes.io/is-default-class';
  const classes = [{ metadata: { name: 'plain' } }, marked('old', mark, '2029-01-01T00:00:00Z'), marked('new', mark)];
  const claim = (storageClassName?: string, annotations?: Record<string, string>): PersistentVolumeClaim => ({
    metadata: { name: 'd', ...(annotations && { annotations }) },
    spec: storageClassName === undefined ? {} : { storageClassName },
  });
  it.each([
    { name: 'none', claim: claim(), want: 'new' },
    { name: 'the empty one', claim: claim(''), want: '' },
    { name: 'its own', claim: claim('plain'), want: 'plain' },
    {
      name: 'one by annotation',
      claim: claim(undefined, { 'volume.beta.kubernetes.io/storage-class': 'x' }),
      want: undefined,
    },
  ])('for a claim that names $name', async ({ claim: made, want }) => {
    await ask(
      defaultStorageClass,
      attributes('persistentvolumeclaims', made),
      reader({ 'storage.k8s.io/storageclasses': classes }),
    );
    expect(made.spec?.storageClassName).toBe(want);
  });
  it('is none where there is none', async () => {
    const made = claim();
    await ask(defaultStorageClass, attributes('persistentvolumeclaims', made));
    expect(made.spec?.storageClassName).toBeUndefined();
  });
});

describe('DefaultIngressClass', () => {
  const read = reader({
    'networking.k8s.io/ingressclasses': [marked('usual', 'ingressclass.kubernetes.io/is-default-class')],
  });
  it.each<{ name: string; ingress: Ingress; want: string | undefined }>([
    { name: 'none', ingress: { metadata: { name: 'i' }, spec: {} }, want: 'usual' },
    { name: 'its own', ingress: { metadata: { name: 'i' }, spec: { ingressClassName: 'x' } }, want: 'x' },
    {
      name: 'one by annotation',
      ingress: { metadata: { name: 'i', annotations: { 'kubernetes.io/ingress.class': 'x' } }, spec: {} },
      want: undefined,
    },
  ])('for an Ingress that names $name', async ({ ingress, want }) => {
    await ask(defaultIngressClass, attributes('networking.k8s.io/ingresses', ingress), read);
    expect(ingress.spec?.ingressClassName).toBe(want);
  });
});

describe('RuntimeClass', () => {
  const gpu = {
    metadata: { name: 'gpu' },
    handler: 'gpu',
    overhead: { podFixed: { cpu: '100m' } },
    scheduling: { nodeSelector: { gpu: 'yes' }, tolerations: [{ key: 'gpu', operator: 'Exists' }] },
  };
  const read = reader({ 'node.k8s.io/runtimeclasses': [gpu, { metadata: { name: 'plain' }, handler: 'plain' }] });
  const pod = (spec: Partial<PodSpec>): Pod => ({
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [], ...spec },
  });

  it('gives a pod its overhead and place', async () => {
    const made = pod({
      runtimeClassName: 'gpu',
      nodeSelector: { own: 'x' },
      tolerations: [{ key: 'gpu', operator: 'Exists' }],
    });
    expect(await ask(runtimeClass, attributes('pods', made), read)).toBeUndefined();
    expect(made.spec).toMatchObject({
      overhead: { cpu: '100m' },
      nodeSelector: { own: 'x', gpu: 'yes' },
      tolerations: [{ key: 'gpu' }],
    });
    expect(made.spec?.tolerations).toHaveLength(1);
  });

  it.each([
    { spec: { runtimeClassName: 'no' }, want: 'pod rejected: RuntimeClass "no" not found' },
    {
      spec: { runtimeClassName: 'gpu', overhead: { cpu: '1' } },
      want: "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    },
    {
      spec: { overhead: { cpu: '1' } },
      want: 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    },
    {
      spec: { runtimeClassName: 'plain', overhead: { cpu: '1' } },
      want: 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    },
    {
      spec: { runtimeClassName: 'gpu', nodeSelector: { gpu: 'no' } },
      want: 'conflict: runtimeClass.scheduling.nodeSelector[gpu] = yes; pod.spec.nodeSelector[gpu] = no',
    },
    { spec: { runtimeClassName: 'gpu', overhead: { cpu: '100m' } }, want: undefined },
    { spec: {}, want: undefined },
  ])('of $spec: $want', async ({ spec, want }) =>
    expect(await ask(runtimeClass, attributes('pods', pod(spec)), read)).toBe(want && `pods "p" is forbidden: ${want}`),
  );
});

describe('PodTopologyLabels', () => {
  it('tells a pod where its node is', async () => {
    const read = reader({
      nodes: [{ metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z', other: 'x' } } }],
    });
    const binding = {
      kind: 'Binding',
      metadata: { name: 'p', labels: { own: 'y' } },
      target: { kind: 'Node', name: 'n' },
    };
    await ask(podTopologyLabels, attributes('pods', binding, { subresource: 'binding' }), read);
    expect(binding.metadata.labels).toEqual({ own: 'y', 'topology.kubernetes.io/zone': 'z' });
  });
});
