import type { PersistentVolumeClaim } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { keepSpec, keepStatus } from '../carry-over.ts';
import { roundResourceList } from './pod-template/resource-defaults.ts';
import { defaultClaimSpec } from './pod-template/volume-defaults.ts';
import { tableOf } from '../table-of.ts';
import { alignDataSources, dropDataSources } from './claim-data-sources.ts';
import {
  claimWarnings,
  validateClaim,
  validateClaimStatus,
  validateClaimUpdate,
} from './persistent-volume-claim-validation.ts';
import { claimCells } from './volume-tables.ts';

export const persistentVolumeClaim: KindDefinition = {
  group: '',
  resource: 'persistentvolumeclaims',
  table: tableOf<PersistentVolumeClaim>('/persistentvolumeclaims', claimCells),
  strategy: {
    default: defaultClaim,
    prepareForCreate: (object) => {
      const claim = object as PersistentVolumeClaim;
      claim.status = { phase: 'Pending' };
      if (!claim.spec) return;
      dropDataSources(claim.spec);
      alignDataSources(claim.spec);
    },
    validate: validateClaim,
    warnings: claimWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      const spec = (object as PersistentVolumeClaim).spec;
      if (!spec) return;
      dropDataSources(spec, (old as PersistentVolumeClaim).spec);
      alignDataSources(spec);
    },
    validateUpdate: validateClaimUpdate,
    resetFields: [['status']],
    status: {
      default: defaultClaim,
      prepareForUpdate: keepSpec,
      validateUpdate: validateClaimStatus,
      resetFields: [['spec']],
    },
    fieldNames: ['name'],
    selectableFields: (object) => ({ name: object.metadata?.name ?? '' }),
  },
};

export function defaultClaim(object: UnknownObject): void {
  const claim = object as PersistentVolumeClaim;
  const status = (claim.status ??= {});
  if (!status.phase) status.phase = 'Pending';
  defaultClaimSpec((claim.spec ??= {}));
  roundResourceList(status.capacity);
  roundResourceList(status.allocatedResources);
}
