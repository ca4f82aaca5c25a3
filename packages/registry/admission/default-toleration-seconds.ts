import type { PodSpec, Toleration } from '@nodeless/apimachinery/generated/types/core/v1';
import type { AdmissionPlugin } from './admission.ts';

const seconds = 300;
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Every pod stays five minutes on a node that is not ready or not reachable, unless it says otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: ({ resource, subresource, operation }) =>
    resource.group === '' &&
    resource.resource === 'pods' &&
    subresource === '' &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  admit({ object }) {
    const spec = object?.['spec'] as PodSpec | undefined;
    if (!spec) return;
    const covers = (t: Toleration, key: string): boolean =>
      (!t.key || t.key === key) && (!t.effect || t.effect === 'NoExecute');
    const missing = keys.filter((key) => !(spec.tolerations ?? []).some((t) => covers(t, key)));
    if (missing.length === 0) return;
    spec.tolerations = [
      ...(spec.tolerations ?? []),
      ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds })),
    ];
  },
};
