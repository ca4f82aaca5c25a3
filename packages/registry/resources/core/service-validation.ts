import type { Service, ServicePort, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPortNumber } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabels,
  checkLegacyCidr,
  checkLegacyIp,
  checkOneOf,
  checkQualifiedName,
  checkRequiredOneOf,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { checkEndpointIp } from './endpoint-ip.ts';
import { protocols } from './pod-template/container-validation.ts';
import { checkPort } from './pod-template/probe-validation.ts';
import { checkAddressChange, checkClusterIps, isHeadless } from './service-address-validation.ts';
import { isExternallyAccessible } from './service-defaults.ts';
import { needsHealthCheckNodePort } from './service-type-change.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const affinities = ['ClientIP', 'None'];
const trafficPolicies = ['Cluster', 'Local'];
const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
const topologyHints = 'service.kubernetes.io/topology-aware-hints';
const topologyMode = 'service.kubernetes.io/topology-mode';
const sourceRanges = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const longestAffinity = 86_400;
const onlyForBalancers = "may only be used when `type` is 'LoadBalancer'";

export function validateService(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkService(faults, object as Service, undefined);
  return faults;
}

export function validateServiceUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const service = object as Readonly<Service>;
  const old = oldObject as Readonly<Service>;
  checkAddressChange(faults, service, old);
  const { spec = {} } = service;
  const before = old.spec ?? {};
  if (
    before.type === 'LoadBalancer' &&
    spec.type === 'LoadBalancer' &&
    before.loadBalancerClass !== spec.loadBalancerClass
  ) {
    faults.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
  }
  checkBalancerClass(faults, spec);
  if (
    needsHealthCheckNodePort(before) &&
    needsHealthCheckNodePort(spec) &&
    before.healthCheckNodePort !== spec.healthCheckNodePort
  ) {
    faults.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  }
  checkService(faults, service, old);
  return faults;
}

function checkService(faults: Faults, service: Readonly<Service>, old: Readonly<Service> | undefined): void {
  const spec = service.spec ?? {};
  const annotations = service.metadata?.annotations ?? {};
  const [hints, mode] = [annotations[topologyHints], annotations[topologyMode]];
  if (hints !== undefined && mode !== undefined && hints !== mode) {
    faults.push(
      invalid(
        `metadata.annotations[${topologyMode}]`,
        mode,
        `must match annotations[${topologyHints}] when both are specified`,
      ),
    );
  }
  const ports = spec.ports ?? [];
  const isNone = isHeadless(spec);
  if (ports.length === 0 && !isNone && spec.type !== 'ExternalName') faults.push(required('spec.ports'));
  checkType(faults, spec);
  const names = new Set<string>();
  ports.forEach((port, i) => checkServicePort(faults, `spec.ports[${i}]`, port, ports.length > 1, names));
  checkLabels(faults, 'spec.selector', spec.selector);
  checkRequiredOneOf(faults, 'spec.sessionAffinity', spec.sessionAffinity, affinities);
  checkAffinity(faults, spec);
  checkClusterIps(faults, spec, old?.spec);
  spec.externalIPs?.forEach((ip, i) => {
    const before = faults.length;
    checkLegacyIp(faults, `spec.externalIPs[${i}]`, ip, old?.spec?.externalIPs);
    if (faults.length === before) checkEndpointIp(faults, `spec.externalIPs[${i}]`, ip);
  });
  checkRequiredOneOf(faults, 'spec.type', spec.type, types);
  checkPorts(faults, spec, ports);
  checkSourceRanges(faults, service, old);
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    faults.push(forbidden('spec.allocateLoadBalancerNodePorts', onlyForBalancers));
  }
  checkBalancerClass(faults, spec);
  checkTraffic(faults, service);
}

function checkType(faults: Faults, spec: Readonly<ServiceSpec>): void {
  const { type, externalName = '' } = spec;
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(spec)) {
    faults.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  }
  if (type !== 'ExternalName') return;
  const message = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) faults.push(forbidden('spec.clusterIPs', message));
  if (spec.ipFamilies?.length) faults.push(forbidden('spec.ipFamilies', message));
  if (spec.ipFamilyPolicy !== undefined) faults.push(forbidden('spec.ipFamilyPolicy', message));
  const name = externalName.replace(/\.$/, '');
  if (name === '') faults.push(required('spec.externalName'));
  else checkDnsSubdomain(faults, 'spec.externalName', name);
}

function checkServicePort(
  faults: Faults,
  path: string,
  port: Readonly<ServicePort>,
  needsName: boolean,
  names: Set<string>,
): void {
  const { name = '', port: number = 0 } = port;
  if (name !== '') {
    checkDnsLabel(faults, `${path}.name`, name);
    if (names.has(name)) faults.push(duplicate(`${path}.name`, name));
    names.add(name);
  } else if (needsName) faults.push(required(`${path}.name`));
  check(faults, `${path}.port`, number, isPortNumber(number));
  checkRequiredOneOf(faults, `${path}.protocol`, port.protocol, protocols);
  checkPort(faults, `${path}.targetPort`, port.targetPort);
  if (port.appProtocol !== undefined) checkQualifiedName(faults, `${path}.appProtocol`, port.appProtocol);
}

