import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { keepSpec, keepStatus } from '../carry-over.ts';
import { roundResourceList } from './pod-template/resource-defaults.ts';
import { defaultClaimSpec } from './pod-template/volume-defaults.ts';
import { tableOf } from '../table-of.ts';
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
      if (claim.spec) alignDataSources(claim.spec);
    },
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      const spec = (object as PersistentVolumeClaim).spec;
      if (spec) alignDataSources(spec);
    },
    resetFields: [['status']],
    status: { default: defaultClaim, prepareForUpdate: keepSpec, resetFields: [['spec']] },
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

/** dataSource and dataSourceRef say the same thing, except where only the newer can. */
function alignDataSources(spec: PersistentVolumeClaimSpec): void {
  // Without the feature for other namespaces its field is not kept.
  if (spec.dataSourceRef?.namespace) delete spec.dataSourceRef.namespace;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}
