/** Defaults of volumes; those of PersistentVolume sources that have the same ones are here too. */
import type {
  DownwardAPIVolumeFile,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  ProjectedVolumeSource,
  Volume,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isLatest } from './image-reference.ts';
import { roundResourceList } from './resource-defaults.ts';

const mode0644 = 0o644;

export function defaultVolume(volume: Volume): void {
  let source: string | undefined;
  for (const key in volume) {
    if (key !== 'name' && volume[key as keyof Volume] != null) {
      source = key;
      break;
    }
  }
  if (source === undefined) {
    volume.emptyDir = {};
    return;
  }
  if (volume.secret) volume.secret.defaultMode ??= mode0644;
  if (volume.configMap) volume.configMap.defaultMode ??= mode0644;
  if (volume.projected) defaultProjected(volume.projected);
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= mode0644;
    defaultDownwardFiles(volume.downwardAPI.items);
  }
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image && !volume.image.pullPolicy) {
    volume.image.pullPolicy = isLatest(volume.image.reference ?? '') ? 'Always' : 'IfNotPresent';
  }
  if (volume.ephemeral?.volumeClaimTemplate?.spec) defaultClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
  defaultNetworkVolume(volume);
}

/** Sources whose markers give defaults. */
export function defaultNetworkVolume(
  source: Pick<Volume & PersistentVolumeSpec, 'iscsi' | 'rbd' | 'azureDisk' | 'scaleIO'>,
): void {
  if (source.iscsi && !source.iscsi.iscsiInterface) source.iscsi.iscsiInterface = 'default';
  if (source.rbd) {
    if (!source.rbd.pool) source.rbd.pool = 'rbd';
    if (!source.rbd.user) source.rbd.user = 'admin';
    if (!source.rbd.keyring) source.rbd.keyring = '/etc/ceph/keyring';
  }
  if (source.azureDisk) {
    source.azureDisk.cachingMode ??= 'ReadWrite';
    source.azureDisk.fsType ??= 'ext4';
    source.azureDisk.readOnly ??= false;
    source.azureDisk.kind ??= 'Shared';
  }
  if (source.scaleIO) {
    if (!source.scaleIO.storageMode) source.scaleIO.storageMode = 'ThinProvisioned';
    if (!source.scaleIO.fsType) source.scaleIO.fsType = 'xfs';
  }
}

function defaultProjected(projected: ProjectedVolumeSource): void {
  projected.defaultMode ??= mode0644;
  for (const source of projected.sources ?? []) {
    if (source.downwardAPI) defaultDownwardFiles(source.downwardAPI.items);
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
  }
}

function defaultDownwardFiles(files: readonly DownwardAPIVolumeFile[] | undefined): void {
  for (const file of files ?? []) {
    if (file.fieldRef && !file.fieldRef.apiVersion) file.fieldRef.apiVersion = 'v1';
    if (file.resourceFieldRef) file.resourceFieldRef.divisor ??= '0';
  }
}

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
  roundResourceList(spec.resources?.limits);
  roundResourceList(spec.resources?.requests);
}
