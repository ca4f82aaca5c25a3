import type { StatefulSet, StatefulSetSpec, StatefulSetStatus } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123Label } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkAnnotations,
  checkLabels,
  checkNonNegative,
  checkOneOf,
  type Faults,
  forbidden,
  invalid,
  required,
  sameValue,
} from '../checks.ts';
import { checkPodAnnotations } from '../core/pod-template/annotation-validation.ts';
import { checkClaimSpec } from '../core/pod-template/claim-validation.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import {
  checkEndless,
  checkSelected,
  checkTemplate,
  isNewGeneration,
  selects,
  templateOptions,
  templateWarnings,
} from '../core/pod-template/owned-template.ts';
import { warnOfClaimSizes } from '../core/pod-template/warnings.ts';
import { amountOf, checkAtMostAll, checkIntOrPercent } from '../int-or-percent.ts';
import { internalValue, shownSelector } from '../internal-value.ts';
import { checkCollisionCount, checkCounts, checkParts } from '../status-counts.ts';
import { checkWorkloadSelector } from './workload-checks.ts';

type Spec = Readonly<Partial<StatefulSetSpec>>;

/** Immutable parts that were stored with faults are let be. */
interface Rules {
  readonly isUpdate?: boolean;
  readonly skipTemplate?: boolean;
}

export function validateStatefulSet(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as StatefulSet).spec ?? {}, templateOptions(), {});
  return faults;
}

const mutable = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const;

export function validateStatefulSetUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const spec: Spec = (object as StatefulSet).spec ?? {};
  const old: Spec = (oldObject as StatefulSet).spec ?? {};
  const options = templateOptions(old.template);
  const stored: Faults = [];
  checkSpec(stored, old, options, { isUpdate: true });
  const faults: Faults = [];
  checkSpec(faults, spec, options, { isUpdate: true, skipTemplate: stored.length > 0 });
  if (!sameValue(fixedPart(spec), fixedPart(old))) {
    faults.push(
      forbidden(
        'spec',
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ),
    );
  }
  return faults;
}

function fixedPart(spec: Spec): Spec {
  const fixed = { ...spec };
  for (const field of mutable) delete fixed[field];
  return fixed;
}

