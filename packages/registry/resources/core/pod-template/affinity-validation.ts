import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodAntiAffinity,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123Label, isDns1123Subdomain, isLabelValue } from '@nodeless/apimachinery/names';
import {
  check,
  checkLabelSelector,
  checkQualifiedName,
  type Faults,
  forbidden,
  invalid,
  required,
} from '../../checks.ts';
import type { PodOptions } from './options.ts';
import { checkMatchLabelKeys } from './spread-validation.ts';

export function checkAffinity(
  faults: Faults,
  path: string,
  affinity: Readonly<Affinity> | undefined,
  options: PodOptions,
): void {
  if (!affinity) return;
  const node = affinity.nodeAffinity;
  if (node) {
    const at = `${path}.nodeAffinity`;
    const {
      requiredDuringSchedulingIgnoredDuringExecution: needed,
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
    } = node;
    if (needed)
      checkNodeSelector(
        faults,
        `${at}.requiredDuringSchedulingIgnoredDuringExecution`,
        needed,
        options.allowInvalidNodeAffinityValues,
      );
    preferred?.forEach((term, i) => {
      const each = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      checkWeight(faults, `${each}.weight`, term.weight);
      checkNodeSelectorTerm(faults, `${each}.preference`, term.preference ?? {}, true);
    });
  }
  checkPodAffinity(faults, `${path}.podAffinity`, affinity.podAffinity, options);
  checkPodAffinity(faults, `${path}.podAntiAffinity`, affinity.podAntiAffinity, options);
}

function checkWeight(faults: Faults, path: string, weight: number | undefined): void {
  if (!(weight !== undefined && weight > 0 && weight <= 100))
    faults.push(invalid(path, weight ?? 0, 'must be in the range 1-100'));
}

function checkPodAffinity(
  faults: Faults,
  path: string,
  affinity: Readonly<PodAntiAffinity> | undefined,
  options: PodOptions,
): void {
  if (!affinity) return;
  affinity.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
    checkTerm(faults, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, term, options);
  });
  affinity.preferredDuringSchedulingIgnoredDuringExecution?.forEach((weighted, i) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    checkWeight(faults, `${at}.weight`, weighted.weight);
    checkTerm(faults, `${at}.podAffinityTerm`, weighted.podAffinityTerm ?? ({} as PodAffinityTerm), options);
  });
}

function checkTerm(faults: Faults, path: string, term: Readonly<PodAffinityTerm>, options: PodOptions): void {
  const rules = { allowInvalidValues: options.allowInvalidSelectorValues };
  checkLabelSelector(faults, `${path}.labelSelector`, term.labelSelector, rules);
  checkLabelSelector(faults, `${path}.namespaceSelector`, term.namespaceSelector, rules);
  for (const name of term.namespaces ?? []) check(faults, `${path}.namespace`, name, isDns1123Label(name));
  checkMatchLabelKeys(faults, path, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector);
  if (!term.topologyKey) faults.push(required(`${path}.topologyKey`, 'can not be empty'));
  checkQualifiedName(faults, `${path}.topologyKey`, term.topologyKey ?? '');
}

export function checkNodeSelector(
  faults: Faults,
  path: string,
  selector: Readonly<NodeSelector>,
  allowInvalidValues: boolean,
): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0)
    faults.push(required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term'));
  terms.forEach((term, i) =>
    checkNodeSelectorTerm(faults, `${path}.nodeSelectorTerms[${i}]`, term, allowInvalidValues),
  );
}

function checkNodeSelectorTerm(
  faults: Faults,
  path: string,
  term: Readonly<NodeSelectorTerm>,
  allowInvalidValues: boolean,
): void {
  term.matchExpressions?.forEach((e, i) =>
    checkNodeExpression(faults, `${path}.matchExpressions[${i}]`, e, allowInvalidValues),
  );
  term.matchFields?.forEach((e, i) => checkNodeField(faults, `${path}.matchFields[${i}]`, e));
}

function checkNodeExpression(
  faults: Faults,
  path: string,
  expression: Readonly<NodeSelectorRequirement>,
  allowInvalidValues: boolean,
): void {
  const values = expression.values ?? [];
  switch (expression.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        faults.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        faults.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        faults.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      faults.push(invalid(`${path}.operator`, expression.operator ?? '', 'not a valid selector operator'));
  }
  checkQualifiedName(faults, `${path}.key`, expression.key ?? '');
  if (!allowInvalidValues)
    values.forEach((value, i) => check(faults, `${path}.values[${i}]`, value, isLabelValue(value)));
}

/** The one field that nodes can be chosen by is their name. */
function checkNodeField(faults: Faults, path: string, expression: Readonly<NodeSelectorRequirement>): void {
  const values = expression.values ?? [];
  if (expression.operator === 'In' || expression.operator === 'NotIn') {
    if (values.length !== 1)
      faults.push(
        required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
      );
  } else {
    faults.push(invalid(`${path}.operator`, expression.operator ?? '', 'not a valid selector operator'));
  }
  if (expression.key !== 'metadata.name')
    faults.push(invalid(`${path}.key`, expression.key ?? '', 'not a valid field selector key'));
  else values.forEach((value, i) => check(faults, `${path}.values[${i}]`, value, isDns1123Subdomain(value)));
}
