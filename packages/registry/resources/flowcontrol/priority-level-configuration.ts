import type { PriorityLevelConfiguration } from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import type { Faults } from '../checks.ts';
import { tableOf } from '../table-of.ts';
import { levelCells } from './flow-control-tables.ts';
import { checkTypes } from './flow-schema-validation.ts';
import { validatePriorityLevel } from './priority-level-validation.ts';

export const priorityLevelConfiguration: KindDefinition = {
  group: 'flowcontrol.apiserver.k8s.io',
  resource: 'prioritylevelconfigurations',
  table: tableOf<PriorityLevelConfiguration>('flowcontrol.apiserver.k8s.io/prioritylevelconfigurations', levelCells),
  strategy: {
    generation: true,
    default: defaultPriorityLevel,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    validate: (object) => validatePriorityLevel(object as unknown as PriorityLevelConfiguration),
    resetFields: [['status']],
    status: {
      default: defaultPriorityLevel,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      validateUpdate: (object) => {
        const faults: Faults = [];
        checkTypes(faults, (object as unknown as PriorityLevelConfiguration).status?.conditions);
        return faults;
      },
      resetFields: [['metadata'], ['spec']],
    },
  },
};

function defaultPriorityLevel(object: UnknownObject): void {
  const { limited, exempt } = (object as PriorityLevelConfiguration).spec ?? {};
  if (exempt) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (!limited) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (queuing) {
    if (!queuing.handSize) queuing.handSize = 8;
    if (!queuing.queues) queuing.queues = 64;
    if (!queuing.queueLengthLimit) queuing.queueLengthLimit = 50;
  }
}
