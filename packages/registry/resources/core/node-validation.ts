import type { Node, NodeConfigSource } from '@nodeless/apimachinery/generated/types/core/v1';
import { parseCidr } from '@nodeless/apimachinery/ip';
import { cidrWarnings } from '@nodeless/apimachinery/ip-validation';
import { isConfigMapKey } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import {
  check,
  checkDnsLabel,
  checkLegacyCidr,
  checkObjectName,
  checkPositive,
  duplicate,
  type Faults,
  forbidden,
  internalFieldError,
  invalid,
  required,
  sortedKeys,
} from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { checkNodeAnnotations } from './node-annotations.ts';
import { checkResourceQuantity } from './pod-template/resource-names.ts';
import { checkTaints } from './taint-validation.ts';

export function validateNode(object: Readonly<UnknownObject>): Faults {
  const { metadata, spec = {}, status = {} } = object as Readonly<Node>;
  const faults: Faults = [];
  checkNodeAnnotations(faults, metadata?.annotations);
  checkTaints(faults, 'metadata.taints', spec.taints);
  checkResources(faults, status);
  const swap = status.nodeInfo?.swap?.capacity;
  if (swap !== undefined) checkPositive(faults, 'metadata.nodeSwapStatus.capacity', swap);
  checkFeatures(faults, status.declaredFeatures ?? []);
  checkPodCidrs(faults, spec.podCIDRs ?? []);
  return faults;
}

export function validateNodeUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  return [...validateNode(object), ...validateNodeChange(object, old)];
}

/** All that the door /status checks. */
export function validateNodeChange(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const { metadata, spec = {}, status = {} } = object as Readonly<Node>;
  const old = (oldObject as Readonly<Node>).spec ?? {};
  const faults: Faults = [];
  checkNodeAnnotations(faults, metadata?.annotations);
  checkResources(faults, status);
  checkFeatures(faults, status.declaredFeatures ?? []);
  const seen = new Set<string>();
  status.addresses?.forEach((address, i) => {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key)) faults.push(duplicate(`status.addresses[${i}]`, internalValue('NodeAddress', address)));
    seen.add(key);
  });
  checkFixed(faults, spec, old);
  if (spec.configSource) checkConfigSource(faults, 'spec.configSource', spec.configSource, false);
  for (const part of ['assigned', 'active', 'lastKnownGood'] as const) {
    const source = status.config?.[part];
    if (source) checkConfigSource(faults, `status.config.${part}`, source, true);
  }
  checkTaints(faults, 'metadata.taints', spec.taints);
  if ((spec.externalID ?? '') !== (old.externalID ?? ''))
    faults.push(forbidden('spec.externalID', 'may not be updated'));
  return faults;
}

type Spec = NonNullable<Readonly<Node>['spec']>;

function checkFixed(faults: Faults, spec: Spec, old: Spec): void {
  const before = old.podCIDRs ?? [];
  const now = spec.podCIDRs ?? [];
  const changes =
    before.length === 0 ? 0 : before.length !== now.length ? 1 : before.filter((cidr, i) => cidr !== now[i]).length;
  for (let i = 0; i < changes; i++)
    faults.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (old.providerID && old.providerID !== (spec.providerID ?? '')) {
    faults.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
}

function checkResources(faults: Faults, status: NonNullable<Readonly<Node>['status']>): void {
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const name of sortedKeys(status[list]))
      checkResourceQuantity(faults, `status.${list}.${name}`, name, status[list]![name]!);
  }
}

const feature = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const longestFeature = 253;

function checkFeatures(faults: Faults, features: readonly string[]): void {
  const path = 'status.declaredFeatures';
  features.forEach((name, i) => {
    const bad = `invalid feature name ${quoteGo(name)}`;
    if (Buffer.byteLength(name) > longestFeature)
      faults.push(invalid(`${path}[${i}]`, name, `${bad}: must be no more than ${longestFeature} characters`));
    else if (!feature.test(name)) {
      const rule =
        "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
      faults.push(invalid(`${path}[${i}]`, name, `${bad}: ${rule}`));
    }
    const next = features[i + 1];
    if (next === undefined || name < next) return;
    if (name === next) faults.push(duplicate(`${path}[${i + 1}]`, next));
    else faults.push(invalid(`${path}[${i + 1}]`, next, 'list must be sorted alphabetically'));
  });
}

function checkPodCidrs(faults: Faults, cidrs: readonly string[]): void {
  const path = 'spec.podCIDRs';
  cidrs.forEach((cidr, i) => checkLegacyCidr(faults, `${path}[${i}]`, cidr));
  if (cidrs.length < 2) return;
  const parsed = cidrs.map((cidr) => parseCidr(cidr));
  const bad = parsed.indexOf(undefined);
  if (bad >= 0) {
    const reason = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`;
    faults.push(internalFieldError(path, `invalid PodCIDRs. failed to check with dual stack with error:${reason}`));
  }
  const families = new Set(parsed.map((cidr) => cidr?.network.family));
  if (bad >= 0 || families.size < 2 || cidrs.length > 2)
    faults.push(invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'));
}

function checkConfigSource(faults: Faults, path: string, source: Readonly<NodeConfigSource>, isStatus: boolean): void {
  const { configMap } = source;
  if (!configMap) {
    faults.push(
      invalid(path, internalValue('NodeConfigSource', source), 'exactly one reference subfield must be non-nil'),
    );
    return;
  }
  const at = `${path}.configMap`;
  for (const field of ['uid', 'resourceVersion'] as const) {
    if (isStatus && !configMap[field]) faults.push(required(`${at}.${field}`));
    if (!isStatus && configMap[field]) faults.push(forbidden(`${at}.${field}`, `${field} must not be set in spec`));
  }
  const { namespace, name, kubeletConfigKey: key } = configMap;
  if (!namespace) faults.push(required(`${at}.namespace`));
  else checkDnsLabel(faults, `${at}.namespace`, namespace);
  if (!name) faults.push(required(`${at}.name`));
  else checkObjectName(faults, `${at}.name`, name);
  if (!key) faults.push(required(`${at}.kubeletConfigKey`));
  else check(faults, `${at}.kubeletConfigKey`, key, isConfigMapKey(key));
}

export function nodeWarnings(object: Readonly<UnknownObject>): string[] {
  const spec = (object as Readonly<Node>).spec ?? {};
  const warnings: string[] = [];
  if (spec.configSource) warnings.push('spec.configSource: the feature is removed');
  if (spec.externalID) warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  spec.podCIDRs?.forEach((cidr, i) => warnings.push(...cidrWarnings(`spec.podCIDRs[${i}]`, cidr)));
  return warnings;
}
