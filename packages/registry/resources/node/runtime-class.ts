import type { RuntimeClass } from '@nodeless/apimachinery/generated/types/node/v1';
import type { KindDefinition } from '../../resource.ts';
import { roundResourceList } from '../core/pod-template/resource-defaults.ts';
import { tableOf } from '../table-of.ts';

export const runtimeClass: KindDefinition = {
  group: 'node.k8s.io',
  resource: 'runtimeclasses',
  table: tableOf<RuntimeClass>('node.k8s.io/runtimeclasses', ({ handler }, { name, age }) => [name, handler ?? '', age]),
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    default: (object) => roundResourceList((object as unknown as RuntimeClass).overhead?.podFixed),
  },
};
