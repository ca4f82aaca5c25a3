import type { PersistentVolumeClaimSpec } from '@nodeless/apimachinery/generated/types/core/v1';

type Spec = Readonly<PersistentVolumeClaimSpec>;

/**
 * Sources in other namespaces are off in v1.36: a reference to one is kept only where there is a reference already. And of the old
 * field only what it was made for is kept of a new claim.
 */
export function dropDataSources(spec: PersistentVolumeClaimSpec, old?: Spec): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  const isNew = !old?.dataSource && !old?.dataSourceRef;
  if (isNew && !spec.dataSourceRef && spec.dataSource && !isClaimOrSnapshot(spec.dataSource)) delete spec.dataSource;
}

function isClaimOrSnapshot({ apiGroup, kind }: NonNullable<Spec['dataSource']>): boolean {
  return (
    (kind === 'PersistentVolumeClaim' && !apiGroup) ||
    (kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io')
  );
}

/** dataSource and dataSourceRef say the same thing, except where only the newer can. */
export function alignDataSources(spec: PersistentVolumeClaimSpec): void {
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}
