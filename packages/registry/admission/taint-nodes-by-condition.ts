import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionPlugin } from './admission.ts';

const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

/** A new node takes no pods before the node controller has seen that it is ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: ({ operation, resource, subresource }) =>
    operation === 'CREATE' && subresource === '' && resource.group === '' && resource.resource === 'nodes',
  admit({ object }) {
    const node = object as (UnknownObject & Node) | undefined;
    if (!node) return;
    node.spec ??= {};
    if (node.spec.taints?.some(({ key, effect }) => key === taint.key && effect === taint.effect)) return;
    node.spec.taints = [...(node.spec.taints ?? []), { ...taint }];
  },
};
