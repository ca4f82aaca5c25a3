import type {
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';

/** What a quota's scopes ask, from both of its fields. */
function requirements(quota: Readonly<ResourceQuota>): ScopedResourceSelectorRequirement[] {
  return [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether the quota is about this object. Scopes select pods (and claims, by their attributes class) only. */
export function inScope(
  quota: Readonly<ResourceQuota>,
  group: string,
  resource: string,
  object: Readonly<UnknownObject>,
): boolean {
  const asked = requirements(quota);
  if (asked.length === 0) return true;
  if (group === '' && resource === 'pods') return asked.every((one) => podMatches(one, object as Pod));
  if (group === '' && resource === 'persistentvolumeclaims')
    return asked.every(
      (one) =>
        one.scopeName === 'VolumeAttributesClass' &&
        matches(one, (object as PersistentVolumeClaim).spec?.volumeAttributesClassName),
    );
  return false;
}

function podMatches(one: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  const { spec } = pod;
  switch (one.scopeName) {
    case 'Terminating':
      return spec?.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec?.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return matches(one, spec?.priorityClassName);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}

function matches({ operator, values = [] }: ScopedResourceSelectorRequirement, value: string | undefined): boolean {
  const present = value !== undefined && value !== '';
  switch (operator) {
    case 'Exists':
      return present;
    case 'DoesNotExist':
      return !present;
    case 'In':
      return present && values.includes(value);
    case 'NotIn':
      return !present || !values.includes(value);
    default:
      return false;
  }
}

function isBestEffort({ spec }: Pod): boolean {
  const some = (list: Readonly<Record<string, unknown>> | undefined): boolean =>
    ['cpu', 'memory'].some((name) => list?.[name] !== undefined && String(list[name]) !== '0');
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return ![...containers, { resources: spec?.resources }].some(
    ({ resources }) => some(resources?.requests) || some(resources?.limits),
  );
}

function crossesNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((p) => p.podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined);
}
