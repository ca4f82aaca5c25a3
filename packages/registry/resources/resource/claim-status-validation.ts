import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from '@nodeless/apimachinery/generated/types/resource/v1';
import { validateInterfaceAddress } from '@nodeless/apimachinery/ip-validation';
import {
  checkRequiredOneOf,
  duplicate,
  type Faults,
  forbidden,
  immutable,
  invalid,
  isSet,
  required,
  sameValue,
  tooLong,
  tooMany,
} from '../checks.ts';
import { checkConditions } from '../conditions-validation.ts';
import { checkNodeSelector } from '../core/pod-template/affinity-validation.ts';
import { internalValue } from '../internal-value.ts';
import {
  checkConfiguration,
  checkRawObject,
  checkRequestRef,
  checkRequestRefs,
  mostConfigs,
  requestNames,
} from './claim-validation.ts';
import {
  checkBindingConditions,
  checkDeviceName,
  checkDriverName,
  checkEach,
  checkPoolName,
  checkSet,
  checkShareId,
} from './device-names.ts';

const mostConsumers = 256;
const mostResults = 32;
const mostConditions = 8;
const longestData = 10 * 1024;
const longestInterface = 256;
const longestAddress = 128;
const mostIps = 16;

type Place = Pick<DeviceRequestAllocationResult, 'driver' | 'pool' | 'device' | 'shareID'>;

const shownPlace = ({ driver = '', pool = '', device = '', shareID = '' }: Partial<Place>): unknown => ({
  Driver: driver,
  Pool: pool,
  Device: device,
  ShareID: shareID,
});
const idOf = ({ driver = '', pool = '', device = '', shareID }: Partial<Place>): string =>
  `${driver}/${pool}/${device}${shareID ? `/${shareID}` : ''}`;

export function validateClaimStatus(claim: Readonly<ResourceClaim>, old: Readonly<ResourceClaim>): Faults {
  const faults: Faults = [];
  const { reservedFor = [], devices, allocation } = claim.status ?? {};
  const names = requestNames(claim.spec?.devices ?? {});
  checkSet(
    faults,
    'status.reservedFor',
    reservedFor,
    mostConsumers,
    ({ uid }) => uid ?? '',
    (consumer, at) => checkConsumer(faults, at, consumer),
  );
  const allocated = new Set(allocation?.devices?.results?.map(idOf));
  checkEach(faults, 'status.devices', devices, -1, (device, at) => checkDevice(faults, at, device, allocated));
  devices?.forEach((device, i) => {
    const first = devices.findIndex((other) => idOf(other) === idOf(device));
    if (first < i) faults.push(duplicate(`status.devices[${i}]`, shownPlace(device)));
  });
  if (reservedFor.length > 0 && !allocation) {
    faults.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
  } else if (claim.metadata?.deletionTimestamp !== undefined) {
    const before = old.status?.reservedFor ?? [];
    if (reservedFor.some((consumer) => !before.some((other) => sameValue(other, consumer)))) {
      const rule = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
      faults.push(forbidden('status.reservedFor', rule));
    }
  }
  if (!allocation) return faults;
  if (!old.status?.allocation) checkAllocation(faults, 'status.allocation', allocation, names);
  else if (!sameValue(allocation, old.status.allocation)) {
    faults.push(invalid('status.allocation', internalValue('AllocationResult', allocation), immutable));
  }
  return faults;
}

function checkConsumer(faults: Faults, at: string, consumer: Readonly<ResourceClaimConsumerReference>): void {
  for (const field of ['resource', 'name', 'uid'] as const)
    if (!consumer[field]) faults.push(required(`${at}.${field}`));
}

function checkAllocation(
  faults: Faults,
  at: string,
  { devices = {}, nodeSelector }: Readonly<AllocationResult>,
  names: ReadonlySet<string>,
): void {
  const path = `${at}.devices`;
  checkEach(faults, `${path}.results`, devices.results, mostResults, (result, place) => {
    checkRequestRef(faults, `${place}.request`, result.request ?? '', names);
    checkPlace(faults, place, result);
    checkBindingConditions(faults, place, result);
    if (result.shareID !== undefined) checkShareId(faults, `${place}.shareID`, result.shareID);
  });
  checkEach(faults, `${path}.config`, devices.config, 2 * mostConfigs, (config, place) => {
    checkRequiredOneOf(faults, `${place}.source`, config.source, ['FromClaim', 'FromClass']);
    checkRequestRefs(faults, `${place}.requests`, config.requests, names);
    checkConfiguration(faults, place, config);
  });
  if (nodeSelector) checkNodeSelector(faults, `${at}.nodeSelector`, nodeSelector, false);
}

function checkPlace(faults: Faults, at: string, { driver = '', pool = '', device = '' }: Partial<Place>): void {
  checkDriverName(faults, `${at}.driver`, driver);
  checkPoolName(faults, `${at}.pool`, pool);
  checkDeviceName(faults, `${at}.device`, device);
}

function checkDevice(
  faults: Faults,
  at: string,
  device: Readonly<AllocatedDeviceStatus>,
  allocated: ReadonlySet<string>,
): void {
  checkPlace(faults, at, device);
  if (device.shareID !== undefined) checkShareId(faults, `${at}.shareID`, device.shareID);
  const id = idOf(device);
  if (!allocated.has(id)) faults.push(invalid(at, shownPlace(device), 'must be an allocated device in the claim'));
  const { conditions = [] } = device;
  if (conditions.length > mostConditions) faults.push(tooMany(`${at}.conditions`, conditions.length, mostConditions));
  checkConditions(faults, `${at}.conditions`, conditions);
  if (isSet(device.data)) checkRawObject(faults, `${at}.data`, device.data, longestData);
  if (device.networkData) checkNetworkData(faults, `${at}.networkData`, device.networkData);
}

function checkNetworkData(
  faults: Faults,
  at: string,
  { interfaceName = '', hardwareAddress = '', ips }: Readonly<NetworkDeviceData>,
): void {
  if (Buffer.byteLength(interfaceName) > longestInterface)
    faults.push(tooLong(`${at}.interfaceName`, longestInterface));
  if (Buffer.byteLength(hardwareAddress) > longestAddress)
    faults.push(tooLong(`${at}.hardwareAddress`, longestAddress));
  checkSet(
    faults,
    `${at}.ips`,
    ips,
    mostIps,
    (ip) => ip,
    (ip, place) => faults.push(...validateInterfaceAddress(place, ip)),
  );
}
