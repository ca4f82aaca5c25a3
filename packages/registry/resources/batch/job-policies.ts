/** Pod failure policies and success policies of jobs. */
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '@nodeless/apimachinery/generated/types/batch/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import {
  checkNonNegative,
  checkQualifiedName,
  duplicate,
  type Faults,
  invalid,
  invalidUnshown,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../checks.ts';
import { countIndexes, IndexesError } from './completion-indexes.ts';

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const statuses = ['False', 'True', 'Unknown'];
const maxRules = 20;
const maxPatterns = 20;
const maxExitCodes = 255;
const maxIndexesBytes = 64 * 1024;

export function checkFailurePolicy(faults: Faults, path: string, spec: Readonly<JobSpec>): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > maxRules) faults.push(tooMany(`${path}.rules`, rules.length, maxRules));
  const pod = spec.template?.spec;
  const containers = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ name }) => name));
  rules.forEach((rule, i) => checkRule(faults, `${path}.rules[${i}]`, rule, spec, containers));
}

function checkRule(
  faults: Faults,
  path: string,
  rule: Readonly<PodFailurePolicyRule>,
  spec: Readonly<JobSpec>,
  containers: ReadonlySet<string>,
): void {
  const { action, onExitCodes, onPodConditions } = rule;
  const isPerIndex = action === 'FailIndex';
  if (isPerIndex) {
    if (spec.backoffLimitPerIndex === undefined)
      faults.push(invalid(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  } else checkNamed(faults, `${path}.action`, action, actions);
  if (onExitCodes) checkExitCodes(faults, `${path}.onExitCodes`, onExitCodes, containers);
  const patterns = onPodConditions ?? [];
  const at = `${path}.onPodConditions`;
  if (patterns.length > maxPatterns) faults.push(tooMany(at, patterns.length, maxPatterns));
  patterns.forEach((pattern, i) => {
    checkQualifiedName(faults, `${at}[${i}].type`, pattern.type ?? '');
    checkNamed(faults, `${at}[${i}].status`, pattern.status, statuses);
  });
  if (onExitCodes && patterns.length > 0)
    faults.push(invalidUnshown(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!onExitCodes && patterns.length === 0)
    faults.push(invalidUnshown(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
}

/** A missing value is told what there is, as Go shows a list. */
function checkNamed(faults: Faults, path: string, value: string | undefined, supported: readonly string[]): void {
  if (!value) faults.push(required(path, `valid values: [${supported.map(quoteGo).join(' ')}]`));
  else if (!supported.includes(value)) faults.push(notSupported(path, value, supported));
}

function checkExitCodes(
  faults: Faults,
  path: string,
  codes: Readonly<PodFailurePolicyOnExitCodesRequirement>,
  containers: ReadonlySet<string>,
): void {
  checkNamed(faults, `${path}.operator`, codes.operator, operators);
  const { containerName } = codes;
  if (containerName !== undefined && !containers.has(containerName)) {
    faults.push(
      invalid(
        `${path}.containerName`,
        containerName,
        'must be one of the container or initContainer names in the pod template',
      ),
    );
  }
  const at = `${path}.values`;
  const values = codes.values ?? [];
  if (values.length === 0) faults.push(invalid(at, codes.values ?? null, 'at least one value is required'));
  else if (values.length > maxExitCodes) faults.push(tooMany(at, values.length, maxExitCodes));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    if (codes.operator === 'In' && value === 0)
      faults.push(invalid(`${at}[${i}]`, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) faults.push(duplicate(`${at}[${i}]`, value));
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) faults.push(invalid(at, values, 'must be ordered'));
}

export function checkSuccessPolicy(faults: Faults, path: string, spec: Readonly<JobSpec>): void {
  const rules = spec.successPolicy?.rules ?? [];
  const at = `${path}.rules`;
  if (rules.length === 0)
    faults.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > maxRules) faults.push(tooMany(at, rules.length, maxRules));
  rules.forEach((rule, i) => checkSuccessRule(faults, `${at}[${i}]`, rule, spec.completions ?? 0));
}

function checkSuccessRule(
  faults: Faults,
  path: string,
  { succeededCount, succeededIndexes }: Readonly<SuccessPolicyRule>,
  completions: number,
): void {
  if (succeededCount === undefined && succeededIndexes === undefined) {
    faults.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  const indexes =
    succeededIndexes === undefined
      ? undefined
      : checkIndexes(faults, `${path}.succeededIndexes`, succeededIndexes, completions);
  if (succeededCount === undefined) return;
  const at = `${path}.succeededCount`;
  checkNonNegative(faults, at, succeededCount);
  if (succeededCount > completions) {
    faults.push(
      invalid(at, succeededCount, `must be less than or equal to ${completions} (the number of specified completions)`),
    );
  }
  if (indexes !== undefined && succeededCount > indexes) {
    faults.push(
      invalid(
        at,
        succeededCount,
        `must be less than or equal to ${indexes} (the number of indexes in the specified succeededIndexes field)`,
      ),
    );
  }
}

function checkIndexes(faults: Faults, path: string, text: string, completions: number): number {
  if (Buffer.byteLength(text) > maxIndexesBytes) faults.push(tooLong(path, maxIndexesBytes));
  try {
    return countIndexes(text, completions);
  } catch (error) {
    if (!(error instanceof IndexesError)) throw error;
    faults.push(invalid(path, text, `error parsing succeededIndexes: ${error.message}`));
    return 0;
  }
}
