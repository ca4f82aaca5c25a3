import type { ContainerStatus, Pod, PodSpec, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { isUserId } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkDnsLabel,
  checkImmutable,
  checkLegacyIp,
  checkObjectName,
  checkOneOf,
  checkQualifiedName,
  duplicate,
  type Faults,
  forbidden,
  internalFieldError,
  invalid,
  required,
  sortedKeys,
  tooLong,
} from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { mayRestart, mayRestartAll } from './pod-restart.ts';
import { podOptions } from './pod-template/options.ts';
import { isNative } from './pod-template/resource-names.ts';
import { checkAnnotationUpdate } from './pod-update-validation.ts';
import { isDualStack } from '../dual-stack.ts';

const lists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

export function validatePodStatusUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const pod = object as Readonly<Pod>;
  const old = oldObject as Readonly<Pod>;
  const spec: Readonly<PodSpec> = pod.spec ?? { containers: [] };
  const status = pod.status ?? {};
  const stored = old.status ?? {};
  const faults: Faults = [];
  checkAnnotationUpdate(faults, pod, old, podOptions(true, old.spec, old.metadata));
  checkConditions(faults, status);
  const nominated = status.nominatedNodeName ?? '';
  if (nominated !== '' && nominated !== stored.nominatedNodeName) {
    checkObjectName(faults, 'status.nominatedNodeName', nominated);
    if (old.spec?.nodeName)
      faults.push(forbidden('status.nominatedNodeName', 'may not be set on pods that are already bound to a node'));
  }
  if ((status.observedGeneration ?? 0) < 0)
    faults.push(invalid('status.observedGeneration', status.observedGeneration, 'must be a non-negative integer'));
  checkImmutable(faults, 'status.qosClass', status.qosClass ?? '', stored.qosClass ?? '');
  for (const list of lists) checkTransitions(faults, list, status[list] ?? [], stored[list] ?? [], spec);
  checkClaimStatuses(faults, status, spec);
  checkExtendedClaim(faults, status, spec);
  checkNodeAllocatable(faults, status, spec);
  checkAddresses(faults, 'podIPs', 'PodIP', status, stored);
  if (status.hostIPs?.length && status.hostIPs[0]!.ip !== status.hostIP) {
    faults.push(invalid('status.hostIPs[0].ip', status.hostIPs[0]!.ip ?? '', 'must be equal to `hostIP`'));
  }
  checkAddresses(faults, 'hostIPs', 'HostIP', status, stored);
  for (const list of lists) checkUsers(faults, `status.${list}`, status[list] ?? [], spec);
  checkAllocated(faults, 'status.containerStatuses', status.containerStatuses ?? [], spec.containers ?? []);
  checkAllocated(faults, 'status.initContainerStatuses', status.initContainerStatuses ?? [], spec.initContainers ?? []);
  status.ephemeralContainerStatuses?.forEach((container, i) => {
    if (container.allocatedResourcesStatus?.length)
      faults.push(
        forbidden(
          `status.ephemeralContainerStatuses[${i}].allocatedResourcesStatus`,
          'must not be specified in container status',
        ),
      );
  });
  return faults;
}

const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

function checkConditions(faults: Faults, status: Readonly<PodStatus>): void {
  status.conditions?.forEach((condition, i) => {
    const at = `status.conditions[${i}]`;
    if ((condition.observedGeneration ?? 0) < 0)
      faults.push(invalid(`${at}.observedGeneration`, condition.observedGeneration, 'must be a non-negative integer'));
    if (!systemConditions.has(condition.type)) checkQualifiedName(faults, `${at}.Type`, condition.type ?? '');
  });
}

