import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  EndpointSubset,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { ipWarnings } from '@nodeless/apimachinery/ip-validation';
import { parseIp } from '@nodeless/apimachinery/ip';
import { isPortNumber } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkDnsLabel,
  checkLegacyIp,
  checkObjectName,
  checkQualifiedName,
  checkRequiredOneOf,
  type Faults,
  invalid,
  required,
  sameValue,
} from '../checks.ts';
import { checkEndpointIp } from './endpoint-ip.ts';
import { protocols } from './pod-template/container-validation.ts';

const managedBy = 'endpoints.kubernetes.io/managed-by';
const controller = 'endpoint-controller';

export function validateEndpoints(object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults {
  const { subsets } = object as Readonly<Endpoints>;
  const faults: Faults = [];
  subsets?.forEach((subset, i) => checkSubset(faults, `subsets[${i}]`, subset));
  // what was stored with faults may stay while it does not change
  return faults.length > 0 && old && sameValue(subsets, (old as Endpoints).subsets) ? [] : faults;
}

function checkSubset(
  faults: Faults,
  path: string,
  { addresses = [], notReadyAddresses = [], ports = [] }: Readonly<EndpointSubset>,
): void {
  if (addresses.length + notReadyAddresses.length === 0)
    faults.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
  addresses.forEach((address, i) => checkAddress(faults, `${path}.addresses[${i}]`, address));
  notReadyAddresses.forEach((address, i) => checkAddress(faults, `${path}.notReadyAddresses[${i}]`, address));
  ports.forEach((port, i) => checkEndpointPort(faults, `${path}.ports[${i}]`, port, ports.length > 1));
}

function checkAddress(faults: Faults, path: string, { ip = '', hostname, nodeName }: Readonly<EndpointAddress>): void {
  checkLegacyIp(faults, `${path}.ip`, ip);
  if (hostname) checkDnsLabel(faults, `${path}.hostname`, hostname);
  if (nodeName !== undefined) checkObjectName(faults, `${path}.nodeName`, nodeName);
  if (parseIp(ip) === undefined) faults.push(invalid(`${path}.ip`, ip, 'must be a valid IP address'));
  else checkEndpointIp(faults, `${path}.ip`, ip);
}

function checkEndpointPort(faults: Faults, path: string, port: Readonly<EndpointPort>, needsName: boolean): void {
  if (port.name) checkDnsLabel(faults, `${path}.name`, port.name);
  else if (needsName) faults.push(required(`${path}.name`));
  check(faults, `${path}.port`, port.port ?? 0, isPortNumber(port.port ?? 0));
  checkRequiredOneOf(faults, `${path}.protocol`, port.protocol, protocols);
  if (port.appProtocol !== undefined) checkQualifiedName(faults, `${path}.appProtocol`, port.appProtocol);
}

/** The controller's own are not its fault. */
export function endpointsWarnings(object: Readonly<UnknownObject>): string[] {
  if (object.metadata?.labels?.[managedBy] === controller) return [];
  return ((object as Endpoints).subsets ?? []).flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip = '' }, j) => ipWarnings(`subsets[${i}].${list}[${j}].ip`, ip)),
    ),
  );
}