function checkAffinity(
  faults: Faults,
  { sessionAffinity, sessionAffinityConfig: config }: Readonly<ServiceSpec>,
): void {
  const path = 'spec.sessionAffinityConfig';
  if (sessionAffinity === 'None' && config)
    faults.push(forbidden(path, 'must not be set when session affinity is None'));
  if (sessionAffinity !== 'ClientIP') return;
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) faults.push(required(path, 'when session affinity type is ClientIP'));
  else if (!config.clientIP) faults.push(required(`${path}.clientIP`, 'when session affinity type is ClientIP'));
  else if (seconds === undefined)
    faults.push(required(`${path}.clientIP.timeoutSeconds`, 'when session affinity type is ClientIP'));
  else if (seconds <= 0 || seconds > longestAffinity) {
    faults.push(
      invalid(`${path}.clientIP.timeoutSeconds`, seconds, `must be greater than 0 and less than ${longestAffinity}`),
    );
  }
}

/** Port numbers among each other. */
function checkPorts(faults: Faults, spec: Readonly<ServiceSpec>, ports: readonly ServicePort[]): void {
  ports.forEach(({ nodePort }, i) => {
    if (spec.type === 'ClusterIP' && nodePort)
      faults.push(forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
  });
  const seen = new Set<string>();
  const isTaken = (key: string): boolean => seen.has(key) || !seen.add(key);
  ports.forEach(({ protocol = '', nodePort }, i) => {
    if (nodePort && isTaken(`node/${protocol}/${nodePort}`))
      faults.push(duplicate(`spec.ports[${i}].nodePort`, nodePort));
  });
  ports.forEach(({ protocol = '', port = 0 }, i) => {
    if (isTaken(`${protocol}/${port}`))
      faults.push(duplicate(`spec.ports[${i}]`, internalValue('ServicePort', { protocol, port })));
  });
}

function checkSourceRanges(
  faults: Faults,
  { metadata, spec = {} }: Readonly<Service>,
  old: Readonly<Service> | undefined,
): void {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    const path = 'spec.LoadBalancerSourceRanges';
    if (spec.type !== 'LoadBalancer') faults.push(forbidden(path, onlyForBalancers));
    const stored = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    ranges.forEach((range, i) => checkLegacyCidr(faults, `${path}[${i}]`, range.trim(), stored));
    return;
  }
  const text = metadata?.annotations?.[sourceRanges];
  if (text === undefined) return;
  const path = `metadata.annotations[${sourceRanges}]`;
  if (spec.type !== 'LoadBalancer') faults.push(forbidden(path, onlyForBalancers));
  if (old?.metadata?.annotations?.[sourceRanges] === text || text.trim() === '') return;
  for (const range of text.trim().split(',')) checkLegacyCidr(faults, path, range.trim());
}

function checkBalancerClass(faults: Faults, { type, loadBalancerClass }: Readonly<ServiceSpec>): void {
  if (loadBalancerClass === undefined) return;
  if (type === 'LoadBalancer') checkQualifiedName(faults, 'spec.loadBalancerClass', loadBalancerClass);
  else faults.push(forbidden('spec.loadBalancerClass', onlyForBalancers));
}

function checkTraffic(faults: Faults, service: Readonly<Service>): void {
  const spec = service.spec ?? {};
  const {
    externalTrafficPolicy: external = '',
    internalTrafficPolicy: internal,
    healthCheckNodePort: port = 0,
    trafficDistribution,
  } = spec;
  if (isExternallyAccessible(service))
    checkRequiredOneOf(faults, 'spec.externalTrafficPolicy', external, trafficPolicies);
  else if (external !== '')
    faults.push(invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  const path = 'spec.healthCheckNodePort';
  if (needsHealthCheckNodePort(spec)) {
    if (port === 0) faults.push(required(path));
    else check(faults, path, port, isPortNumber(port));
  } else if (port !== 0)
    faults.push(
      invalid(path, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"),
    );
  if (internal !== undefined) checkOneOf(faults, 'spec.internalTrafficPolicy', internal, trafficPolicies);
  else if (spec.type === 'NodePort' || spec.type === 'LoadBalancer' || spec.type === 'ClusterIP')
    faults.push(required('spec.internalTrafficPolicy'));
  if (trafficDistribution !== undefined && !distributions.includes(trafficDistribution)) {
    faults.push(notSupported('spec.trafficDistribution', trafficDistribution, distributions));
  }
}
