/** Sources of volumes that pods and PersistentVolumes have in common. */
import type * as core from '@nodeless/apimachinery/generated/types/core/v1';
import { inclusiveRangeError } from '@nodeless/apimachinery/names';
import { checkDnsLabel, checkOneOf, type Faults, invalid, notSupported, required } from '../../checks.ts';
import { checkLocalDescendingPath, checkNoBacksteps } from './paths.ts';

export type SourceCheck<T> = (faults: Faults, path: string, source: Readonly<T>) => void;

/** One `Required value` for each of the fields that is empty. */
function need<T extends object>(faults: Faults, path: string, source: T, ...fields: (keyof T & string)[]): void {
  for (const field of fields) {
    const value = source[field];
    if (!value || (Array.isArray(value) && value.length === 0)) faults.push(required(`${path}.${field}`));
  }
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

export function checkHostPath(faults: Faults, path: string, source: Readonly<core.HostPathVolumeSource>): void {
  if (!source.path) {
    faults.push(required(`${path}.path`));
    return;
  }
  checkNoBacksteps(faults, `${path}.path`, source.path);
  if (source.type !== undefined) checkOneOf(faults, `${path}.type`, source.type, hostPathTypes);
}

export function checkGitRepo(faults: Faults, path: string, source: Readonly<core.GitRepoVolumeSource>): void {
  need(faults, path, source, 'repository');
  checkLocalDescendingPath(faults, `${path}.directory`, source.directory ?? '');
}

function checkPartition(faults: Faults, path: string, partition: number | undefined): void {
  if (partition !== undefined && (partition < 0 || partition > 255))
    faults.push(invalid(path, partition, inclusiveRangeError(1, 255)));
}

export function checkGceDisk(faults: Faults, path: string, source: Readonly<core.GCEPersistentDiskVolumeSource>): void {
  need(faults, path, source, 'pdName');
  checkPartition(faults, `${path}.partition`, source.partition);
}

export function checkAwsDisk(
  faults: Faults,
  path: string,
  source: Readonly<core.AWSElasticBlockStoreVolumeSource>,
): void {
  need(faults, path, source, 'volumeID');
  checkPartition(faults, `${path}.partition`, source.partition);
}

export function checkNfs(faults: Faults, path: string, source: Readonly<core.NFSVolumeSource>): void {
  need(faults, path, source, 'server', 'path');
  if (!source.path?.startsWith('/'))
    faults.push(invalid(`${path}.path`, source.path ?? '', 'must be an absolute path'));
}

const initiatorNames: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[a-zA-Z0-9]{16}$/,
  naa: /^naa.[a-zA-Z0-9]{32}$/,
};

function checkInitiator(faults: Faults, path: string, name: string, unknown: string): void {
  const format = initiatorNames[name.slice(0, 3)];
  if (format === undefined) faults.push(invalid(path, name, unknown));
  else if (!format.test(name)) faults.push(invalid(path, name, 'must be valid format'));
}

export function checkIscsi(
  faults: Faults,
  path: string,
  source: Readonly<Omit<core.ISCSIPersistentVolumeSource, 'secretRef'> & { secretRef?: unknown }>,
  unknownInitiator = 'must be valid format starting with iqn, eui, or naa',
  checkSecret: () => void = () => {},
  checkPortal: () => void = () => {},
): void {
  need(faults, path, source, 'targetPortal');
  checkPortal();
  if (!source.iqn) faults.push(required(`${path}.iqn`));
  else checkInitiator(faults, `${path}.iqn`, source.iqn, unknownInitiator);
  const lun = source.lun ?? 0;
  if (lun < 0 || lun > 255) faults.push(invalid(`${path}.lun`, lun, inclusiveRangeError(0, 255)));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef)
    faults.push(required(`${path}.secretRef`));
  checkSecret();
  if (source.initiatorName !== undefined)
    checkInitiator(faults, `${path}.initiatorname`, source.initiatorName, unknownInitiator);
}

