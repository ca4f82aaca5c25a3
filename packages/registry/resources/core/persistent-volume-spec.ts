/** Specs of PersistentVolumes; of attachments too, which can have one of their own. */
import type { PersistentVolumeSpec, VolumeNodeAffinity } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Quantity } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isDns1123Label } from '@nodeless/apimachinery/names';
import { parseQuantity, quantityValue } from '@nodeless/apimachinery/quantity';
import {
  check,
  checkObjectName,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
  sortedKeys,
} from '../checks.ts';
import { shownMap } from '../internal-value.ts';
import { checkNodeSelector } from './pod-template/affinity-validation.ts';
import { checkAccessModes, volumeModes } from './pod-template/claim-validation.ts';
import { checkPersistentCsi } from './pod-template/csi-validation.ts';
import { checkNoBacksteps } from './pod-template/paths.ts';
import { checkPositiveQuantity } from './pod-template/resource-names.ts';
import * as sources from './pod-template/volume-sources.ts';

export interface VolumeRules {
  /** In an attachment, which is only about how to reach the volume. */
  readonly inline?: boolean;
  readonly allowInvalidAffinityValues?: boolean;
}
type Spec = Readonly<PersistentVolumeSpec>;

const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
const notInline = 'may not be specified in the context of inline volumes';

export function checkVolumeSpec(
  faults: Faults,
  path: string,
  spec: Spec,
  volumeName: string,
  rules: VolumeRules,
): void {
  const { inline = false } = rules;
  if (inline) checkInline(faults, path, spec);
  if (!spec.accessModes?.length) faults.push(required(`${path}.accessModes`));
  checkAccessModes(faults, `${path}.accessModes`, spec.accessModes ?? []);
  if (!inline) checkCapacity(faults, `${path}.capacity`, spec.capacity ?? {});
  const policy = spec.persistentVolumeReclaimPolicy;
  const at = `${path}.persistentVolumeReclaimPolicy`;
  if (policy && inline && policy !== 'Retain')
    faults.push(forbidden(at, 'may only be Retain in the context of inline volumes'));
  if (policy && !inline && !reclaimPolicies.includes(policy)) faults.push(notSupported(at, policy, reclaimPolicies));
  if (spec.nodeAffinity) {
    if (inline) faults.push(forbidden(`${path}.nodeAffinity`, notInline));
    else checkAffinity(faults, `${path}.nodeAffinity`, spec.nodeAffinity, rules);
  }
  checkSource(faults, path, spec, volumeName, inline);
  if (spec.hostPath && isRoot(spec.hostPath.path ?? '') && policy === 'Recycle')
    faults.push(forbidden(at, "may not be 'recycle' for a hostPath mount of '/'"));
  checkClasses(faults, path, spec, inline);
}

function checkInline(faults: Faults, path: string, spec: Spec): void {
  if (spec.claimRef) faults.push(forbidden(`${path}.claimRef`, notInline));
  if (sortedKeys(spec.capacity).length > 0) faults.push(forbidden(`${path}.capacity`, notInline));
  if (!spec.csi) faults.push(required(`${path}.csi`, 'has to be specified in the context of inline volumes'));
}

function checkCapacity(faults: Faults, path: string, capacity: Readonly<Record<string, Quantity>>): void {
  const names = sortedKeys(capacity);
  if (names.length === 0) faults.push(required(path));
  if (capacity.storage === undefined || names.length > 1)
    faults.push(notSupported(path, names.length > 0 ? shownMap(capacity) : null, ['storage']));
  for (const name of names) {
    checkBasicQuantity(faults, `${path}[${name}]`, capacity[name]!);
    checkPositiveQuantity(faults, `${path}[${name}]`, capacity[name]!);
  }
}

export function checkBasicQuantity(faults: Faults, path: string, quantity: Quantity): void {
  const value = quantityValue(parseQuantity(quantity));
  if (value < 0) faults.push(invalid(path, value, 'must be a valid resource quantity'));
}

function checkAffinity(faults: Faults, path: string, affinity: Readonly<VolumeNodeAffinity>, rules: VolumeRules): void {
  if (affinity.required)
    checkNodeSelector(faults, `${path}.required`, affinity.required, rules.allowInvalidAffinityValues === true);
  else faults.push(required(`${path}.required`, 'must specify required node constraints'));
}

type Check = (faults: Faults, path: string, spec: Spec, volumeName: string) => void;

