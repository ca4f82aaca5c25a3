import type {
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { Quantity } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { compareQuantities, formatQuantity, parseQuantity } from '@nodeless/apimachinery/quantity';
import { type Faults, invalid, required, sortedKeys } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { checkQuotaResourceName, checkResourceQuantity, isStandardQuotaName } from './pod-template/resource-names.ts';

const podResources = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
/** What can be counted within a scope. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  Terminating: podResources,
  NotTerminating: podResources,
  BestEffort: ['pods'],
  NotBestEffort: podResources,
  PriorityClass: podResources,
  CrossNamespacePodAffinity: podResources,
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
const onlyExists = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];

export function validateQuota(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as ResourceQuota).spec ?? {});
  return faults;
}

export function validateQuotaUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults = validateQuota(object);
  const now = (object as ResourceQuota).spec?.scopes;
  const before = new Set((old as ResourceQuota).spec?.scopes ?? []);
  const after = new Set(now ?? []);
  if (before.symmetricDifference(after).size > 0)
    faults.push(invalid('spec.scopes', now ?? null, 'field is immutable'));
  return faults;
}

export function validateQuotaStatus(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const { hard, used } = (object as ResourceQuota).status ?? {};
  checkList(faults, 'status.hard', hard);
  checkList(faults, 'status.used', used);
  return faults;
}

function checkSpec(faults: Faults, spec: Readonly<ResourceQuotaSpec>): void {
  checkList(faults, 'spec.hard', spec.hard);
  const shown = spec.scopes ?? null;
  for (const scope of spec.scopes ?? []) {
    if (scopes[scope] === undefined) faults.push(invalid('spec.scopes', shown, 'unsupported scope'));
    for (const _ of uncountable(scope, spec))
      faults.push(invalid('spec.scopes', shown, 'unsupported scope applied to resource'));
  }
  if (hasOpposites(spec.scopes ?? [])) faults.push(invalid('spec.scopes', shown, 'conflicting scopes'));
  if (!spec.scopeSelector) return;
  const path = 'spec.scopeSelector.matchExpressions';
  const requirements = spec.scopeSelector.matchExpressions ?? [];
  for (const requirement of requirements) checkRequirement(faults, path, requirement, spec);
  if (hasOpposites(requirements.map(({ scopeName }) => scopeName)))
    faults.push(invalid(path, shown, 'conflicting scopes'));
}

function checkList(faults: Faults, path: string, list: Readonly<Record<string, Quantity>> | undefined): void {
  for (const name of sortedKeys(list)) {
    checkQuotaResourceName(faults, `${path}[${name}]`, name);
    checkResourceQuantity(faults, `${path}[${name}]`, name, list![name]!);
  }
}

function uncountable(scope: string, { hard }: Readonly<ResourceQuotaSpec>): string[] {
  const countable = scopes[scope];
  return countable === undefined
    ? []
    : sortedKeys(hard).filter((name) => isStandardQuotaName(name) && !countable.includes(name));
}

function hasOpposites(given: readonly string[]): boolean {
  return opposites.some((pair) => pair.every((scope) => given.includes(scope)));
}

function checkRequirement(
  faults: Faults,
  path: string,
  requirement: Readonly<ScopedResourceSelectorRequirement>,
  spec: Readonly<ResourceQuotaSpec>,
): void {
  const { scopeName = '', operator = '', values = [] } = requirement;
  if (scopes[scopeName] === undefined) faults.push(invalid(`${path}.scopeName`, scopeName, 'unsupported scope'));
  for (const _ of uncountable(scopeName, spec)) {
    faults.push(
      invalid(path, internalValue('ScopeSelector', spec.scopeSelector), 'unsupported scope applied to resource'),
    );
  }
  if (onlyExists.includes(scopeName) && operator !== 'Exists') {
    faults.push(
      invalid(
        `${path}.operator`,
        operator,
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  }
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      faults.push(
        required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
      );
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      faults.push(
        invalid(
          `${path}.values`,
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        ),
      );
  } else faults.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'));
}

export function quotaWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  if (old) return [];
  const hard = (object as ResourceQuota).spec?.hard ?? {};
  const warnings: string[] = [];
  for (const name of ['cpu', 'memory', 'storage', 'ephemeral-storage']) {
    const asks = [`requests.${name}`, ...(name === 'cpu' || name === 'memory' ? [name] : [])];
    const asked = asks.find((ask) => hard[ask] !== undefined);
    const limit = hard[`limits.${name}`];
    if (asked === undefined || limit === undefined) continue;
    const request = parseQuantity(hard[asked]!);
    if (compareQuantities(request, parseQuantity(limit)) > 0) {
      warnings.push(
        `ResourceQuota ${asked} (${formatQuantity(request)}) should be less than limits.${name} (${formatQuantity(parseQuantity(limit))})`,
      );
    }
  }
  return warnings;
}