/** A container that has ended for good stays ended. */
function checkTransitions(
  faults: Faults,
  list: (typeof lists)[number],
  statuses: readonly ContainerStatus[],
  stored: readonly ContainerStatus[],
  spec: Readonly<PodSpec>,
): void {
  if (list !== 'ephemeralContainerStatuses' && mayRestartAll(spec)) return;
  const containers =
    list === 'containerStatuses' ? spec.containers : list === 'initContainerStatuses' ? spec.initContainers : undefined;
  stored.forEach((old, i) => {
    const ended = old.state?.terminated;
    if (!ended || !statuses.some((status) => status.name === old.name && !status.state?.terminated)) return;
    const container = containers?.find((c) => c.name === old.name);
    if (container && mayRestart(container, spec, ended.exitCode)) return;
    faults.push(forbidden(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state'));
  });
}

function checkClaimStatuses(faults: Faults, status: Readonly<PodStatus>, spec: Readonly<PodSpec>): void {
  const seen = new Set<string>();
  status.resourceClaimStatuses?.forEach(({ name, resourceClaimName }, i) => {
    const at = `status.resourceClaimStatuses[${i}]`;
    if (!spec.resourceClaims?.some((claim) => claim.name === name))
      faults.push(invalid(`${at}.name`, name ?? '', 'must match the name of an entry in `spec.resourceClaims`'));
    if (seen.has(name)) faults.push(duplicate(`${at}.name`, name));
    seen.add(name);
    if (resourceClaimName !== undefined) checkObjectName(faults, `${at}.resourceClaimName`, resourceClaimName);
  });
}

function checkExtendedClaim(faults: Faults, status: Readonly<PodStatus>, spec: Readonly<PodSpec>): void {
  const claim = status.extendedResourceClaimStatus;
  if (!claim) return;
  const path = 'status.extendedResourceClaimStatus';
  const containers = new Map([...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((c) => [c.name, c]));
  const mappings = claim.requestMappings ?? [];
  if (mappings.length === 0)
    faults.push(required(`${path}.requestMappings`, 'at least one request mapping is required'));
  const seen = new Set<string>();
  mappings.forEach(({ containerName, resourceName, requestName }, i) => {
    const at = `${path}.requestMappings[${i}]`;
    const container = containers.get(containerName);
    if (!container)
      faults.push(
        invalid(
          `${at}.containerName`,
          containerName ?? '',
          'must match the name of an entry in spec.initContainers.name or spec.containers.name',
        ),
      );
    else if (container.resources?.requests?.[resourceName] === undefined) {
      faults.push(
        invalid(
          `${at}.resourceName`,
          resourceName ?? '',
          'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
        ),
      );
    }
    checkDnsLabel(faults, `${path}.requestName`, requestName ?? '');
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      faults.push(
        duplicate(`${at}.containerName`, containerName),
        duplicate(`${at}.resourceName`, resourceName),
        duplicate(`${at}.requestName`, requestName),
      );
    }
    seen.add(key);
  });
  if (!claim.resourceClaimName) faults.push(required(`${path}.resourceClaimName`));
  else checkObjectName(faults, `${path}.resourceClaimName`, claim.resourceClaimName);
}

function checkNodeAllocatable(faults: Faults, status: Readonly<PodStatus>, spec: Readonly<PodSpec>): void {
  status.nodeAllocatableResourceClaimStatuses?.forEach((claim, i) => {
    const at = `status.nodeAllocatableResourceClaimStatuses[${i}]`;
    const name = claim.resourceClaimName ?? '';
    if (name === '') faults.push(required(`${at}.resourceClaimName`, 'must not be empty'));
    const known = [...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])].some(
      (other) => other.resourceClaimName === name,
    );
    if (!known) faults.push(invalid(`${at}.resourceClaimName`, name, 'no mapping found in pod reference'));
    if (!claim.containers?.length) faults.push(required(`${at}.containers`, 'must not be empty'));
    const names = sortedKeys(claim.resources);
    if (names.length === 0) faults.push(required(`${at}.resources`, 'must not be empty'));
    for (const resource of names) {
      if (!isNative(resource))
        faults.push(invalid(`${at}.resources[${resource}]`, resource, 'must be a node allocatable resource name'));
      if (String(claim.resources![resource]).startsWith('-'))
        faults.push(invalid(`${at}.resources[${resource}]`, claim.resources![resource], 'must be non-negative'));
    }
  });
}

function checkAddresses(
  faults: Faults,
  field: 'podIPs' | 'hostIPs',
  type: string,
  status: Readonly<PodStatus>,
  stored: Readonly<PodStatus>,
): void {
  const entries = status[field] ?? [];
  const old = (stored[field] ?? []).map((entry) => entry.ip ?? '');
  entries.forEach((entry, i) => checkLegacyIp(faults, `status.${field}[${i}]`, entry.ip ?? '', old));
  if (entries.length < 2) return;
  const addresses = entries.map((entry) => entry.ip ?? '');
  const bad = addresses.findIndex((address) => isDualStack([address]) === undefined);
  if (bad >= 0)
    faults.push(
      internalFieldError(
        `status.${field}`,
        `failed to check for dual stack with error:invalid IP[${bad}]: ${addresses[bad]}`,
      ),
    );
  if (entries.length > 2 || isDualStack(addresses) !== true) {
    faults.push(
      invalid(
        `status.${field}`,
        entries.map((entry) => internalValue(type, entry)),
        'may specify no more than one IP for each IP family',
      ),
    );
  }
}

function checkUsers(faults: Faults, path: string, statuses: readonly ContainerStatus[], spec: Readonly<PodSpec>): void {
  statuses.forEach(({ user }, i) => {
    const linux = user?.linux;
    if (!linux) return;
    const at = `${path}[${i}].user.linux`;
    if (spec.os?.name === 'windows') {
      faults.push(forbidden(at, 'cannot be set for a windows pod'));
      return;
    }
    check(faults, `${at}.uid`, linux.uid, isUserId(linux.uid ?? 0));
    check(faults, `${at}.gid`, linux.gid, isUserId(linux.gid ?? 0));
    linux.supplementalGroups?.forEach((id, j) => check(faults, `${at}.supplementalGroups[${j}]`, id, isUserId(id)));
  });
}

function checkAllocated(
  faults: Faults,
  path: string,
  statuses: readonly ContainerStatus[],
  containers: PodSpec['containers'],
): void {
  statuses.forEach((status, i) => {
    const container = containers.find((c) => c.name === status.name);
    status.allocatedResourcesStatus?.forEach((allocated, j) => {
      const at = `${path}[${i}].allocatedResourcesStatus[${j}]`;
      const isClaim = allocated.name?.startsWith('claim:');
      const names = isClaim
        ? (container?.resources?.claims ?? []).map((c) => `claim:${c.name}${c.request ? `/${c.request}` : ''}`)
        : Object.keys(container?.resources?.requests ?? {});
      if (container && !names.includes(allocated.name)) {
        const detail = isClaim
          ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
          : "must match one of the container's resource requests";
        faults.push(invalid(`${at}.name`, allocated.name ?? '', detail));
      }
      const seen = new Set<string>();
      allocated.resources?.forEach((resource, k) => {
        const where = `${at}.resources[${k}]`;
        checkOneOf(faults, `${where}.health`, resource.health, ['Healthy', 'Unhealthy', 'Unknown']);
        if (resource.message === '') faults.push(required(`${where}.message`, 'must be non-empty if specified'));
        else if (resource.message !== undefined && Buffer.byteLength(resource.message) > 1024)
          faults.push(tooLong(`${where}.message`, 1024));
        if (seen.has(resource.resourceID)) faults.push(duplicate(`${where}.resourceID`, resource.resourceID));
        seen.add(resource.resourceID);
      });
    });
  });
}
