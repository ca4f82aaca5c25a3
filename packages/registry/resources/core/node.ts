import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { keepSpec, keepStatus } from '../carry-over.ts';
import { roundResourceList } from './pod-template/resource-defaults.ts';
import { tableOf } from '../table-of.ts';
import { nodeWarnings, validateNode, validateNodeChange, validateNodeUpdate } from './node-validation.ts';
import { nodeCells } from './node-table.ts';

export const node: KindDefinition = {
  group: '',
  resource: 'nodes',
  table: tableOf<Node>('/nodes', nodeCells),
  strategy: {
    default: defaultNode,
    prepareForCreate: (object) => {
      const node = object as Node;
      delete node.spec?.configSource;
      delete node.status?.config;
    },
    validate: validateNode,
    validateUpdate: validateNodeUpdate,
    warnings: nodeWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      if ((old as Node).spec?.configSource === undefined) delete (object as Node).spec?.configSource;
    },
    resetFields: [['status']],
    status: {
      default: defaultNode,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        if ((old as Node).status?.config === undefined) delete (object as Node).status?.config;
      },
      validateUpdate: validateNodeChange,
      resetFields: [['spec']],
    },
    fieldNames: ['spec.unschedulable'],
    selectableFields: (object) => ({ 'spec.unschedulable': String((object as Node).spec?.unschedulable === true) }),
  },
};

function defaultNode(object: UnknownObject): void {
  const { spec, status } = object as Node;
  if (spec) alignPodCidrs(spec);
  if (status === undefined) return;
  if (status.allocatable === undefined && status.capacity !== undefined) status.allocatable = { ...status.capacity };
  roundResourceList(status.capacity);
  roundResourceList(status.allocatable);
}

/** The older field wins where they differ. */
function alignPodCidrs(spec: NonNullable<Node['spec']>): void {
  if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
  const first = spec.podCIDRs?.[0];
  if (first) spec.podCIDR = first;
}
