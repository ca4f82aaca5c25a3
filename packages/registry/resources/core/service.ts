import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { nameIsDnsLabel } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { serviceAllocation } from './service-allocation.ts';
import { defaultService } from './service-defaults.ts';
import { dropFieldsOfOldType } from './service-type-change.ts';
import { tableOf } from '../table-of.ts';
import { serviceStatusWarnings, validateServiceStatus } from './service-status-validation.ts';
import { validateService, validateServiceUpdate } from './service-validation.ts';
import { serviceWarnings } from './service-warnings.ts';
import { serviceCells } from './service-table.ts';

export interface ServiceOptions {
  /** Where ClusterIPs come from. */
  readonly serviceCidr?: string;
  /** Both ends included. */
  readonly nodePortRange?: readonly [first: number, last: number];
}

export function createServiceKind({
  serviceCidr = '10.96.0.0/16',
  nodePortRange = [30000, 32767],
}: ServiceOptions = {}): KindDefinition {
  return {
    group: '',
    resource: 'services',
    table: tableOf<Service>('/services', serviceCells),
    sideEffects: serviceAllocation({ serviceCidr, nodePortRange }),
    strategy: {
      allowCreateOnUpdate: true,
      default: defaultService,
      prepareForCreate: clearStatus,
      validateName: nameIsDnsLabel,
      validate: validateService,
      warnings: serviceWarnings,
      prepareForUpdate: (object, old) => {
        keepStatus(object, old);
        dropFieldsOfOldType(object as Service, old as Service);
      },
      validateUpdate: validateServiceUpdate,
      resetFields: [['status']],
      status: {
        default: defaultService,
        prepareForUpdate: keepSpec,
        validateUpdate: validateServiceStatus,
        warnings: serviceStatusWarnings,
        resetFields: [['spec']],
      },
      fieldNames: ['spec.clusterIP', 'spec.type'],
      selectableFields,
    },
  };
}

function selectableFields(object: Readonly<UnknownObject>): Record<string, string> {
  const spec = (object as Service).spec;
  return { 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' };
}
