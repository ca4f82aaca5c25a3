import type { APIService } from '@nodeless/apimachinery/generated/types/apiregistration/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import { formatTime } from '@nodeless/apimachinery/time';
import { tableOf } from '../table-of.ts';
import { validateApiService, validateApiServiceStatus } from './api-service-validation.ts';
import { serviceCell, availableCell } from './api-service-table.ts';

export const apiService: KindDefinition = {
  group: 'apiregistration.k8s.io',
  resource: 'apiservices',
  table: tableOf<APIService>('apiregistration.k8s.io/apiservices', (object, { name, age }) => [
    name,
    serviceCell(object),
    availableCell(object),
    age,
  ]),
  strategy: {
    allowUnconditionalUpdate: false,
    default: defaultApiService,
    prepareForCreate: (object, context) => {
      const service = object as APIService;
      service.status = {};
      if (service.spec?.service === undefined) {
        service.status.conditions = [
          {
            type: 'Available',
            status: 'True',
            lastTransitionTime: formatTime(context.now()),
            reason: 'Local',
            message: 'Local APIServices are always available',
          },
        ];
      }
    },
    prepareForUpdate: keepStatus,
    validateName: isPathSegmentName,
    validate: (object) => validateApiService(object as unknown as APIService),
    resetFields: [['status']],
    status: {
      validateUpdate: (object) => validateApiServiceStatus(object as unknown as APIService),
      default: defaultApiService,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      resetFields: [['spec'], ['metadata']],
    },
  },
};

function defaultApiService(object: UnknownObject): void {
  const service = (object as APIService).spec?.service;
  if (service) service.port ??= 443;
}
