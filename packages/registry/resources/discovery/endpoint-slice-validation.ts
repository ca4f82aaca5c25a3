import type {
  Endpoint,
  EndpointHints,
  EndpointPort,
  EndpointSlice,
} from '@nodeless/apimachinery/generated/types/discovery/v1';
import { parseIp } from '@nodeless/apimachinery/ip';
import { ipWarnings, validateFullyQualifiedDomainName } from '@nodeless/apimachinery/ip-validation';
import { isLabelValue } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkDnsLabel,
  checkImmutable,
  checkIp,
  checkLabels,
  checkLegacyIp,
  checkObjectName,
  checkOneOf,
  checkQualifiedName,
  checkRequiredOneOf,
  duplicate,
  type Faults,
  invalid,
  required,
  sameValue,
  sortedKeys,
  tooMany,
} from '../checks.ts';
import { checkEndpointIp } from '../core/endpoint-ip.ts';
import { protocols } from '../core/pod-template/container-validation.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const most = { endpoints: 1000, addresses: 100, ports: 20_000, topology: 16, hints: 8 };
const managedBy = 'endpointslice.kubernetes.io/managed-by';
const controllers = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];

export function validateSlice(object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults {
  const slice = object as unknown as Readonly<EndpointSlice>;
  const faults: Faults = [];
  checkRequiredOneOf(faults, 'addressType', slice.addressType, addressTypes);
  checkPorts(faults, slice.ports ?? []);
  const before = faults.length;
  checkEndpoints(faults, slice);
  // what was stored with faults may stay while it does not change
  if (faults.length > before && old && sameValue(slice.endpoints, old.endpoints)) faults.length = before;
  if (old) checkImmutable(faults, 'addressType', slice.addressType ?? '', old.addressType ?? '');
  return faults;
}

function checkPorts(faults: Faults, ports: readonly EndpointPort[]): void {
  if (ports.length > most.ports) {
    faults.push(tooMany('ports', ports.length, most.ports));
    return;
  }
  const names = new Set<string>();
  ports.forEach(({ name = '', protocol, appProtocol }, i) => {
    const at = `ports[${i}]`;
    if (name !== '') checkDnsLabel(faults, `${at}.name`, name);
    if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (protocol === undefined) faults.push(required(`${at}.protocol`));
    else checkOneOf(faults, `${at}.protocol`, protocol, protocols);
    if (appProtocol !== undefined) checkQualifiedName(faults, `${at}.appProtocol`, appProtocol);
  });
}

function checkEndpoints(faults: Faults, { endpoints, addressType }: Readonly<EndpointSlice>): void {
  if ((endpoints?.length ?? 0) > most.endpoints) {
    faults.push(tooMany('endpoints', endpoints!.length, most.endpoints));
    return;
  }
  endpoints?.forEach((endpoint, i) => checkEndpoint(faults, `endpoints[${i}]`, endpoint, addressType));
}

function checkEndpoint(faults: Faults, path: string, endpoint: Readonly<Endpoint>, addressType: string): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) faults.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  if (addresses.length > most.addresses) faults.push(tooMany(`${path}.addresses`, addresses.length, most.addresses));
  addresses.forEach((address, i) => checkAddress(faults, `${path}.addresses`, i, address, addressType));
  if (endpoint.nodeName !== undefined) checkObjectName(faults, `${path}.nodeName`, endpoint.nodeName);
  const topology = sortedKeys(endpoint.deprecatedTopology).length;
  if (topology > most.topology) faults.push(tooMany(`${path}.deprecatedTopology`, topology, most.topology));
  checkLabels(faults, `${path}.deprecatedTopology`, endpoint.deprecatedTopology);
  if (endpoint.hostname !== undefined) checkDnsLabel(faults, `${path}.hostname`, endpoint.hostname);
  if (endpoint.hints) checkHints(faults, `${path}.hints`, endpoint.hints);
}

function checkAddress(faults: Faults, path: string, index: number, address: string, type: string): void {
  const at = `${path}[${index}]`;
  if (type === 'FQDN') {
    faults.push(...validateFullyQualifiedDomainName(at, address));
    return;
  }
  if (type !== 'IPv4' && type !== 'IPv6') return;
  const before = faults.length;
  if (type === 'IPv4') checkLegacyIp(faults, at, address);
  else checkIp(faults, at, address);
  if (faults.length > before) return;
  if (parseIp(address)?.family !== (type === 'IPv4' ? 4 : 6))
    faults.push(invalid(path, address, `must be an ${type} address`));
  checkEndpointIp(faults, at, address);
}

function checkHints(faults: Faults, path: string, { forZones, forNodes }: Readonly<EndpointHints>): void {
  if ((forZones?.length ?? 0) > most.hints) {
    faults.push(tooMany(`${path}.forZones`, forZones!.length, most.hints));
    return;
  }
  checkNames(faults, `${path}.forZones`, forZones, (at, name) => check(faults, at, name, isLabelValue(name)));
  if ((forNodes?.length ?? 0) > most.hints) faults.push(tooMany(`${path}.forNodes`, forNodes!.length, most.hints));
  else checkNames(faults, `${path}.forNodes`, forNodes, (at, name) => checkObjectName(faults, at, name));
}

function checkNames(
  faults: Faults,
  path: string,
  list: readonly { name?: string }[] | undefined,
  checkName: (at: string, name: string) => void,
): void {
  const seen = new Set<string>();
  list?.forEach(({ name = '' }, i) => {
    const at = `${path}[${i}].name`;
    if (seen.has(name)) faults.push(duplicate(at, name));
    seen.add(name);
    checkName(at, name);
  });
}

export function sliceWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  const { addressType, endpoints, metadata } = object as unknown as Readonly<EndpointSlice>;
  const warnings = !old && addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : [];
  if (controllers.includes(metadata?.labels?.[managedBy] ?? '')) return warnings;
  endpoints?.forEach((endpoint, i) =>
    endpoint.addresses?.forEach((address, j) =>
      warnings.push(...ipWarnings(`endpoints[${i}].addresses[${j}]`, address)),
    ),
  );
  return warnings;
}
