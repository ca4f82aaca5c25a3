import type { PodSpec, ResourceClaim, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import { compareQuantities, formatQuantity, parseQuantity } from '@nodeless/apimachinery/quantity';
import { checkDnsLabel, duplicate, type Faults, forbidden, invalid, required, sortedKeys } from '../../checks.ts';
import { sumOfContainers } from './resource-defaults.ts';
import {
  checkContainerResourceName,
  checkHugePageValue,
  checkPodLevelResourceName,
  checkResourceQuantity,
  isHugePages,
  isOvercommitAllowed,
} from './resource-names.ts';

export interface ResourceRules {
  readonly claimNames?: ReadonlySet<string>;
  readonly allowIndivisibleHugePages?: boolean;
}

export function checkContainerResources(
  faults: Faults,
  path: string,
  requirements: Readonly<ResourceRequirements> | undefined,
  rules: ResourceRules,
): void {
  if (requirements !== undefined) checkRequirements(faults, path, requirements, checkContainerResourceName, rules);
}

function checkRequirements(
  faults: Faults,
  path: string,
  requirements: Readonly<ResourceRequirements>,
  checkName: (faults: Faults, path: string, name: string) => void,
  rules: ResourceRules,
): void {
  const { limits, requests } = requirements;
  let computes = false;
  let hugePages = false;
  const checkOne = (at: string, name: string, value: string | number): void => {
    checkName(faults, at, name);
    checkResourceQuantity(faults, at, name, value);
    computes ||= name === 'cpu' || name === 'memory';
  };
  const checkHugePages = (at: string, name: string, value: string | number): void => {
    if (!isHugePages(name)) return;
    hugePages = true;
    const complaint = rules.allowIndivisibleHugePages ? undefined : checkHugePageValue(name, value);
    if (complaint !== undefined) faults.push(invalid(at, text(value), complaint));
  };
  for (const name of sortedKeys(limits)) {
    const at = `${path}.limits[${name}]`;
    checkOne(at, name, limits![name]!);
    checkHugePages(at, name, limits![name]!);
  }
  for (const name of sortedKeys(requests)) {
    const at = `${path}.requests[${name}]`;
    const value = requests![name]!;
    checkOne(at, name, value);
    const limit = limits?.[name];
    if (limit !== undefined) {
      const order = limit === value ? 0 : compareQuantities(parseQuantity(value), parseQuantity(limit));
      if (order !== 0 && !isOvercommitAllowed(name))
        faults.push(invalid(`${path}.requests`, text(value), `must be equal to ${name} limit of ${text(limit)}`));
      else if (order > 0)
        faults.push(
          invalid(`${path}.requests`, text(value), `must be less than or equal to ${name} limit of ${text(limit)}`),
        );
    } else if (!isOvercommitAllowed(name)) {
      faults.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
    }
    checkHugePages(at, name, value);
  }
  if (hugePages && !computes) faults.push(forbidden(path, 'HugePages require cpu or memory'));
  if (requirements.claims !== undefined)
    checkClaims(faults, `${path}.claims`, requirements.claims, rules.claimNames ?? noNames);
}

const noNames: ReadonlySet<string> = new Set();
const text = (value: string | number): string => formatQuantity(parseQuantity(value));

function checkClaims(faults: Faults, path: string, claims: readonly ResourceClaim[], known: ReadonlySet<string>): void {
  const names = new Set<string>();
  claims.forEach(({ name, request }, i) => {
    const at = `${path}[${i}]`;
    if (!name) {
      faults.push(required(at));
      return;
    }
    if (names.has(name)) faults.push(duplicate(at, name));
    else {
      if (request) checkDnsLabel(faults, `${at}.request`, request);
      const key = request ? `${name}/${request}` : name;
      if (names.has(key)) faults.push(duplicate(at, key));
      else if (!request) for (const other of names) if (other.startsWith(`${name}/`)) faults.push(duplicate(at, name));
      names.add(key);
    }
    if (!known.has(name)) {
      const list = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
      faults.push({
        type: 'FieldValueNotFound',
        field: at,
        message: `Not found: ${JSON.stringify(name)}: must be one of the names in pod.spec.resourceClaims${list}`,
      });
    }
  });
}

/** Resources of the pod as a whole. */
export function checkPodResources(faults: Faults, path: string, spec: Readonly<PodSpec>, rules: ResourceRules): void {
  const resources = spec.resources;
  if (resources === undefined) return;
  if (spec.os?.name === 'windows') {
    faults.push(forbidden(path, 'may not be set for a windows pod'));
    return;
  }
  if (resources.claims !== undefined)
    faults.push(forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level'));
  checkRequirements(faults, path, resources, checkPodLevelResourceName, rules);
  checkConsistency(faults, path, spec, resources);
}

function checkConsistency(
  faults: Faults,
  path: string,
  spec: Readonly<PodSpec>,
  resources: Readonly<ResourceRequirements>,
): void {
  const exceeds = (a: string | number, b: string | number): boolean =>
    compareQuantities(parseQuantity(a), parseQuantity(b)) > 0;
  const { requests = {}, limits = {} } = resources;
  const asked = sumOfContainers(spec as PodSpec, 'requests');
  for (const name of sortedKeys(asked)) {
    if (Object.hasOwn(requests, name) && exceeds(asked[name]!, requests[name]!)) {
      faults.push(
        invalid(
          `${path}.requests[${name}]`,
          text(requests[name]!),
          `must be greater than or equal to aggregate container requests of ${text(asked[name]!)}`,
        ),
      );
    }
  }
  const limited = sumOfContainers(spec as PodSpec, 'limits');
  for (const name of sortedKeys(limited)) {
    if (isHugePages(name) && Object.hasOwn(limits, name) && exceeds(limited[name]!, limits[name]!)) {
      faults.push(
        invalid(
          `${path}.limits[${name}]`,
          text(limits[name]!),
          `must be greater than or equal to aggregate container limits of ${text(limited[name]!)}`,
        ),
      );
    }
  }
  (spec.containers ?? []).forEach((container, i) => {
    const own = container.resources?.limits;
    for (const name of sortedKeys(own)) {
      if (Object.hasOwn(limits, name) && exceeds(own![name]!, limits[name]!)) {
        faults.push(
          invalid(
            `${path}.containers[${i}][${name}].limits`,
            text(own![name]!),
            `must be less than or equal to pod limits of ${text(limits[name]!)}`,
          ),
        );
      }
    }
  });
}
