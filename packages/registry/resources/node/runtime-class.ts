import type { RuntimeClass } from '@nodeless/apimachinery/generated/types/node/v1';
import type { KindDefinition } from '../../resource.ts';
import { roundResourceList } from '../core/pod-template/resource-defaults.ts';

export const runtimeClass: KindDefinition = {
  group: 'node.k8s.io',
  resource: 'runtimeclasses',
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    default: (object) => roundResourceList((object as unknown as RuntimeClass).overhead?.podFixed),
  },
};
