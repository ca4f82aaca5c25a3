import type {
  Counter,
  Device,
  DeviceAttribute,
  DeviceTaint,
  ResourceSlice,
  ResourceSliceSpec,
} from '@nodeless/apimachinery/generated/types/resource/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import {
  checkImmutable,
  checkObjectName,
  checkRequiredOneOf,
  type Faults,
  forbidden,
  invalid,
  isSet,
  required,
  sameValue,
  sortedKeys,
  tooLong,
  tooMany,
} from '../checks.ts';
import { checkNodeSelector } from '../core/pod-template/affinity-validation.ts';
import { internalValue } from '../internal-value.ts';
import { taintEffects } from './claim-validation.ts';
import {
  checkAttributeName,
  checkBindingConditions,
  checkDeviceName,
  checkDriverName,
  checkEach,
  checkLabelName,
  checkLabelValue,
  checkPoolName,
  checkSet,
} from './device-names.ts';
import { checkRequestPolicy } from './request-policy.ts';

const mostDevices = 128;
const mostComplexDevices = 64;
const mostCounterSets = 8;
const mostCounters = 32;
const mostConsumptions = 2;
const mostProperties = 32;
const mostAttributeValues = 48;
const mostTaints = 16;
const longestValue = 64;
/** A domain, a slash and an identifier. */
const longestKey = 63 + 1 + 32;

const number = '(?:0|[1-9]\\d*)';
const preRelease = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const build = '[0-9a-zA-Z-]+';
const semver = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-${preRelease}(?:\\.${preRelease})*)?(?:\\+${build}(?:\\.${build})*)?$`,
);

export function validateSlice({ spec }: Readonly<ResourceSlice>, old?: Readonly<ResourceSlice>): Faults {
  const faults: Faults = [];
  const given = spec ?? ({} as Partial<ResourceSliceSpec>);
  checkDriverName(faults, 'spec.driver', given.driver ?? '');
  checkPool(faults, 'spec.pool', given);
  if (old) {
    checkImmutable(faults, 'spec.pool.name', given.pool?.name, old.spec.pool.name);
    checkImmutable(faults, 'spec.driver', given.driver, old.spec.driver);
    checkImmutable(faults, 'spec.nodeName', given.nodeName, old.spec.nodeName, given.nodeName ?? null);
  }
  checkNodes(faults, given);
  if (isSet(given.sharedCounters) && isSet(given.devices)) {
    faults.push(invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'));
  }
  const isComplex = given.devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  checkSet(
    faults,
    'spec.devices',
    given.devices,
    isComplex ? mostComplexDevices : mostDevices,
    ({ name }) => name ?? '',
    (device, at) => {
      const before = old?.spec.devices?.find(({ name }) => name === device.name);
      checkDevice(faults, at, device, before, given.perDeviceNodeSelection === true);
    },
  );
  checkSet(
    faults,
    'spec.sharedCounters',
    given.sharedCounters,
    mostCounterSets,
    ({ name }) => name ?? '',
    (set, at) => {
      checkCounters(faults, at, 'name', set.name ?? '', set.counters);
    },
  );
  return faults;
}

export function sliceWarnings({ spec }: Readonly<ResourceSlice>): string[] {
  const driver = spec?.driver ?? '';
  if (driver === driver.toLowerCase()) return [];
  return [`spec.driver: driver names should be lowercase; ${quoteGo(driver)} contains uppercase characters`];
}

function checkPool(faults: Faults, at: string, { pool }: Partial<ResourceSliceSpec>): void {
  checkPoolName(faults, `${at}.name`, pool?.name ?? '');
  const count = pool?.resourceSliceCount ?? 0;
  const generation = pool?.generation ?? 0;
  if (count <= 0) faults.push(invalid(`${at}.resourceSliceCount`, count, 'must be greater than zero'));
  if (generation < 0) faults.push(invalid(`${at}.generation`, generation, 'must be greater than or equal to zero'));
}

function checkNodes(faults: Faults, spec: Partial<ResourceSliceSpec>): void {
  const set: string[] = [];
  if (spec.nodeName) {
    set.push('`nodeName`');
    checkObjectName(faults, 'spec.nodeName', spec.nodeName);
  } else if (spec.nodeName !== undefined)
    faults.push(invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string'));
  if (spec.nodeSelector) {
    set.push('`nodeSelector`');
    checkNodeSelector(faults, 'spec.nodeSelector', spec.nodeSelector, false);
    const terms = spec.nodeSelector.nodeSelectorTerms;
    if (terms?.length !== 1) {
      const shown = terms?.map((term) => internalValue('NodeSelectorTerm', term)) ?? null;
      faults.push(invalid('spec.nodeSelector.nodeSelectorTerms', shown, 'must have exactly one node selector term'));
    }
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[field]) set.push(`\`${field}\``);
    else if (spec[field] === false) faults.push(invalid(`spec.${field}`, false, 'must be either unset or set to true'));
  }
  const rule = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) faults.push(required('spec', rule));
  if (set.length > 1) faults.push(invalid('spec', `{${set.join(', ')}}`, `${rule}, but multiple fields are set`));
}

