import type { TopologySpreadConstraint } from '@nodeless/apimachinery/generated/types/core/v1';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';
import {
  checkLabelSelector,
  checkOneOf,
  checkPositive,
  checkQualifiedName,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  required,
} from '../../checks.ts';
import type { PodOptions } from './options.ts';

const inclusionPolicies = ['Honor', 'Ignore'];

export function checkSpreadConstraints(
  faults: Faults,
  path: string,
  constraints: readonly TopologySpreadConstraint[],
  options: PodOptions,
): void {
  constraints.forEach((constraint, i) => {
    const at = `${path}[${i}]`;
    const { topologyKey, whenUnsatisfiable, minDomains, labelSelector, matchLabelKeys } = constraint;
    checkPositive(faults, `${at}.maxSkew`, constraint.maxSkew);
    if (!topologyKey) faults.push(required(`${at}.topologyKey`, 'can not be empty'));
    checkOneOf(faults, `${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']);
    if (
      constraints.slice(i + 1).some((c) => c.topologyKey === topologyKey && c.whenUnsatisfiable === whenUnsatisfiable)
    ) {
      faults.push(
        duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey ?? ''}, ${whenUnsatisfiable ?? ''}}`),
      );
    }
    if (minDomains !== undefined) {
      checkPositive(faults, `${at}.minDomains`, minDomains);
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        faults.push(
          invalid(
            `${at}.minDomains`,
            minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ''}`,
          ),
        );
      }
    }
    if (constraint.nodeAffinityPolicy !== undefined)
      checkOneOf(faults, `${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, inclusionPolicies);
    if (constraint.nodeTaintsPolicy !== undefined)
      checkOneOf(faults, `${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, inclusionPolicies);
    if (options.legacyMatchLabelKeys)
      checkUnmergedMatchLabelKeys(faults, `${at}.matchLabelKeys`, matchLabelKeys, labelSelector);
    else checkMatchLabelKeys(faults, at, matchLabelKeys, undefined, labelSelector);
    if (!options.allowInvalidSpreadSelector) checkLabelSelector(faults, `${at}.labelSelector`, labelSelector);
  });
}

/** The keys may occur once among the selector's own: when the pod was made they were merged into it. */
export function checkMatchLabelKeys(
  faults: Faults,
  path: string,
  matchKeys: readonly string[] | undefined,
  mismatchKeys: readonly string[] | undefined,
  selector: Readonly<LabelSelector> | undefined,
): void {
  if (!matchKeys?.length && !mismatchKeys?.length) return;
  checkKeys(faults, `${path}.matchLabelKeys`, matchKeys, selector);
  checkKeys(faults, `${path}.mismatchLabelKeys`, mismatchKeys, selector);
  if (selector) {
    const used = new Set(Object.keys(selector.matchLabels ?? {}));
    for (const { key } of selector.matchExpressions ?? []) {
      const i = matchKeys?.lastIndexOf(key) ?? -1;
      if (i >= 0 && used.has(key))
        faults.push(invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'));
      used.add(key);
    }
  }
  matchKeys?.forEach((key, i) => {
    if (mismatchKeys?.includes(key))
      faults.push(invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  });
}

function checkKeys(
  faults: Faults,
  path: string,
  keys: readonly string[] | undefined,
  selector: Readonly<LabelSelector> | undefined,
): void {
  if (!keys?.length) return;
  if (!selector) faults.push(forbidden(path, 'must not be specified when labelSelector is not set'));
  else keys.forEach((key, i) => checkQualifiedName(faults, `${path}[${i}]`, key));
}

function checkUnmergedMatchLabelKeys(
  faults: Faults,
  path: string,
  keys: readonly string[] | undefined,
  selector: Readonly<LabelSelector> | undefined,
): void {
  if (!keys?.length) return;
  if (!selector) faults.push(forbidden(path, 'must not be specified when labelSelector is not set'));
  const used = new Set([
    ...Object.keys(selector?.matchLabels ?? {}),
    ...(selector?.matchExpressions ?? []).map((e) => e.key),
  ]);
  keys.forEach((key, i) => {
    checkQualifiedName(faults, `${path}[${i}]`, key);
    if (used.has(key)) faults.push(invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'));
  });
}
