import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressSpec,
  IngressTLS,
} from '@nodeless/apimachinery/generated/types/networking/v1';
import { parseIp } from '@nodeless/apimachinery/ip';
import {
  isDns1123Subdomain,
  isPathSegmentName,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
  nameIsDns1035Label,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  type ObjectNameCheck,
} from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { balancerPath, balancerWarnings, checkBalancerHost, storedAddresses } from '../balancer-status.ts';
import {
  check,
  checkLegacyIp,
  checkObjectName,
  type Faults,
  invalid,
  isSet,
  notSupported,
  required,
} from '../checks.ts';
import { internalValue } from '../internal-value.ts';

const classAnnotation = 'kubernetes.io/ingress.class';
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEnds = ['/..', '/.'];

/** What was stored before there were rules is let be. */
interface Rules {
  readonly allowSecretNames: boolean;
  readonly allowWildcardRules: boolean;
}
type Spec = Readonly<IngressSpec>;

export function validateIngress(object: Readonly<UnknownObject>): Faults {
  const { metadata, spec = {} } = object as Readonly<Ingress>;
  const faults: Faults = [];
  checkSpec(faults, spec, { allowSecretNames: false, allowWildcardRules: false });
  const annotation = metadata?.annotations?.[classAnnotation];
  if (annotation !== undefined && spec.ingressClassName !== undefined && annotation !== spec.ingressClassName) {
    faults.push(
      invalid(`annotations.${classAnnotation}`, annotation, 'must match `ingressClassName` when both are specified'),
    );
  }
  return faults;
}

export function validateIngressUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const old: Spec = (oldObject as Ingress).spec ?? {};
  checkSpec(faults, (object as Ingress).spec ?? {}, {
    allowSecretNames:
      old.tls?.some(({ secretName }) => secretName && nameIsDnsSubdomain(secretName, false).length > 0) === true,
    allowWildcardRules: old.rules?.some((rule) => rule.host?.includes('*') && hasFaults(rule)) === true,
  });
  return faults;
}

function hasFaults(rule: Readonly<IngressRule>): boolean {
  const faults: Faults = [];
  // judged by the names that services had to have then
  checkPaths(faults, '', rule, nameIsDns1035Label);
  return faults.length > 0;
}

