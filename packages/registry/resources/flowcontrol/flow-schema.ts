import type { FlowSchema } from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import type { Faults } from '../checks.ts';
import { tableOf } from '../table-of.ts';
import { flowSchemaCells } from './flow-control-tables.ts';
import { checkTypes, validateFlowSchema } from './flow-schema-validation.ts';

export const flowSchema: KindDefinition = {
  group: 'flowcontrol.apiserver.k8s.io',
  resource: 'flowschemas',
  table: tableOf<FlowSchema>('flowcontrol.apiserver.k8s.io/flowschemas', flowSchemaCells),
  strategy: {
    generation: true,
    default: defaultFlowSchema,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    validate: (object) => validateFlowSchema(object as unknown as FlowSchema),
    resetFields: [['status']],
    status: {
      default: defaultFlowSchema,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      validateUpdate: (object) => {
        const faults: Faults = [];
        checkTypes(faults, (object as unknown as FlowSchema).status?.conditions);
        return faults;
      },
      resetFields: [['metadata'], ['spec']],
    },
  },
};

function defaultFlowSchema(object: UnknownObject): void {
  const spec = (object as FlowSchema).spec;
  if (spec !== undefined && !spec.matchingPrecedence) spec.matchingPrecedence = 1000;
}
