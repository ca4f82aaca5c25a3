import type { Volume } from '@nodeless/apimachinery/generated/types/core/v1';
import { nameIsDnsSubdomain } from '@nodeless/apimachinery/names';
import { parseQuantity, quantitySign } from '@nodeless/apimachinery/quantity';
import {
  checkDnsLabel,
  checkRequiredOneOf,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  required,
} from '../../checks.ts';
import { checkClaimTemplate } from './claim-validation.ts';
import type { Volumes } from './mount-validation.ts';
import type { PodOptions } from './options.ts';
import { checkDownwardApi, checkProjected } from './projected-validation.ts';
import {
  checkAwsDisk,
  checkAzureDisk,
  checkAzureFile,
  checkCephFs,
  checkCinder,
  checkFc,
  checkFlex,
  checkFlocker,
  checkGceDisk,
  checkGitRepo,
  checkGlusterfs,
  checkHostPath,
  checkIscsi,
  checkLocalObject,
  checkNfs,
  checkPhoton,
  checkPortworx,
  checkQuobyte,
  checkRbd,
  checkScaleIo,
  checkStorageOs,
  checkVsphere,
  type SourceCheck,
} from './volume-sources.ts';
import { checkCsiVolume } from './csi-validation.ts';
import { checkConfigMapVolume, checkSecretVolume } from './key-volumes.ts';

export interface VolumeContext {
  /** Of the pod; '' in templates and before a name is generated. */
  readonly podName: string;
  readonly options: PodOptions;
}

/** The good ones by name: mounts of bad volumes are not found. */
export function checkVolumes(
  faults: Faults,
  path: string,
  volumes: readonly Volume[] | undefined,
  context: VolumeContext,
): Volumes {
  const good = new Map<string, Volume>();
  if (volumes === undefined) return good;
  const ownClaims = new Set(
    context.podName === '' ? [] : volumes.filter((v) => v.ephemeral).map((v) => `${context.podName}-${v.name}`),
  );
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!;
    const at = `${path}[${i}]`;
    const name = volume.name ?? '';
    const before = faults.length;
    checkSource(faults, at, volume, context);
    if (name === '') faults.push(required(`${at}.name`));
    else checkDnsLabel(faults, `${at}.name`, name);
    if (good.has(name)) faults.push(duplicate(`${at}.name`, name));
    if (faults.length === before) good.set(name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && ownClaims.has(claim)) {
      faults.push(
        invalid(
          `${at}.persistentVolumeClaim.claimName`,
          claim,
          'must not reference a PVC that gets created for an ephemeral volume',
        ),
      );
    }
  }
  return good;
}

/**
 * Kinds of sources in the order in which they are looked at: of two in one volume the second is refused under
 * `clash`. `at` is where its own faults are; some of these paths are upstream's slips of the pen, which clients see.
 */
type Source = {
  [K in keyof Volume]-?: { field: K; clash?: string; at?: string; check: SourceCheck<NonNullable<Volume[K]>> };
}[keyof Volume];

const sources: readonly Source[] = [
  { field: 'hostPath', check: checkHostPath },
  { field: 'gitRepo', check: checkGitRepo },
  { field: 'gcePersistentDisk', at: 'persistentDisk', check: checkGceDisk },
  { field: 'awsElasticBlockStore', check: checkAwsDisk },
  { field: 'secret', check: checkSecretVolume },
  { field: 'nfs', check: checkNfs },
  { field: 'iscsi', check: checkIscsi },
  { field: 'glusterfs', check: checkGlusterfs },
  { field: 'flocker', check: checkFlocker },
  {
    field: 'persistentVolumeClaim',
    check: (faults, path, claim) => !claim.claimName && faults.push(required(`${path}.claimName`)),
  },
  { field: 'rbd', check: checkRbd },
  { field: 'cinder', check: (faults, path, disk) => checkCinder(faults, path, disk, checkLocalObject) },
  { field: 'cephfs', clash: 'cephFS', check: checkCephFs },
  { field: 'quobyte', check: checkQuobyte },
  { field: 'downwardAPI', clash: 'downwarAPI', check: checkDownwardApi },
  { field: 'fc', check: checkFc },
  { field: 'flexVolume', check: checkFlex },
  { field: 'configMap', check: checkConfigMapVolume },
  { field: 'azureFile', check: checkAzureFile },
  { field: 'vsphereVolume', check: checkVsphere },
  { field: 'photonPersistentDisk', check: checkPhoton },
  { field: 'portworxVolume', check: checkPortworx },
  { field: 'azureDisk', check: checkAzureDisk },
  { field: 'storageos', check: (faults, path, volume) => checkStorageOs(faults, path, volume, checkLocalObject) },
];
const later: readonly Source[] = [
  { field: 'scaleIO', check: checkScaleIo },
  { field: 'csi', check: checkCsiVolume },
];

function checkSource(faults: Faults, path: string, volume: Readonly<Volume>, context: VolumeContext): void {
  let found = false;
  const first = (clash: string): boolean => {
    if (found) faults.push(forbidden(`${path}.${clash}`, 'may not specify more than 1 volume type'));
    const isFirst = !found;
    found = true;
    return isFirst;
  };
  if (volume.emptyDir) {
    found = true;
    const limit = volume.emptyDir.sizeLimit;
    if (limit !== undefined && quantitySign(parseQuantity(limit)) < 0) {
      faults.push(forbidden(`${path}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
    }
  }
  checkSimple(faults, path, volume, sources, first);
  if (volume.projected && first('projected'))
    checkProjected(faults, `${path}.projected`, volume.projected, context.options.allowNonLocalTokenPath);
  checkSimple(faults, path, volume, later, first);
  if (volume.ephemeral && first('ephemeral')) {
    const template = volume.ephemeral.volumeClaimTemplate;
    if (!template) faults.push(required(`${path}.ephemeral.volumeClaimTemplate`));
    else checkClaimTemplate(faults, `${path}.ephemeral.volumeClaimTemplate`, template);
    if (context.podName !== '' && volume.name) {
      const claim = `${context.podName}-${volume.name}`;
      for (const complaint of nameIsDnsSubdomain(claim, false))
        faults.push(invalid(`${path}.name`, volume.name, `PVC name ${JSON.stringify(claim)}: ${complaint}`));
    }
  }
  if (volume.image && first('image')) {
    if (context.options.isPod && !volume.image.reference) faults.push(required(`${path}.image.reference`));
    checkPullPolicy(faults, `${path}.image.pullPolicy`, volume.image.pullPolicy);
  }
  if (!found) faults.push(required(path, 'must specify a volume type'));
}

function checkSimple(
  faults: Faults,
  path: string,
  volume: Readonly<Volume>,
  list: readonly Source[],
  first: (clash: string) => boolean,
): void {
  for (const source of list) {
    const value = volume[source.field];
    if (!value) continue;
    if (first(source.clash ?? source.field))
      (source.check as SourceCheck<unknown>)(faults, `${path}.${source.at ?? source.field}`, value);
    if (source.field === 'iscsi') checkIscsiName(faults, path, volume);
  }
}

function checkIscsiName(faults: Faults, path: string, volume: Readonly<Volume>): void {
  const { name, iscsi } = volume;
  if (iscsi?.initiatorName === undefined || `${name}:${iscsi.targetPortal}`.length <= 64) return;
  faults.push(
    invalid(
      `${path}.name`,
      name,
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
    ),
  );
}

export function checkPullPolicy(faults: Faults, path: string, policy: string | undefined): void {
  checkRequiredOneOf(faults, path, policy, ['Always', 'IfNotPresent', 'Never']);
}
