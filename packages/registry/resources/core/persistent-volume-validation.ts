import type {
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeSpec,
  VolumeNodeAffinity,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isLabelValue } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, type Faults, forbidden, invalid, sameValue } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { internalDiff } from '../unified-diff.ts';
import { checkVolumeSpec, sourceFields, type VolumeRules } from './persistent-volume-spec.ts';
import { warnOfNodeSelectorTerm } from './pod-template/node-label-warnings.ts';

type Spec = Readonly<PersistentVolumeSpec>;

const mountOptions = 'volume.beta.kubernetes.io/mount-options';
const takesMountOptions = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
] as const;

export function validateVolume(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkVolume(faults, object as PersistentVolume, {});
  checkMountOptions(faults, object as PersistentVolume);
  return faults;
}

function checkVolume(faults: Faults, { metadata, spec }: Readonly<PersistentVolume>, rules: VolumeRules): void {
  checkVolumeSpec(faults, 'spec', spec ?? {}, metadata?.name ?? '', rules);
}

function checkMountOptions(faults: Faults, { metadata, spec }: Readonly<PersistentVolume>): void {
  if (metadata?.annotations?.[mountOptions] === undefined || takesMountOptions.some((field) => spec?.[field])) return;
  faults.push(forbidden(`metadata.annotations.${mountOptions}`, 'may not specify mount options for this volume type'));
}

export function validateVolumeUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const volume = object as Readonly<PersistentVolume>;
  const spec: Spec = volume.spec ?? {};
  const old: Spec = (oldObject as PersistentVolume).spec ?? {};
  const rules: VolumeRules = { allowInvalidAffinityValues: hasInvalidValue(old.nodeAffinity) };
  checkVolume(faults, volume, rules);
  checkMountOptions(faults, volume);
  // upstream checks it all once more
  checkVolume(faults, volume, rules);
  const now = sourceOf(spec, old);
  const before = sourceOf(old);
  if (!sameValue(now, before)) {
    const diff = internalDiff('PersistentVolumeSource', before, now);
    faults.push(
      forbidden('spec.persistentvolumesource', `spec.persistentvolumesource is immutable after creation\n${diff}`),
    );
  }
  checkImmutable(faults, 'volumeMode', spec.volumeMode, old.volumeMode);
  if (old.nodeAffinity && !sameValue(withNewLabels(old.nodeAffinity, spec.nodeAffinity), spec.nodeAffinity)) {
    const shown = spec.nodeAffinity ? internalValue('VolumeNodeAffinity', spec.nodeAffinity) : null;
    faults.push(invalid('nodeAffinity', shown, 'field is immutable, except for updating from beta label to GA'));
  }
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    faults.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
  }
  return faults;
}

/** Where the volume is. The secret for its expansion may still be added. */
function sourceOf(spec: Spec, old?: Spec): Record<string, unknown> {
  const source: Record<string, unknown> = {};
  for (const field of sourceFields) if (spec[field] !== undefined) source[field] = spec[field];
  if (old?.csi && !old.csi.controllerExpandSecretRef && spec.csi?.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _, ...rest } = spec.csi;
    source.csi = rest;
  }
  return source;
}

function hasInvalidValue(affinity: Readonly<VolumeNodeAffinity> | undefined): boolean {
  const expressions = affinity?.required?.nodeSelectorTerms?.flatMap((term) => term.matchExpressions ?? []) ?? [];
  return expressions.some((expression) => expression.values?.some((value) => isLabelValue(value).length > 0));
}

const newLabels: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** The old affinity, with the new names of labels where the new affinity has them. */
function withNewLabels(
  old: Readonly<VolumeNodeAffinity>,
  now: Readonly<VolumeNodeAffinity> | undefined,
): VolumeNodeAffinity {
  const rename = (
    list: readonly NodeSelectorRequirement[] | undefined,
    next: readonly NodeSelectorRequirement[] | undefined,
  ): NodeSelectorRequirement[] | undefined =>
    list?.map((one, i) => {
      const key = next?.[i]?.key;
      // no new name is as good as no name
      return key !== undefined && (newLabels[one.key] ?? '') === key ? { ...one, key } : one;
    });
  if (!old.required) return old;
  const nodeSelectorTerms = (old.required.nodeSelectorTerms ?? []).map((term, i) => {
    const next = now?.required?.nodeSelectorTerms?.[i];
    const matchExpressions = rename(term.matchExpressions, next?.matchExpressions);
    return matchExpressions ? { ...term, matchExpressions } : term;
  });
  return { ...old, required: { ...old.required, nodeSelectorTerms } };
}

const deprecated: readonly (readonly [field: keyof PersistentVolumeSpec, name: string, message: string])[] = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

export const betaClass = 'volume.beta.kubernetes.io/storage-class';
export const betaClassMessage = 'deprecated since v1.8; use "storageClassName" attribute instead';

export function volumeWarnings(object: Readonly<UnknownObject>): string[] {
  const { metadata, spec = {} } = object as Readonly<PersistentVolume>;
  const warnings: string[] = [];
  const annotations = metadata?.annotations ?? {};
  if (annotations[betaClass] !== undefined) warnings.push(`metadata.annotations[${betaClass}]: ${betaClassMessage}`);
  if (annotations[mountOptions] !== undefined) {
    warnings.push(
      `metadata.annotations[${mountOptions}]: deprecated since v1.31; use "mountOptions" attribute instead`,
    );
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  }
  spec.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => {
    warnOfNodeSelectorTerm(warnings, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, term, false);
  });
  for (const [field, name, message] of deprecated) if (spec[field]) warnings.push(`spec.${name}: ${message}`);
  return warnings;
}
