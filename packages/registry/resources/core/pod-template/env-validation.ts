import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '@nodeless/apimachinery/generated/types/core/v1';
import {
  isConfigMapKey,
  isDns1123Subdomain,
  isQualifiedName,
  isRelaxedEnvVarName,
  nameIsDnsSubdomain,
} from '@nodeless/apimachinery/names';
import { formatQuantity, parseQuantity, quantitySign } from '@nodeless/apimachinery/quantity';
import { check, checkDnsLabel, type Faults, invalid, notSupported, required } from '../../checks.ts';
import { checkNoBacksteps } from './paths.ts';

export function checkEnv(faults: Faults, path: string, variables: readonly EnvVar[]): void {
  for (let i = 0; i < variables.length; i++) {
    const variable = variables[i]!;
    const at = `${path}[${i}]`;
    if (!variable.name) faults.push(required(`${at}.name`));
    else check(faults, `${at}.name`, variable.name, isRelaxedEnvVarName(variable.name));
    if (variable.valueFrom) checkValueFrom(faults, `${at}.valueFrom`, variable.valueFrom, variable.value ?? '');
  }
}

const environmentFields = new Set([
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

function checkValueFrom(faults: Faults, path: string, from: Readonly<EnvVarSource>, value: string): void {
  let sources = 0;
  if (from.fieldRef) {
    sources++;
    checkFieldSelector(faults, `${path}.fieldRef`, from.fieldRef, environmentFields);
  }
  if (from.resourceFieldRef) {
    sources++;
    checkResourceFieldSelector(faults, `${path}.resourceFieldRef`, from.resourceFieldRef, false);
  }
  if (from.configMapKeyRef) {
    sources++;
    checkKeySelector(faults, `${path}.configMapKeyRef`, from.configMapKeyRef);
  }
  if (from.secretKeyRef) {
    sources++;
    checkKeySelector(faults, `${path}.secretKeyRef`, from.secretKeyRef);
  }
  if (from.fileKeyRef) {
    sources++;
    const { key, volumeName, path: file } = from.fileKeyRef;
    const at = `${path}.fileKeyRef`;
    if (!key) faults.push(required(`${at}.key`));
    else check(faults, `${at}.key`, key, isRelaxedEnvVarName(key));
    if (!volumeName) faults.push(required(`${at}.volumeName`));
    else checkDnsLabel(faults, `${at}.volumeName`, volumeName);
    if (!file) faults.push(required(`${at}.path`));
    else checkNoBacksteps(faults, `${at}.path`, file);
  }
  if (sources === 0) {
    faults.push(
      invalid(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    );
  } else if (value !== '') {
    faults.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (sources > 1) {
    faults.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
}

function checkKeySelector(faults: Faults, path: string, selector: Readonly<{ name?: string; key: string }>): void {
  const name = selector.name ?? '';
  check(faults, `${path}.name`, name, isDns1123Subdomain(name));
  if (!selector.key) faults.push(required(`${path}.key`));
  else check(faults, `${path}.key`, selector.key, isConfigMapKey(selector.key));
}

const convertible = new Set([
  ...environmentFields,
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'spec.host',
]);

export function checkFieldSelector(
  faults: Faults,
  path: string,
  selector: Readonly<ObjectFieldSelector>,
  fields: ReadonlySet<string>,
): void {
  if (!selector.apiVersion) {
    faults.push(required(`${path}.apiVersion`));
    return;
  }
  const given = selector.fieldPath ?? '';
  if (given === '') {
    faults.push(required(`${path}.fieldPath`));
    return;
  }
  const unconvertible = (why: string): void => {
    faults.push(invalid(`${path}.fieldPath`, given, `error converting fieldPath: ${why}`));
  };
  if (selector.apiVersion !== 'v1') return unconvertible(`unsupported pod version: ${selector.apiVersion}`);
  const subscripted = /^(.+?)\['(.*)'\]$/s.exec(given);
  if (subscripted !== null) {
    const [, field, subscript = ''] = subscripted;
    if (field === 'metadata.annotations')
      check(faults, path, subscript.toLowerCase(), isQualifiedName(subscript.toLowerCase()));
    else if (field === 'metadata.labels') check(faults, path, subscript, isQualifiedName(subscript));
    else unconvertible(`field label does not support subscript: ${given}`);
    return;
  }
  if (!convertible.has(given)) return unconvertible(`field label not supported: ${given}`);
  const field = given === 'spec.host' ? 'spec.nodeName' : given;
  if (!fields.has(field)) faults.push(notSupported(`${path}.fieldPath`, field, [...fields].sort()));
}

const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const isHugePagesField = (resource: string): boolean =>
  resource.startsWith('limits.hugepages-') || resource.startsWith('requests.hugepages-');

export function checkResourceFieldSelector(
  faults: Faults,
  path: string,
  selector: Readonly<ResourceFieldSelector>,
  inVolume: boolean,
): void {
  const resource = selector.resource ?? '';
  if (inVolume && !selector.containerName) faults.push(required(`${path}.containerName`));
  else if (resource === '') faults.push(required(`${path}.resource`));
  else if (!resourceFields.includes(resource) && !isHugePagesField(resource))
    faults.push(notSupported(`${path}.resource`, resource, resourceFields));
  checkDivisor(faults, `${path}.divisor`, resource, selector.divisor);
}

function checkDivisor(faults: Faults, path: string, resource: string, divisor: string | number | undefined): void {
  if (divisor === undefined) return;
  const quantity = parseQuantity(divisor);
  if (quantitySign(quantity) === 0) return;
  const refuse = (allowed: readonly string[], what: string): void => {
    if (!allowed.includes(formatQuantity(quantity))) {
      const list = what === 'cpu' ? '1m and 1' : byteDivisors.join(', ');
      faults.push(invalid(path, resource, `only divisor's values ${list} are supported with the ${what} resource`));
    }
  };
  if (resource === 'limits.cpu' || resource === 'requests.cpu') refuse(['1m', '1'], 'cpu');
  else if (resource === 'limits.memory' || resource === 'requests.memory') refuse(byteDivisors, 'memory');
  else if (resource === 'limits.ephemeral-storage' || resource === 'requests.ephemeral-storage')
    refuse(byteDivisors, 'local ephemeral storage');
  else if (isHugePagesField(resource)) refuse(byteDivisors, 'hugepages');
}

export function checkEnvFrom(faults: Faults, path: string, sources: readonly EnvFromSource[]): void {
  sources.forEach((source, i) => {
    const at = `${path}[${i}]`;
    if (source.prefix) check(faults, `${at}.prefix`, source.prefix, isRelaxedEnvVarName(source.prefix));
    let count = 0;
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const ref = source[kind];
      if (!ref) continue;
      count++;
      if (!ref.name) faults.push(required(`${at}.${kind}.name`));
      else check(faults, `${at}.${kind}.name`, ref.name, nameIsDnsSubdomain(ref.name, true));
    }
    if (count === 0) faults.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (count > 1) faults.push(invalid(path, '', 'may not have more than one field specified at a time'));
  });
}
