import type {
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  ProjectedVolumeSource,
  VolumeProjection,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { type Faults, forbidden, invalid, required } from '../../checks.ts';
import { checkClusterTrustBundle, checkPodCertificate } from './certificate-projections.ts';
import { checkFieldSelector, checkResourceFieldSelector } from './env-validation.ts';
import { checkKeyToPath, checkMode } from './key-volumes.ts';
import { checkLocalNonReservedPath } from './paths.ts';

const volumeFields = new Set([
  'metadata.name',
  'metadata.namespace',
  'metadata.labels',
  'metadata.annotations',
  'metadata.uid',
]);

function checkDownwardFile(faults: Faults, path: string, file: Readonly<DownwardAPIVolumeFile>): void {
  if (!file.path) faults.push(required(`${path}.path`));
  checkLocalNonReservedPath(faults, `${path}.path`, file.path ?? '');
  if (file.fieldRef) {
    checkFieldSelector(faults, `${path}.fieldRef`, file.fieldRef, volumeFields);
    if (file.resourceFieldRef)
      faults.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef) {
    checkResourceFieldSelector(faults, `${path}.resourceFieldRef`, file.resourceFieldRef, true);
  } else {
    faults.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  }
  checkMode(faults, `${path}.mode`, file.mode);
}

export function checkDownwardApi(faults: Faults, path: string, source: Readonly<DownwardAPIVolumeSource>): void {
  checkMode(faults, `${path}.defaultMode`, source.defaultMode);
  for (const file of source.items ?? []) checkDownwardFile(faults, path, file);
}

export function checkProjected(
  faults: Faults,
  path: string,
  projected: Readonly<ProjectedVolumeSource>,
  allowNonLocalTokenPath: boolean,
): void {
  checkMode(faults, `${path}.defaultMode`, projected.defaultMode);
  const taken = new Set<string>();
  const take = (file: string, shown: string): void => {
    if (taken.has(file)) faults.push(invalid(path, shown, 'conflicting duplicate paths'));
    else taken.add(file);
  };
  projected.sources?.forEach((source, i) => {
    const at = `${path}.sources[${i}]`;
    const kinds = checkProjection(faults, path, at, source, take, allowNonLocalTokenPath);
    if (kinds > 1) faults.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  });
}

function checkProjection(
  faults: Faults,
  path: string,
  at: string,
  source: Readonly<VolumeProjection>,
  take: (file: string, shown: string) => void,
  allowNonLocalTokenPath: boolean,
): number {
  let kinds = 0;
  for (const kind of ['secret', 'configMap'] as const) {
    const keys = source[kind];
    if (!keys) continue;
    kinds++;
    if (!keys.name) faults.push(required(`${at}.${kind}.name`));
    keys.items?.forEach((item, i) => {
      checkKeyToPath(faults, `${at}.${kind}.items[${i}]`, item);
      if (item.path) take(item.path, keys.name ?? '');
    });
  }
  if (source.downwardAPI) {
    kinds++;
    for (const file of source.downwardAPI.items ?? []) {
      checkDownwardFile(faults, `${at}.downwardAPI`, file);
      if (file.path) take(file.path, file.path);
    }
  }
  const token = source.serviceAccountToken;
  if (token) {
    kinds++;
    const seconds = token.expirationSeconds ?? 0;
    const field = `${at}.serviceAccountToken.expirationSeconds`;
    if (seconds < 600) faults.push(invalid(field, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32) faults.push(invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
    if (!token.path) faults.push(required(`${path}.path`));
    else if (!allowNonLocalTokenPath) checkLocalNonReservedPath(faults, `${path}.path`, token.path);
  }
  if (source.clusterTrustBundle) {
    kinds++;
    checkClusterTrustBundle(faults, `${at}.clusterTrustBundle`, source.clusterTrustBundle);
    take(source.clusterTrustBundle.path ?? '', source.clusterTrustBundle.path ?? '');
  }
  if (source.podCertificate) {
    kinds++;
    checkPodCertificate(faults, `${at}.podCertificate`, source.podCertificate, (file) => take(file, file));
  }
  return kinds;
}
