import type { Pod, ResourceQuota } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantitySign,
  subtractQuantities,
  zeroQuantity,
} from '@nodeless/apimachinery/quantity';
import { inScope } from './scopes.ts';
import { type Usage, usageOf } from './usage.ts';

export interface ChargeRequest {
  readonly group: string;
  readonly resource: string;
  readonly object: Readonly<UnknownObject>;
  /** Of an update: its usage is given back. */
  readonly old: Readonly<UnknownObject> | undefined;
}

export type Charge = { readonly used: Readonly<Record<string, string>> } | { readonly refusal: string } | undefined;

/** Names of `usage` that the quota limits: by its status, which its controller copies from the spec. */
const limited = (quota: Readonly<ResourceQuota>, usage: Usage): string[] =>
  Object.keys(quota.status?.hard ?? {}).filter((name) => Object.hasOwn(usage, name));

/**
 * What the quota's status.used becomes with this write; why it is refused; undefined where the quota has nothing to do
 * with it. A write that uses no more than before is never refused.
 */
export function charge(quota: Readonly<ResourceQuota>, { group, resource, object, old }: ChargeRequest): Charge {
  if (!inScope(quota, group, resource, object)) return undefined;
  const hard = quota.status?.hard ?? {};
  const missing =
    group === '' && resource === 'pods' && !old ? missingRequirements(Object.keys(hard), object as Pod) : '';
  if (missing) return { refusal: `failed quota: ${quota.metadata?.name}: must specify ${missing}` };
  const wanted = usageOf(group, resource, object);
  const unknown = limited(quota, wanted).filter((name) => quota.status?.used?.[name] === undefined);
  if (unknown.length > 0)
    return { refusal: `status unknown for quota: ${quota.metadata?.name}, resources: ${unknown.toSorted().join(',')}` };
  const before = old && inScope(quota, group, resource, old) ? usageOf(group, resource, old) : {};
  const used: Record<string, string> = Object.fromEntries(
    Object.entries(quota.status?.used ?? {}).map(([name, value]) => [name, String(value)]),
  );
  const exceeded: string[] = [];
  const deltas: Record<string, string> = {};
  for (const name of limited(quota, wanted)) {
    const delta = subtractQuantities(
      parseQuantity(wanted[name] as string),
      before[name] === undefined ? zeroQuantity : parseQuantity(before[name]),
    );
    if (quantitySign(delta) === 0) continue;
    deltas[name] = formatQuantity(delta);
    const total = addQuantities(parseQuantity(used[name] ?? '0'), delta);
    if (quantitySign(delta) > 0 && compareQuantities(total, parseQuantity(hard[name] ?? '0')) > 0) exceeded.push(name);
    else used[name] = formatQuantity(total);
  }
  if (exceeded.length > 0) {
    const list = (values: Readonly<Record<string, string | number>>): string =>
      exceeded
        .toSorted()
        .map((name) => `${name}=${values[name] ?? '0'}`)
        .join(',');
    return {
      refusal: `exceeded quota: ${quota.metadata?.name}, requested: ${list(deltas)}, used: ${list(quota.status?.used ?? {})}, limited: ${list(hard)}`,
    };
  }
  return Object.keys(deltas).length === 0 ? undefined : { used };
}

/** A quota on CPU or memory makes every container say how much it needs: `cpu for: a,b; memory for: a`. */
function missingRequirements(names: readonly string[], pod: Pod): string {
  const required = names
    .filter((name) =>
      ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'].includes(name),
    )
    .toSorted();
  const parts: string[] = [];
  for (const name of required) {
    const side = name.startsWith('limits.') ? 'limits' : 'requests';
    const plain = name.replace(/^(requests|limits)\./, '');
    if (pod.spec?.resources?.[side]?.[plain] !== undefined) continue;
    const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].filter(
      (c) => c.resources?.[side]?.[plain] === undefined,
    );
    if (containers.length > 0)
      parts.push(
        `${name} for: ${containers
          .map((c) => c.name)
          .toSorted()
          .join(',')}`,
      );
  }
  return parts.join('; ');
}

/** The sum over objects of what the quota limits: status.used as it should be. Every limited name is present. */
export function totalUsage(
  quota: Readonly<ResourceQuota>,
  objects: Iterable<{ group: string; resource: string; object: Readonly<UnknownObject> }>,
): Record<string, string> {
  const names = Object.keys(quota.spec?.hard ?? {});
  const sums = new Map(names.map((name) => [name, zeroQuantity]));
  for (const { group, resource, object } of objects) {
    if (!inScope(quota, group, resource, object)) continue;
    const usage = usageOf(group, resource, object);
    for (const name of names) {
      const value = Object.hasOwn(usage, name) ? usage[name] : undefined;
      if (value !== undefined) sums.set(name, addQuantities(sums.get(name) ?? zeroQuantity, parseQuantity(value)));
    }
  }
  return Object.fromEntries([...sums].map(([name, sum]) => [name, formatQuantity(sum)]));
}
