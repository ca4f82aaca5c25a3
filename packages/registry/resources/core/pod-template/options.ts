/**
 * How strictly a pod spec is read. An update may keep what was stored before a rule existed: whatever the old spec
 * breaks itself is allowed (ratcheting). Features that are off in v1.36 are allowed only where they are in use.
 */
import type { PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isLabelValue } from '@nodeless/apimachinery/names';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import { checkLabelSelector, type Faults } from '../../checks.ts';
import { checkLocalNonReservedPath } from './paths.ts';
import { checkHugePageValue, isHugePages } from './resource-names.ts';
import { checkMatchLabelKeys } from './spread-validation.ts';
import { hostSysctlFault } from './sysctls.ts';

export interface PodOptions {
  /** A pod itself, not a template. */
  readonly isPod: boolean;
  readonly allowInvalidDeletionCost: boolean;
  readonly allowInvalidSelectorValues: boolean;
  readonly allowInvalidNodeAffinityValues: boolean;
  readonly allowInvalidSpreadSelector: boolean;
  /** matchLabelKeys are read as before they were merged into the selector. */
  readonly legacyMatchLabelKeys: boolean;
  readonly allowIndivisibleHugePages: boolean;
  readonly allowNonLocalTokenPath: boolean;
  readonly allowHostSysctls: boolean;
  readonly onlyRecursiveSeLinuxChange: boolean;
  readonly allowUserNamespaceDevices: boolean;
  readonly allowRestartForInitContainers: boolean;
}

const strict: PodOptions = {
  isPod: false,
  allowInvalidDeletionCost: false,
  allowInvalidSelectorValues: false,
  allowInvalidNodeAffinityValues: false,
  allowInvalidSpreadSelector: false,
  legacyMatchLabelKeys: false,
  allowIndivisibleHugePages: false,
  allowNonLocalTokenPath: false,
  allowHostSysctls: false,
  onlyRecursiveSeLinuxChange: true,
  allowUserNamespaceDevices: false,
  allowRestartForInitContainers: false,
};
const strictPod: PodOptions = { ...strict, isPod: true };

export function podOptions(
  isPod: boolean,
  oldSpec?: Readonly<PodSpec>,
  oldMetadata?: Readonly<ObjectMeta>,
): PodOptions {
  if (oldSpec === undefined) return isPod ? strictPod : strict;
  const containers = [
    ...(oldSpec.initContainers ?? []),
    ...(oldSpec.containers ?? []),
    ...(oldSpec.ephemeralContainers ?? []),
  ];
  const spread = oldSpec.topologySpreadConstraints ?? [];
  return {
    isPod,
    allowInvalidDeletionCost: !isDeletionCost(oldMetadata?.annotations?.[deletionCostAnnotation]),
    allowInvalidSelectorValues: fails((faults) => {
      for (const { labelSelector, namespaceSelector } of affinityTerms(oldSpec)) {
        checkLabelSelector(faults, '', labelSelector);
        checkLabelSelector(faults, '', namespaceSelector);
      }
    }),
    allowInvalidNodeAffinityValues: (
      oldSpec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
    ).some((term) => term.matchExpressions?.some((e) => e.values?.some((v) => isLabelValue(v).length > 0))),
    allowInvalidSpreadSelector: spread.some((c) => fails((faults) => checkLabelSelector(faults, '', c.labelSelector))),
    legacyMatchLabelKeys: spread.some((c) =>
      fails((faults) => checkMatchLabelKeys(faults, '', c.matchLabelKeys, undefined, c.labelSelector)),
    ),
    allowIndivisibleHugePages: containers.some((c) =>
      [c.resources?.limits, c.resources?.requests].some((list) =>
        Object.entries(list ?? {}).some(
          ([name, value]) => isHugePages(name) && checkHugePageValue(name, value) !== undefined,
        ),
      ),
    ),
    allowNonLocalTokenPath: (oldSpec.volumes ?? []).some((v) =>
      v.projected?.sources?.some(
        (s) =>
          s.serviceAccountToken &&
          fails((faults) => checkLocalNonReservedPath(faults, '', s.serviceAccountToken!.path ?? '')),
      ),
    ),
    allowHostSysctls: (oldSpec.securityContext?.sysctls ?? []).some(
      (s) => hostSysctlFault(s.name, oldSpec) !== undefined,
    ),
    onlyRecursiveSeLinuxChange: oldSpec.securityContext?.seLinuxChangePolicy === undefined,
    allowUserNamespaceDevices:
      oldSpec.hostUsers === false && containers.some((c) => (c.volumeDevices?.length ?? 0) > 0),
    allowRestartForInitContainers: (oldSpec.initContainers ?? []).some(
      (c) => c.restartPolicy !== 'Always' && c.resizePolicy?.some((p) => p.restartPolicy === 'RestartContainer'),
    ),
  };
}

function fails(check: (faults: Faults) => void): boolean {
  const faults: Faults = [];
  check(faults);
  return faults.length > 0;
}

export function affinityTerms(spec: Readonly<PodSpec>) {
  return [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
}

export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** A 32 bit integer without a plus sign or leading zeros; absent = good. */
export function isDeletionCost(text: string | undefined): boolean {
  if (text === undefined) return true;
  if (!/^(?:0|-?[1-9][0-9]*)$/.test(text)) return false;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31;
}
