import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  ResourceRequirements,
} from '@nodeless/apimachinery/generated/types/core/v1';
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityMilliValue,
  quantitySign,
} from '@nodeless/apimachinery/quantity';
import { podLimits, podRequests, type ResourceList } from '@nodeless/apimachinery/resource-list';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from './admission.ts';
import { refuse } from './refuse.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** Fills a namespace's default requests and limits into pods, and refuses what is outside its ranges. */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  handles({ resource, subresource, operation, oldObject }) {
    if (resource.group !== '') return false;
    // Only creates are measured for pods: what they ask for does not change later, but by a resize.
    if (resource.resource === 'pods')
      return (subresource === '' && operation === 'CREATE') || (subresource === 'resize' && operation === 'UPDATE');
    return (
      resource.resource === 'persistentvolumeclaims' &&
      subresource === '' &&
      (operation === 'CREATE' || (operation === 'UPDATE' && !oldObject?.metadata?.deletionTimestamp))
    );
  },
  async admit(attributes, read) {
    if (attributes.resource.resource !== 'pods' || attributes.subresource !== '') return;
    for (const range of await ranges(attributes, read)) applyDefaults(range, attributes.object as UnknownObject & Pod);
  },
  async validate(attributes, read) {
    for (const range of await ranges(attributes, read)) {
      const errors =
        attributes.resource.resource === 'pods'
          ? podErrors(range, attributes.object as UnknownObject & Pod)
          : claimErrors(range, attributes.object as UnknownObject & PersistentVolumeClaim);
      if (errors.length > 0)
        throw refuse(attributes, errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`);
    }
  },
};

async function ranges({ namespace }: AdmissionAttributes, read: AdmissionReader): Promise<readonly LimitRange[]> {
  return (await read.list('', 'limitranges', namespace)) as readonly LimitRange[];
}

function applyDefaults(range: LimitRange, pod: Pod): void {
  const items = (range.spec?.limits ?? []).filter((item) => item.type === 'Container');
  const limits = Object.assign({}, ...items.map((item) => item.default)) as Record<string, string>;
  const requests = Object.assign({}, ...items.map((item) => item.defaultRequest)) as Record<string, string>;
  const notes: string[] = [];
  const fill = (container: Container, kind: string): void => {
    const resources: ResourceRequirements = (container.resources ??= {});
    const set = (side: 'requests' | 'limits', defaults: Record<string, string>): void => {
      const added = Object.keys(defaults)
        .filter((name) => resources[side]?.[name] === undefined)
        .toSorted();
      if (added.length === 0) return;
      resources[side] = {
        ...resources[side],
        ...Object.fromEntries(added.map((name) => [name, defaults[name] as string])),
      };
      notes.push(`${added.join(', ')} ${side === 'requests' ? 'request' : 'limit'} for ${kind} ${container.name}`);
    };
    set('requests', requests);
    set('limits', limits);
  };
  for (const container of pod.spec?.containers ?? []) fill(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container');
  if (notes.length === 0) return;
  pod.metadata ??= {};
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

function podErrors(range: LimitRange, pod: Pod): string[] {
  const errors: string[] = [];
  for (const item of range.spec?.limits ?? []) {
    if (item.type === 'Container') {
      for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
        errors.push(...check(item, container.resources?.requests ?? {}, container.resources?.limits ?? {}));
      }
    }
    if (item.type === 'Pod') errors.push(...check(item, podRequests(pod), podLimits(pod)));
  }
  return errors;
}

function claimErrors(range: LimitRange, claim: PersistentVolumeClaim): string[] {
  const requests = claim.spec?.resources?.requests ?? {};
  return (range.spec?.limits ?? [])
    .filter((item) => item.type === 'PersistentVolumeClaim')
    .flatMap((item) => [...minimum(item, requests, {}), ...maximumRequest(item, requests)]);
}

function check(item: LimitRangeItem, requests: ResourceList, limits: ResourceList): string[] {
  return [...minimum(item, requests, limits), ...maximum(item, requests, limits), ...ratio(item, requests, limits)];
}

const quantity = (list: ResourceList, name: string): Quantity | undefined =>
  list[name] === undefined ? undefined : parseQuantity(list[name]);

function minimum(item: LimitRangeItem, requests: ResourceList, limits: ResourceList): string[] {
  return Object.entries(item.min ?? {}).flatMap(([name, text]) => {
    const least = parseQuantity(text);
    const [request, limit] = [quantity(requests, name), quantity(limits, name)];
    if (!request)
      return [`minimum ${name} usage per ${item.type} is ${formatQuantity(least)}.  No request is specified`];
    if (compareQuantities(request, least) < 0)
      return [
        `minimum ${name} usage per ${item.type} is ${formatQuantity(least)}, but request is ${formatQuantity(request)}`,
      ];
    if (limit && compareQuantities(limit, least) < 0)
      return [
        `minimum ${name} usage per ${item.type} is ${formatQuantity(least)}, but limit is ${formatQuantity(limit)}`,
      ];
    return [];
  });
}

function maximum(item: LimitRangeItem, requests: ResourceList, limits: ResourceList): string[] {
  return Object.entries(item.max ?? {}).flatMap(([name, text]) => {
    const most = parseQuantity(text);
    const [request, limit] = [quantity(requests, name), quantity(limits, name)];
    if (!limit) return [`maximum ${name} usage per ${item.type} is ${formatQuantity(most)}.  No limit is specified`];
    if (compareQuantities(limit, most) > 0)
      return [
        `maximum ${name} usage per ${item.type} is ${formatQuantity(most)}, but limit is ${formatQuantity(limit)}`,
      ];
    if (request && compareQuantities(request, most) > 0)
      return [
        `maximum ${name} usage per ${item.type} is ${formatQuantity(most)}, but request is ${formatQuantity(request)}`,
      ];
    return [];
  });
}

/** Claims have no limits: what they ask for is what they get. */
function maximumRequest(item: LimitRangeItem, requests: ResourceList): string[] {
  return Object.entries(item.max ?? {}).flatMap(([name, text]) => {
    const most = parseQuantity(text);
    const request = quantity(requests, name);
    if (!request)
      return [`maximum ${name} usage per ${item.type} is ${formatQuantity(most)}.  No request is specified`];
    return compareQuantities(request, most) > 0
      ? [`maximum ${name} usage per ${item.type} is ${formatQuantity(most)}, but request is ${formatQuantity(request)}`]
      : [];
  });
}

function ratio(item: LimitRangeItem, requests: ResourceList, limits: ResourceList): string[] {
  return Object.entries(item.maxLimitRequestRatio ?? {}).flatMap(([name, text]) => {
    const most = parseQuantity(text);
    const [request, limit] = [quantity(requests, name), quantity(limits, name)];
    if (!request || quantitySign(request) === 0)
      return [
        `${name} max limit to request ratio per ${item.type} is ${formatQuantity(most)}, but no request is specified or request is 0`,
      ];
    if (!limit || quantitySign(limit) === 0)
      return [
        `${name} max limit to request ratio per ${item.type} is ${formatQuantity(most)}, but no limit is specified or limit is 0`,
      ];
    const observed = quantityMilliValue(limit) / quantityMilliValue(request);
    if (observed * 1000 > quantityMilliValue(most))
      return [
        `${name} max limit to request ratio per ${item.type} is ${formatQuantity(most)}, but provided ratio is ${observed.toFixed(6)}`,
      ];
    return [];
  });
}
