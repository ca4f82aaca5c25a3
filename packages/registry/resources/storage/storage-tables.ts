import type { CSIDriver, StorageClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { Row } from '../table-of.ts';

const defaultClass = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
] as const;

export function storageClassCells(object: Readonly<StorageClass>, { name, age }: Row): unknown[] {
  const isDefault = defaultClass.some((annotation) => object.metadata?.annotations?.[annotation] === 'true');
  return [
    isDefault ? `${name} (default)` : name,
    object.provisioner ?? '',
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion ?? false,
    age,
  ];
}

export function driverCells({ spec }: Readonly<CSIDriver>, { name, age }: Row): unknown[] {
  const audiences = spec?.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>';
  const modes = (spec?.volumeLifecycleModes ?? []).join(',') || '<none>';
  return [
    name,
    spec?.attachRequired ?? true,
    spec?.podInfoOnMount ?? false,
    spec?.storageCapacity ?? false,
    audiences,
    spec?.requiresRepublish ?? false,
    modes,
    age,
  ];
}