function checkCounters(
  faults: Faults,
  at: string,
  field: string,
  name: string,
  counters: Readonly<Record<string, Counter>> | undefined,
): void {
  if (name === '') faults.push(required(`${at}.${field}`));
  else checkDeviceName(faults, `${at}.${field}`, name);
  const names = sortedKeys(counters);
  if (names.length === 0) faults.push(required(`${at}.counters`));
  else if (names.length > mostCounters) faults.push(tooMany(`${at}.counters`, names.length, mostCounters));
  else for (const each of names) checkDeviceName(faults, `${at}.counters`, each);
}

function checkDevice(
  faults: Faults,
  at: string,
  device: Readonly<Device>,
  old: Readonly<Device> | undefined,
  choosesNodes: boolean,
): void {
  checkDeviceName(faults, `${at}.name`, device.name ?? '');
  const attributes = sortedKeys(device.attributes);
  const capacities = sortedKeys(device.capacity);
  const total = attributes.length + capacities.length;
  if (total > mostProperties)
    faults.push(invalid(at, total, `the total number of attributes and capacities must not exceed ${mostProperties}`));
  if (attributes.length > mostAttributeValues) {
    faults.push(
      invalid(at, attributes.length, `the total number of attribute values must not exceed ${mostAttributeValues}`),
    );
  }
  for (const name of attributes) {
    checkAttributeName(faults, `${at}.attributes`, name);
    checkAttribute(faults, `${at}.attributes[${shortened(name)}]`, device.attributes![name]!);
  }
  for (const name of capacities) {
    const path = `${at}.capacity[${shortened(name)}].requestPolicy`;
    const { requestPolicy: policy, value } = device.capacity![name]!;
    checkAttributeName(faults, `${at}.capacity`, name);
    if (policy && device.allowMultipleAllocations) checkRequestPolicy(faults, path, policy, value ?? '0');
    else if (policy) faults.push(forbidden(path, 'allowMultipleAllocations must be true'));
  }
  if (!old || !sameValue(old.taints, device.taints)) {
    checkEach(faults, `${at}.taints`, device.taints, mostTaints, (taint, place) => checkTaint(faults, place, taint));
  }
  checkSet(
    faults,
    `${at}.consumesCounters`,
    device.consumesCounters,
    mostConsumptions,
    ({ counterSet }) => counterSet ?? '',
    (each, place) => {
      checkCounters(faults, place, 'counterSet', each.counterSet ?? '', each.counters);
    },
  );
  checkDeviceNodes(faults, at, device, choosesNodes);
  checkBindingConditions(faults, at, device);
}

function checkDeviceNodes(faults: Faults, at: string, device: Readonly<Device>, choosesNodes: boolean): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!choosesNodes) {
    if (nodeName === undefined && !nodeSelector && allNodes === undefined) return;
    const rule =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    faults.push(invalid(at, null, rule));
    return;
  }
  const set: string[] = [];
  if (nodeName) {
    set.push('`nodeName`');
    checkObjectName(faults, `${at}.nodeName`, nodeName);
  } else if (nodeName !== undefined) faults.push(invalid(`${at}.nodeName`, '', 'must not be empty'));
  if (nodeSelector) {
    set.push('`nodeSelector`');
    checkNodeSelector(faults, `${at}.nodeSelector`, nodeSelector, false);
  }
  if (allNodes) set.push('`allNodes`');
  else if (allNodes === false) faults.push(invalid(`${at}.allNodes`, false, 'must be either unset or set to true'));
  const rule =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) faults.push(required(at, rule));
  if (set.length > 1) faults.push(invalid(at, `{${set.join(', ')}}`, rule));
}

/** Keys that are too long are shown without their middle. */
function shortened(key: string): string {
  const rest = longestKey - 3;
  return key.length <= longestKey ? key : `${key.slice(0, Math.ceil(rest / 2))}...${key.slice(-Math.floor(rest / 2))}`;
}

function checkAttribute(faults: Faults, at: string, attribute: Readonly<DeviceAttribute>): void {
  const { string, version } = attribute;
  if (string !== undefined && Buffer.byteLength(string) > longestValue)
    faults.push(tooLong(`${at}.string`, longestValue));
  if (version !== undefined) {
    if (!semver.test(version))
      faults.push(invalid(`${at}.version`, version, 'must be a string compatible with semver.org spec 2.0.0'));
    if (Buffer.byteLength(version) > longestValue) faults.push(tooLong(`${at}.version`, longestValue));
  }
  const values = Object.values(attribute).filter(isSet);
  if (values.length !== 1) {
    const shown = values.length === 0 ? '' : internalValue('DeviceAttribute', attribute);
    faults.push(invalid(at, shown, 'exactly one value must be specified'));
  }
}

function checkTaint(faults: Faults, at: string, { key = '', value, effect }: Readonly<Partial<DeviceTaint>>): void {
  checkLabelName(faults, `${at}.key`, key);
  if (value) checkLabelValue(faults, `${at}.value`, value);
  checkRequiredOneOf(faults, `${at}.effect`, effect, taintEffects);
}
