import type { FlowSchema } from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import { tableOf } from '../table-of.ts';
import { flowSchemaCells } from './flow-control-tables.ts';

export const flowSchema: KindDefinition = {
  group: 'flowcontrol.apiserver.k8s.io',
  resource: 'flowschemas',
  table: tableOf<FlowSchema>('flowcontrol.apiserver.k8s.io/flowschemas', flowSchemaCells),
  strategy: {
    generation: true,
    default: defaultFlowSchema,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: {
      default: defaultFlowSchema,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      resetFields: [['metadata'], ['spec']],
    },
  },
};

function defaultFlowSchema(object: UnknownObject): void {
  const spec = (object as FlowSchema).spec;
  if (spec !== undefined && !spec.matchingPrecedence) spec.matchingPrecedence = 1000;
}