export function checkFc(faults: Faults, path: string, source: Readonly<core.FCVolumeSource>): void {
  const names = source.targetWWNs ?? [];
  const ids = source.wwids ?? [];
  if (names.length === 0 && ids.length === 0)
    faults.push(required(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'));
  if (names.length > 0 && ids.length > 0)
    faults.push(invalid(`${path}.targetWWNs`, names, 'targetWWNs and wwids can not be specified simultaneously'));
  if (names.length === 0) return;
  if (source.lun === undefined) faults.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  else if (source.lun < 0 || source.lun > 255)
    faults.push(invalid(`${path}.lun`, source.lun, inclusiveRangeError(0, 255)));
}

export function checkGlusterfs(
  faults: Faults,
  path: string,
  source: Readonly<Pick<core.GlusterfsVolumeSource, 'endpoints' | 'path'>>,
): void {
  need(faults, path, source, 'endpoints', 'path');
}

export function checkFlocker(faults: Faults, path: string, source: Readonly<core.FlockerVolumeSource>): void {
  if (!source.datasetName && !source.datasetUUID)
    faults.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (source.datasetName && source.datasetUUID)
    faults.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (source.datasetName?.includes('/'))
    faults.push(invalid(`${path}.datasetName`, source.datasetName, "must not contain '/'"));
}

export function checkRbd(
  faults: Faults,
  path: string,
  source: Readonly<Pick<core.RBDVolumeSource, 'monitors' | 'image'>>,
): void {
  need(faults, path, source, 'monitors', 'image');
}

export function checkCephFs(
  faults: Faults,
  path: string,
  source: Readonly<Pick<core.CephFSVolumeSource, 'monitors'>>,
): void {
  need(faults, path, source, 'monitors');
}

/** A secret of the pod's own namespace. */
export function checkLocalObject(
  faults: Faults,
  path: string,
  reference: Readonly<core.LocalObjectReference> | undefined,
): void {
  if (reference) need(faults, path, reference, 'name');
}
/** A secret of any namespace. */
export function checkSecretReference(
  faults: Faults,
  path: string,
  reference: Readonly<core.SecretReference> | undefined,
): void {
  if (reference) need(faults, path, reference, 'name', 'namespace');
}
type ReferenceCheck<T> = (faults: Faults, path: string, reference: Readonly<T> | undefined) => void;

export function checkCinder<T>(
  faults: Faults,
  path: string,
  source: Readonly<{ volumeID: string; secretRef?: T }>,
  checkReference: ReferenceCheck<T>,
): void {
  need(faults, path, source, 'volumeID');
  checkReference(faults, `${path}.secretRef`, source.secretRef);
}

export function checkQuobyte(faults: Faults, path: string, source: Readonly<core.QuobyteVolumeSource>): void {
  const complaint = 'must be a host:port pair or multiple pairs separated by commas';
  if (!source.registry) faults.push(required(`${path}.registry`, complaint));
  else if ((source.tenant ?? '').length >= 65)
    faults.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  else {
    for (const pair of source.registry.split(','))
      if (!isHostPort(pair)) faults.push(invalid(`${path}.registry`, source.registry, complaint));
  }
  need(faults, path, source, 'volume');
}

/** As net.SplitHostPort takes it: `host:port`, `[v6]:port`, either may be empty. */
function isHostPort(text: string): boolean {
  return /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(text);
}

export function checkFlex(
  faults: Faults,
  path: string,
  source: Readonly<{ driver: string; options?: Record<string, string> }>,
): void {
  need(faults, path, source, 'driver');
  for (const key of Object.keys(source.options ?? {})) {
    const domain = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      faults.push(invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
    }
  }
}

export function checkAzureFile(
  faults: Faults,
  path: string,
  source: Readonly<Pick<core.AzureFileVolumeSource, 'secretName' | 'shareName'>>,
): void {
  need(faults, path, source, 'secretName', 'shareName');
}

export function checkAzureDisk(faults: Faults, path: string, source: Readonly<core.AzureDiskVolumeSource>): void {
  const { kind, cachingMode, diskURI = '' } = source;
  need(faults, path, source, 'diskName', 'diskURI');
  if (cachingMode !== undefined)
    checkOneOf(faults, `${path}.cachingMode`, cachingMode, ['None', 'ReadOnly', 'ReadWrite']);
  if (kind !== undefined) checkOneOf(faults, `${path}.kind`, kind, ['Dedicated', 'Managed', 'Shared']);
  const at = `${path}.diskURI`;
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/')) {
    faults.push(
      notSupported(at, diskURI, [
        '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}',
      ]),
    );
  }
  if (kind !== undefined && kind !== 'Managed' && !diskURI.startsWith('https://')) {
    faults.push(
      notSupported(at, diskURI, ['https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd']),
    );
  }
}

export function checkVsphere(
  faults: Faults,
  path: string,
  source: Readonly<core.VsphereVirtualDiskVolumeSource>,
): void {
  need(faults, path, source, 'volumePath');
}
export function checkPhoton(
  faults: Faults,
  path: string,
  source: Readonly<core.PhotonPersistentDiskVolumeSource>,
): void {
  need(faults, path, source, 'pdID');
}
export function checkPortworx(faults: Faults, path: string, source: Readonly<core.PortworxVolumeSource>): void {
  need(faults, path, source, 'volumeID');
}
export function checkScaleIo(
  faults: Faults,
  path: string,
  source: Readonly<{ gateway: string; system: string; volumeName?: string }>,
): void {
  need(faults, path, source, 'gateway', 'system', 'volumeName');
}

export function checkStorageOs<T>(
  faults: Faults,
  path: string,
  source: Readonly<{ volumeName?: string; volumeNamespace?: string; secretRef?: T }>,
  checkReference: ReferenceCheck<T>,
): void {
  if (!source.volumeName) faults.push(required(`${path}.volumeName`));
  else checkDnsLabel(faults, `${path}.volumeName`, source.volumeName);
  if (source.volumeNamespace) checkDnsLabel(faults, `${path}.volumeNamespace`, source.volumeNamespace);
  checkReference(faults, `${path}.secretRef`, source.secretRef);
}
