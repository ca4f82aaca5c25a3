import { setOwn } from '../decode/copy-json.ts';
import type { ListNode, MapNode, TypedNode } from './typed-schema.ts';
import { asList, asMap, isEmptyMap, itemElement, sortOf } from './typed-value.ts';

/**
 * Lays an applied configuration over the live object. Nothing is removed here; where both have a leaf, the
 * configuration's counts. Parts that the configuration does not touch are the live object's own.
 * Undefined means that a side does not have the value.
 */
export function mergeTyped(node: TypedNode, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  const sort = sortOf(node, config);
  if (sort === 'map') {
    const map = node.map as MapNode;
    const left = asMap(live);
    const right = asMap(config);
    if (map.atomic || (isEmptyMap(left) && isEmptyMap(right))) return config;
    return mergeMaps(map, left ?? {}, right ?? {});
  }
  if (sort === 'list') {
    const list = node.list as ListNode;
    const left = asList(live) ?? [];
    const right = asList(config) ?? [];
    if (list.atomic || (left.length === 0 && right.length === 0)) return config;
    return mergeLists(list, left, right);
  }
  return config;
}

function mergeMaps(
  map: MapNode,
  live: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): unknown {
  const out: Record<string, unknown> = {};
  let size = 0;
  const visit = (key: string, left: unknown, right: unknown): void => {
    const node = map.fields.get(key)?.node ?? map.element;
    const value = node === undefined ? left : mergeTyped(node, left, right);
    if (value === undefined) return;
    setOwn(out, key, value);
    size++;
  };
  for (const key of Object.keys(live)) visit(key, live[key], Object.hasOwn(config, key) ? config[key] : undefined);
  for (const key of Object.keys(config)) if (!Object.hasOwn(live, key)) visit(key, undefined, config[key]);
  return size === 0 ? undefined : out;
}

/**
 * Items of both sides, each once. The order of the configuration is kept for its items, that of the live list for the
 * others; live items stand where they stood among the items both have.
 */
function mergeLists(list: ListNode, live: readonly unknown[], config: readonly unknown[]): unknown {
  const right = config.map((item) => itemElement(list, item));
  const left = live.map((item) => itemElement(list, item));
  const configItems = new Map(right.map((element, i) => [element, config[i]]));
  const liveItems = new Map<string, unknown>();
  // items that are there twice are not merged but replaced
  left.forEach((element, i) => liveItems.set(element, liveItems.has(element) ? null : live[i]));

  const shared = right.filter((element) => liveItems.has(element));
  let nextShared = shared.shift();
  const merged = new Set<string>();
  const out: unknown[] = [];
  const take = (element: string, liveItem: unknown, configItem: unknown): void => {
    const value = mergeTyped(list.items, liveItem, configItem);
    if (value !== undefined) out.push(value);
  };

  for (let l = 0, r = 0; l < left.length || r < right.length;) {
    const leftElement = left[l];
    const rightElement = right[r];
    if (leftElement !== undefined && rightElement !== undefined) {
      if (leftElement === rightElement) {
        merged.add(leftElement);
        take(leftElement, liveItems.get(leftElement), configItems.get(leftElement));
        l++;
        r++;
        nextShared = shared.shift();
        continue;
      }
      if (configItems.has(leftElement) && nextShared !== undefined && nextShared !== leftElement) {
        // shared, but not the one whose turn it is
        l++;
        continue;
      }
    }
    if (leftElement !== undefined) {
      if (!configItems.has(leftElement)) {
        take(leftElement, live[l], undefined);
        l++;
        continue;
      }
      if (merged.has(leftElement)) l++;
    }
    if (rightElement !== undefined) {
      merged.add(rightElement);
      take(rightElement, liveItems.get(rightElement), configItems.get(rightElement));
      r++;
      if (nextShared === rightElement) nextShared = shared.shift();
    }
  }
  return out.length === 0 ? undefined : out;
}