function checkSpec(faults: Faults, spec: Spec, options: PodOptions, rules: Rules): void {
  const management = spec.podManagementPolicy;
  if (!management) faults.push(required('spec.podManagementPolicy'));
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    faults.push(invalid('spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'"));
  }
  checkStrategy(faults, 'spec.updateStrategy', spec.updateStrategy ?? {});
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  if (retention) {
    checkOneOf(faults, 'spec.persistentVolumeClaimRetentionPolicy.whenDeleted', retention.whenDeleted, [
      'Retain',
      'Delete',
    ]);
    checkOneOf(faults, 'spec.persistentVolumeClaimRetentionPolicy.whenScaled', retention.whenScaled, [
      'Retain',
      'Delete',
    ]);
  }
  if (!rules.isUpdate)
    spec.volumeClaimTemplates?.forEach((claim, i) =>
      checkClaimSpec(faults, `spec.volumeClaimTemplates[${i}].spec`, claim.spec ?? {}),
    );
  checkNonNegative(faults, 'spec.replicas', spec.replicas);
  checkNonNegative(faults, 'spec.minReadySeconds', spec.minReadySeconds);
  checkNonNegative(faults, 'spec.ordinals.start', spec.ordinals?.start);
  if (!rules.isUpdate && spec.serviceName)
    check(faults, 'spec.serviceName', spec.serviceName, isDns1123Label(spec.serviceName));
  checkWorkloadSelector(faults, spec.selector, 'statefulset');
  const isSelected = selects(spec.selector, spec.template?.metadata?.labels);
  if (isSelected === undefined) faults.push(invalid('spec.selector', shownSelector(spec.selector), ''));
  else checkOwnTemplate(faults, spec, isSelected, options, rules);
  checkEndless(faults, 'spec.template', spec.template, 'StatefulSet');
}

function checkOwnTemplate(faults: Faults, spec: Spec, isSelected: boolean, options: PodOptions, rules: Rules): void {
  const path = 'spec.template';
  const template = withClaims(spec);
  checkSelected(faults, path, isSelected, template);
  if (!rules.skipTemplate) checkTemplate(faults, path, template, options);
  const { labels, annotations } = template?.metadata ?? {};
  checkLabels(faults, `${path}.labels`, labels);
  checkAnnotations(faults, `${path}.annotations`, annotations);
  checkPodAnnotations(faults, `${path}.annotations`, annotations, template?.spec ?? { containers: [] }, options);
}

/** The template with what each pod gets of the set: host names, which are no concern here, and a volume for each claim. */
function withClaims({ template, volumeClaimTemplates }: Spec): PodTemplateSpec | undefined {
  const spec = template?.spec;
  const claims = volumeClaimTemplates ?? [];
  if (!spec || (!spec.subdomain && !spec.hostname && claims.length === 0)) return template;
  const { subdomain: _, hostname: __, ...rest } = spec;
  if (claims.length === 0) return { ...template, spec: rest };
  const names = new Set(claims.map((claim) => claim.metadata?.name ?? ''));
  const volumes = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return {
    ...template,
    spec: { ...rest, volumes: [...volumes, ...(spec.volumes ?? []).filter((volume) => !names.has(volume.name))] },
  };
}

function checkStrategy(faults: Faults, path: string, strategy: NonNullable<StatefulSetSpec['updateStrategy']>): void {
  const { type, rollingUpdate: rolling } = strategy;
  const at = `${path}.rollingUpdate`;
  if (!type) faults.push(required(path));
  else if (type === 'OnDelete') {
    if (rolling)
      faults.push(
        invalid(
          at,
          internalValue('RollingUpdateStatefulSetStrategy', rolling),
          "only allowed for updateStrategy 'RollingUpdate'",
        ),
      );
  } else if (type === 'RollingUpdate') {
    checkNonNegative(faults, `${at}.partition`, rolling?.partition);
    const most = rolling?.maxUnavailable;
    if (most === undefined) return;
    checkIntOrPercent(faults, `${at}.maxUnavailable`, most);
    if (amountOf(most) === 0) faults.push(invalid(`${at}.maxUnavailable`, most, 'cannot be 0'));
    checkAtMostAll(faults, `${at}.maxUnavailable`, most);
  } else
    faults.push(
      invalid(path, internalValue('StatefulSetUpdateStrategy', strategy), "must be 'RollingUpdate' or 'OnDelete'"),
    );
}

const counts = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'observedGeneration',
  'collisionCount',
] as const;

export function validateStatefulSetStatus(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const status: Readonly<Partial<StatefulSetStatus>> = (object as StatefulSet).status ?? {};
  checkCounts(faults, status, counts);
  checkParts(faults, status, ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'], 'replicas');
  checkParts(faults, status, ['availableReplicas'], 'readyReplicas');
  checkCollisionCount(faults, status, (oldObject as StatefulSet).status);
  return faults;
}

export function statefulSetWarnings(
  object: Readonly<UnknownObject>,
  old: Readonly<UnknownObject> | undefined,
): string[] {
  const spec = (object as StatefulSet).spec;
  const warnings = old && !isNewGeneration(object, old) ? [] : templateWarnings('spec.template', spec?.template);
  spec?.volumeClaimTemplates?.forEach((claim, i) => {
    warnOfClaimSizes(warnings, `spec.volumeClaimTemplates[${i}]${old ? '.Spec' : ''}`, claim.spec?.resources);
  });
  if ((spec?.revisionHistoryLimit ?? 0) < 0) {
    warnings.push(
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    );
  }
  return warnings;
}
