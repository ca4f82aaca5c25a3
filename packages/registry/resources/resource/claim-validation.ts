import type {
  DeviceClaim,
  DeviceConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from '@nodeless/apimachinery/generated/types/resource/v1';
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { stringifyJson } from '@nodeless/apimachinery/json';
import {
  checkDnsSubdomain,
  checkOneOf,
  checkRequiredOneOf,
  type Faults,
  immutable,
  invalid,
  isSet,
  required,
  sameValue,
  tooLong,
} from '../checks.ts';
import { checkTemplateMetadata } from '../core/pod-template/claim-validation.ts';
import { internalValue } from '../internal-value.ts';
import {
  checkDeviceName,
  checkDriverName,
  checkEach,
  checkFullAttributeName,
  checkLabelName,
  checkLabelValue,
  checkSet,
} from './device-names.ts';

const mostRequests = 32;
const mostConstraints = 32;
export const mostConfigs = 32;
const mostSelectors = 32;
const mostAlternatives = 8;
const longestExpression = 10 * 1024;
const longestParameters = 10 * 1024;
export const taintEffects = ['NoExecute', 'NoSchedule', 'None'];

export function validateClaim({ spec }: Readonly<ResourceClaim>): Faults {
  const faults: Faults = [];
  checkClaimSpec(faults, 'spec', spec ?? {});
  return faults;
}

export function validateClaimUpdate({ spec }: Readonly<ResourceClaim>, old: Readonly<ResourceClaim>): Faults {
  return sameValue(spec, old.spec) ? [] : [invalid('spec', internalValue('ResourceClaimSpec', spec), immutable)];
}

export function validateClaimTemplate({ spec }: Readonly<ResourceClaimTemplate>): Faults {
  const faults: Faults = [];
  checkTemplateMetadata(faults, 'spec.metadata', spec?.metadata ?? {});
  checkClaimSpec(faults, 'spec.spec', spec?.spec ?? {});
  return faults;
}

export function validateClaimTemplateUpdate(
  template: Readonly<ResourceClaimTemplate>,
  old: Readonly<ResourceClaimTemplate>,
): Faults {
  const faults = validateClaimTemplate(template);
  if (!sameValue(template.spec, old.spec))
    faults.push(invalid('spec', internalValue('ResourceClaimTemplateSpec', template.spec), immutable));
  return faults;
}

function checkClaimSpec(faults: Faults, at: string, { devices = {} }: Readonly<ResourceClaimSpec>): void {
  const names = requestNames(devices);
  const path = `${at}.devices`;
  checkSet(
    faults,
    `${path}.requests`,
    devices.requests,
    mostRequests,
    ({ name }) => name ?? '',
    (request, place) => checkRequest(faults, place, request),
  );
  checkEach(faults, `${path}.constraints`, devices.constraints, mostConstraints, (constraint, place) =>
    checkConstraint(faults, place, constraint, names),
  );
  checkEach(faults, `${path}.config`, devices.config, mostConfigs, (config, place) => {
    checkRequestRefs(faults, `${place}.requests`, config.requests, names);
    checkConfiguration(faults, place, config);
  });
}

/** What other parts of a claim may call its requests. */
export function requestNames({ requests }: Readonly<DeviceClaim>): ReadonlySet<string> {
  const names = new Map<string, readonly string[]>();
  for (const { name = '', firstAvailable = [] } of requests ?? []) {
    // Of two requests of one name the last counts.
    names.set(name, [name, ...firstAvailable.map((alternative) => `${name}/${alternative.name ?? ''}`)]);
  }
  return new Set([...names.values()].flat());
}

const refRule = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

export function checkRequestRef(faults: Faults, path: string, ref: string, names: ReadonlySet<string>): void {
  const segments = ref.split('/');
  if (segments.length <= 2) for (const segment of segments) checkDeviceName(faults, path, segment);
  if (!names.has(ref)) faults.push(invalid(path, ref, refRule));
}

export function checkRequestRefs(
  faults: Faults,
  path: string,
  refs: readonly string[] | undefined,
  names: ReadonlySet<string>,
): void {
  checkSet(
    faults,
    path,
    refs,
    mostRequests,
    (ref) => ref,
    (ref, place) => checkRequestRef(faults, place, ref, names),
  );
}

function checkRequest(
  faults: Faults,
  at: string,
  { name = '', exactly, firstAvailable = [] }: Readonly<DeviceRequest>,
): void {
  checkDeviceName(faults, `${at}.name`, name);
  const rule = 'exactly one of `exactly` or `firstAvailable` is required';
  if (firstAvailable.length > 0 && exactly) faults.push(invalid(at, null, `${rule}, but multiple fields are set`));
  else if (exactly) checkExact(faults, `${at}.exactly`, exactly);
  else if (firstAvailable.length > 0) {
    const path = `${at}.firstAvailable`;
    checkSet(
      faults,
      path,
      firstAvailable,
      mostAlternatives,
      (alternative) => alternative.name ?? '',
      (alternative, place) => {
        checkDeviceName(faults, `${place}.name`, alternative.name ?? '');
        checkExact(faults, place, alternative);
      },
    );
  } else faults.push(required(at, rule));
}

function checkExact(faults: Faults, at: string, request: Readonly<ExactDeviceRequest | DeviceSubRequest>): void {
  if (!request.deviceClassName) faults.push(required(`${at}.deviceClassName`));
  else checkDnsSubdomain(faults, `${at}.deviceClassName`, request.deviceClassName);
  checkSelectors(faults, `${at}.selectors`, request.selectors);
  const count = request.count ?? 0;
  const mode = request.allocationMode;
  if (mode === 'All') {
    if (count !== 0) faults.push(invalid(`${at}.count`, count, "must not be specified when allocationMode is 'All'"));
  } else if (mode === 'ExactCount') {
    if (count <= 0) faults.push(invalid(`${at}.count`, count, 'must be greater than zero'));
  } else checkOneOf(faults, `${at}.allocationMode`, mode, ['All', 'ExactCount']);
  request.tolerations?.forEach((toleration, i) => checkToleration(faults, `${at}.tolerations[${i}]`, toleration));
}

export function checkSelectors(faults: Faults, path: string, selectors: readonly DeviceSelector[] | undefined): void {
  checkEach(faults, path, selectors, mostSelectors, ({ cel }, place) => {
    const expression = cel?.expression ?? '';
    if (!cel) faults.push(required(`${place}.cel`));
    else if (Buffer.byteLength(expression) > longestExpression)
      faults.push(tooLong(`${place}.cel.expression`, longestExpression));
  });
}

function checkToleration(
  faults: Faults,
  at: string,
  { key, operator, value = '', effect }: Readonly<DeviceToleration>,
): void {
  if (key) checkLabelName(faults, `${at}.key`, key);
  if (operator === 'Exists') {
    if (value !== '') faults.push(invalid(`${at}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') checkLabelValue(faults, `${at}.value`, value);
  else checkRequiredOneOf(faults, `${at}.operator`, operator, ['Equal', 'Exists']);
  if (effect) checkOneOf(faults, `${at}.effect`, effect, taintEffects);
}

function checkConstraint(
  faults: Faults,
  at: string,
  constraint: Readonly<DeviceConstraint>,
  names: ReadonlySet<string>,
): void {
  checkRequestRefs(faults, `${at}.requests`, constraint.requests, names);
  const { matchAttribute, distinctAttribute } = constraint;
  if (matchAttribute !== undefined) checkFullAttributeName(faults, `${at}.matchAttribute`, matchAttribute);
  else if (distinctAttribute !== undefined)
    checkFullAttributeName(faults, `${at}.distinctAttribute`, distinctAttribute);
  else
    faults.push(
      required(at, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'),
    );
}

export function checkConfiguration(faults: Faults, at: string, { opaque }: Readonly<DeviceConfiguration>): void {
  if (!opaque) {
    faults.push(required(`${at}.opaque`));
    return;
  }
  checkDriverName(faults, `${at}.opaque.driver`, opaque.driver ?? '');
  checkRawObject(faults, `${at}.opaque.parameters`, opaque.parameters, longestParameters);
}

export function checkRawObject(faults: Faults, path: string, value: unknown, longest: number): void {
  if (!isSet(value)) faults.push(required(path));
  else if (Buffer.byteLength(stringifyJson(value)) > longest) faults.push(tooLong(path, longest));
  else if (!isObject(value)) faults.push(invalid(path, '<value omitted>', 'must be a valid JSON object'));
}
