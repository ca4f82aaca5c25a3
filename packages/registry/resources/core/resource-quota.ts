import type { ResourceQuota } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { roundResourceList } from './pod-template/resource-defaults.ts';
import { tableOf } from '../table-of.ts';
import { quotaWarnings, validateQuota, validateQuotaStatus, validateQuotaUpdate } from './resource-quota-validation.ts';
import { resourceQuotaCells } from './resource-quota-table.ts';

export const resourceQuota: KindDefinition = {
  group: '',
  resource: 'resourcequotas',
  table: tableOf<ResourceQuota>('/resourcequotas', resourceQuotaCells),
  strategy: {
    default: (object) => {
      const quota = object as ResourceQuota;
      roundResourceList(quota.spec?.hard);
      roundResourceList(quota.status?.hard);
      roundResourceList(quota.status?.used);
    },
    prepareForCreate: clearStatus,
    validate: validateQuota,
    warnings: quotaWarnings,
    prepareForUpdate: keepStatus,
    validateUpdate: validateQuotaUpdate,
    resetFields: [['status']],
    status: { prepareForUpdate: keepSpec, validateUpdate: validateQuotaStatus, resetFields: [['spec']] },
  },
};
