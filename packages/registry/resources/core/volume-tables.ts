import type { PersistentVolume, PersistentVolumeClaim } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Row } from '../table-of.ts';

const betaClass = 'volume.beta.kubernetes.io/storage-class';

const modes: readonly (readonly [mode: string, shown: string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

function accessModes(given: readonly string[] | undefined): string {
  return modes
    .filter(([mode]) => given?.includes(mode))
    .map(([, shown]) => shown)
    .join(',');
}

export function volumeCells({ metadata, spec, status }: Readonly<PersistentVolume>, { name, age }: Row): unknown[] {
  const claim = spec?.claimRef;
  return [
    name,
    spec?.capacity?.storage ?? '0',
    accessModes(spec?.accessModes),
    spec?.persistentVolumeReclaimPolicy ?? '',
    metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '',
    metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    status?.reason ?? '',
    age,
    spec?.volumeMode ?? '<unset>',
  ];
}

export function claimCells({ metadata, spec, status }: Readonly<PersistentVolumeClaim>, { name, age }: Row): unknown[] {
  const isBound = Boolean(spec?.volumeName);
  return [
    name,
    metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    spec?.volumeName ?? '',
    isBound ? (status?.capacity?.storage ?? '0') : '',
    isBound ? accessModes(status?.accessModes) : '',
    metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    age,
    spec?.volumeMode ?? '<unset>',
  ];
}