/** Field, the path in messages where it differs, and what there is to check, in upstream's order. */
const kinds: readonly (readonly [field: keyof PersistentVolumeSpec, check: Check, twice?: string, once?: string])[] = [
  ['hostPath', (f, p, s) => sources.checkHostPath(f, p, s.hostPath!)],
  [
    'gcePersistentDisk',
    (f, p, s) => sources.checkGceDisk(f, p, s.gcePersistentDisk!),
    'gcePersistentDisk',
    'persistentDisk',
  ],
  ['awsElasticBlockStore', (f, p, s) => sources.checkAwsDisk(f, p, s.awsElasticBlockStore!)],
  ['glusterfs', (f, p, s) => checkGlusterfs(f, p, s.glusterfs!)],
  ['flocker', (f, p, s) => sources.checkFlocker(f, p, s.flocker!)],
  ['nfs', (f, p, s) => sources.checkNfs(f, p, s.nfs!)],
  ['rbd', (f, p, s) => sources.checkRbd(f, p, s.rbd!)],
  ['quobyte', (f, p, s) => sources.checkQuobyte(f, p, s.quobyte!)],
  ['cephfs', (f, p, s) => sources.checkCephFs(f, p, s.cephfs!), 'cephFS'],
  ['iscsi', (f, p, s, name) => checkIscsi(f, p, s.iscsi!, name)],
  ['cinder', (f, p, s) => sources.checkCinder(f, p, s.cinder!, sources.checkSecretReference)],
  ['fc', (f, p, s) => sources.checkFc(f, p, s.fc!)],
  ['flexVolume', (f, p, s) => sources.checkFlex(f, p, s.flexVolume!)],
  ['azureFile', (f, p, s) => checkAzureFile(f, p, s.azureFile!)],
  ['vsphereVolume', (f, p, s) => sources.checkVsphere(f, p, s.vsphereVolume!)],
  ['photonPersistentDisk', (f, p, s) => sources.checkPhoton(f, p, s.photonPersistentDisk!)],
  ['portworxVolume', (f, p, s) => sources.checkPortworx(f, p, s.portworxVolume!)],
  ['azureDisk', (f, p, s) => sources.checkAzureDisk(f, p, s.azureDisk!)],
  ['scaleIO', (f, p, s) => sources.checkScaleIo(f, p, s.scaleIO!)],
  ['local', (f, p, s) => checkLocal(f, p, s.local!)],
  ['storageos', (f, p, s) => sources.checkStorageOs(f, p, s.storageos!, sources.checkSecretReference)],
  ['csi', (f, p, s) => checkPersistentCsi(f, p, s.csi!)],
];

function checkSource(faults: Faults, path: string, spec: Spec, volumeName: string, inline: boolean): void {
  let count = 0;
  for (const [field, checkOne, twice = field, once = field] of kinds) {
    if (!spec[field]) continue;
    // Flex volumes are the one kind that upstream lets follow another.
    if (count > 0 && field !== 'flexVolume') {
      faults.push(forbidden(`${path}.${twice}`, 'may not specify more than 1 volume type'));
      continue;
    }
    count++;
    checkOne(faults, `${path}.${once}`, spec, volumeName);
    if (field === 'local' && (inline || !spec.nodeAffinity))
      faults.push(required(`${path}.nodeAffinity`, 'Local volume requires node affinity'));
  }
  if (count === 0) faults.push(required(path, 'must specify a volume type'));
}

function checkGlusterfs(faults: Faults, path: string, source: NonNullable<Spec['glusterfs']>): void {
  sources.checkGlusterfs(faults, path, source);
  const namespace = source.endpointsNamespace;
  if (namespace === '')
    faults.push(
      invalid(
        `${path}.endpointsNamespace`,
        namespace,
        'if the endpointnamespace is set, it must be a valid namespace name',
      ),
    );
  else if (namespace !== undefined) check(faults, `${path}.endpointsNamespace`, namespace, isDns1123Label(namespace));
}

const longestTarget = 64;

function checkIscsi(faults: Faults, path: string, source: NonNullable<Spec['iscsi']>, volumeName: string): void {
  const portal = source.targetPortal ?? '';
  const checkSecret = (): void => {
    if (source.secretRef && !source.secretRef.name) faults.push(required(`${path}.secretRef.name`));
  };
  sources.checkIscsi(faults, path, source, 'must be valid format', checkSecret, () => {
    if (source.initiatorName === undefined || Buffer.byteLength(`${volumeName}:${portal}`) <= longestTarget) return;
    const message =
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
    faults.push(invalid(`${path}.targetportal`, portal, message));
  });
}

function checkAzureFile(faults: Faults, path: string, source: NonNullable<Spec['azureFile']>): void {
  sources.checkAzureFile(faults, path, source);
  if (source.secretNamespace === '') faults.push(required(`${path}.secretNamespace`));
}

function checkLocal(faults: Faults, path: string, source: NonNullable<Spec['local']>): void {
  if (!source.path) faults.push(required(`${path}.path`));
  else checkNoBacksteps(faults, `${path}.path`, source.path);
}

/** As path.Clean sees it. */
function isRoot(path: string): boolean {
  if (!path.startsWith('/')) return false;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.length === 0;
}

function checkClasses(faults: Faults, path: string, spec: Spec, inline: boolean): void {
  const { storageClassName, volumeMode, volumeAttributesClassName: attributes } = spec;
  if (storageClassName) {
    if (inline) faults.push(forbidden(`${path}.storageClassName`, notInline));
    else checkObjectName(faults, `${path}.storageClassName`, storageClassName);
  }
  if (volumeMode !== undefined) {
    const at = `${path}.volumeMode`;
    if (!inline && !volumeModes.includes(volumeMode)) faults.push(notSupported(at, volumeMode, volumeModes));
    if (inline && volumeMode !== 'Filesystem')
      faults.push(forbidden(at, 'may not specify volumeMode other than Filesystem in the context of inline volumes'));
  }
  if (attributes === undefined || inline) return;
  if (attributes === '') faults.push(required(`${path}.volumeAttributesClassName`, 'an empty string is disallowed'));
  else checkObjectName(faults, `${path}.volumeAttributesClassName`, attributes);
  if (!spec.csi) faults.push(required(`${path}.csi`, 'has to be specified when using volumeAttributesClassName'));
}

export const sourceFields = kinds.map(([field]) => field);