function checkSpec(faults: Faults, spec: Spec, rules: Rules): void {
  const { defaultBackend, rules: routes = [], tls, ingressClassName } = spec;
  if (routes.length === 0 && !defaultBackend) {
    const shown = spec.rules ? routes.map((rule) => internalValue('IngressRule', rule)) : null;
    faults.push(invalid('spec', shown, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (defaultBackend) checkBackend(faults, 'spec.defaultBackend', defaultBackend, nameIsDnsLabel);
  routes.forEach((rule, i) => checkRule(faults, `spec.rules[${i}]`, rule, rules));
  tls?.forEach((one, i) => checkTls(faults, `spec.tls[${i}]`, one, rules));
  if (ingressClassName !== undefined) checkObjectName(faults, 'spec.ingressClassName', ingressClassName);
}

function checkHost(faults: Faults, path: string, host: string): void {
  check(faults, path, host, host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host));
}

function checkTls(faults: Faults, path: string, { hosts, secretName }: Readonly<IngressTLS>, rules: Rules): void {
  hosts?.forEach((host, i) => checkHost(faults, `${path}.hosts[${i}]`, host));
  if (secretName && !rules.allowSecretNames) checkObjectName(faults, `${path}.secretName`, secretName);
}

function checkRule(faults: Faults, path: string, rule: Readonly<IngressRule>, rules: Rules): void {
  const host = rule.host ?? '';
  if (host !== '') {
    if (parseIp(host)) faults.push(invalid(`${path}.host`, host, 'must be a DNS name, not an IP address'));
    checkHost(faults, `${path}.host`, host);
  }
  if (!host.includes('*') || !rules.allowWildcardRules) checkPaths(faults, path, rule);
}

function checkPaths(
  faults: Faults,
  path: string,
  { http }: Readonly<IngressRule>,
  nameCheck: ObjectNameCheck = nameIsDnsLabel,
): void {
  if (!http) return;
  if (!http.paths?.length) faults.push(required(`${path}.http.paths`));
  http.paths?.forEach((one, i) => checkPath(faults, `${path}.http.paths[${i}]`, one, nameCheck));
}

function checkPath(
  faults: Faults,
  at: string,
  { pathType, path = '', backend }: Readonly<HTTPIngressPath>,
  nameCheck: ObjectNameCheck,
): void {
  if (!isSet(pathType)) {
    faults.push(required(`${at}.pathType`, 'pathType must be specified'));
    return;
  }
  const isPlain = pathType === 'Exact' || pathType === 'Prefix';
  if (!pathTypes.includes(pathType)) faults.push(notSupported(`${at}.pathType`, pathType, pathTypes));
  else if (!path.startsWith('/') && (isPlain || path !== ''))
    faults.push(invalid(`${at}.path`, path, 'must be an absolute path'));
  if (isPlain) {
    for (const bad of badSequences)
      if (path.includes(bad)) faults.push(invalid(`${at}.path`, path, `must not contain '${bad}'`));
    for (const bad of badEnds)
      if (path.endsWith(bad)) faults.push(invalid(`${at}.path`, path, `cannot end with '${bad}'`));
  }
  checkBackend(faults, `${at}.backend`, backend ?? {}, nameCheck);
}

function checkBackend(
  faults: Faults,
  path: string,
  { resource, service }: Readonly<IngressBackend>,
  nameCheck: ObjectNameCheck,
): void {
  if (resource && service) faults.push(invalid(path, '', 'cannot set both resource and service backends'));
  else if (resource) checkTypedReference(faults, `${path}.resource`, resource);
  else if (service) checkService(faults, path, service, nameCheck);
  else faults.push(invalid(path, '', 'resource or service backend is required'));
}

export function checkTypedReference(
  faults: Faults,
  path: string,
  reference: Readonly<{ apiGroup?: string | null; kind?: string; name?: string }>,
): void {
  const { apiGroup } = reference;
  if (isSet(apiGroup)) check(faults, `${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup));
  for (const field of ['kind', 'name'] as const) {
    const value = reference[field];
    if (!value) faults.push(required(`${path}.${field}`));
    else check(faults, `${path}.${field}`, value, isPathSegmentName(value));
  }
}

function checkService(
  faults: Faults,
  path: string,
  { name, port }: NonNullable<Readonly<IngressBackend>['service']>,
  nameCheck: ObjectNameCheck,
): void {
  const at = `${path}.service`;
  if (!name) faults.push(required(`${at}.name`));
  else check(faults, `${at}.name`, name, nameCheck(name, false));
  const { name: portName, number } = port ?? {};
  if (portName && number) faults.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (portName) check(faults, `${at}.port.name`, portName, isPortName(portName));
  else if (number) check(faults, `${at}.port.number`, number, isPortNumber(number));
  else faults.push(required(path, 'port name or number is required'));
}

export function validateIngressStatus(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const stored = storedAddresses((old as Ingress).status?.loadBalancer?.ingress);
  (object as Ingress).status?.loadBalancer?.ingress?.forEach(({ ip, hostname }, i) => {
    if (ip) checkLegacyIp(faults, `${balancerPath}[${i}].ip`, ip, stored);
    checkBalancerHost(faults, `${balancerPath}[${i}].hostname`, hostname);
  });
  return faults;
}

export function ingressWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  const isDeprecated =
    object.metadata?.annotations?.[classAnnotation] !== undefined &&
    (object as Ingress).spec?.ingressClassName === undefined;
  return !old && isDeprecated
    ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
    : [];
}

export function ingressStatusWarnings(object: Readonly<UnknownObject>): string[] {
  return balancerWarnings((object as Ingress).status?.loadBalancer?.ingress);
}
