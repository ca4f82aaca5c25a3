import { describe, expect, it } from 'vitest';
import type { Node, Pod, Toleration } from '@nodeless/apimachinery/generated/types/core/v1';
import { defaultTolerationSeconds } from '@nodeless/registry/admission/default-toleration-seconds';
import { admissionPlugins } from '@nodeless/registry/admission/plugins';
import { storageObjectInUseProtection } from '@nodeless/registry/admission/storage-object-in-use-protection';
import { taintNodesByCondition } from '@nodeless/registry/admission/taint-nodes-by-condition';
import { ask, attributes } from './attributes.ts';

describe('DefaultTolerationSeconds', () => {
  const five = (name: string): Toleration => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 300,
  });
  it.each<{ name: string; own: Toleration[]; added: Toleration[] }>([
    { name: 'nothing', own: [], added: [five('not-ready'), five('unreachable')] },
    {
      name: 'one of the two',
      own: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }],
      added: [five('unreachable')],
    },
    { name: 'everything', own: [{ operator: 'Exists' }], added: [] },
    { name: 'all that evicts', own: [{ operator: 'Exists', effect: 'NoExecute' }], added: [] },
    {
      name: 'it for scheduling only',
      own: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoSchedule' }],
      added: [five('not-ready'), five('unreachable')],
    },
  ])('gives a pod that tolerates $name its five minutes', async ({ own, added }) => {
    const pod: Pod = { metadata: { name: 'p' }, spec: { containers: [], tolerations: [...own] } };
    await ask(defaultTolerationSeconds, attributes('pods', pod));
    expect(pod.spec?.tolerations).toEqual([...own, ...added]);
  });
});

describe('TaintNodesByCondition', () => {
  it('taints a new node, once', async () => {
    const node: Node = { metadata: { name: 'n' }, spec: { taints: [{ key: 'own', effect: 'NoSchedule' }] } };
    await ask(taintNodesByCondition, attributes('nodes', node, { namespace: '' }));
    await ask(taintNodesByCondition, attributes('nodes', node, { namespace: '' }));
    expect(node.spec?.taints?.map((t) => `${t.key}:${t.effect}`)).toEqual([
      'own:NoSchedule',
      'node.kubernetes.io/not-ready:NoSchedule',
    ]);
  });
});

describe('StorageObjectInUseProtection', () => {
  it.each([
    { resource: 'persistentvolumeclaims', want: ['kubernetes.io/pvc-protection'] },
    { resource: 'persistentvolumes', want: ['kubernetes.io/pv-protection'] },
    { resource: 'secrets', want: undefined },
  ])('keeps $resource', async ({ resource, want }) => {
    const object = { metadata: { name: 'x' } } as { metadata: { finalizers?: string[] } };
    await ask(storageObjectInUseProtection, attributes(resource, object));
    expect(object.metadata.finalizers).toEqual(want);
  });
});

describe('the plugins', () => {
  it("stand in upstream's order, quota last", () => {
    expect(admissionPlugins[0]?.name).toBe('NamespaceLifecycle');
    expect(admissionPlugins.at(-1)?.name).toBe('ResourceQuota');
    expect(new Set(admissionPlugins.map((p) => p.name)).size).toBe(admissionPlugins.length);
  });
});
