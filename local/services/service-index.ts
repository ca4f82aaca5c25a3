import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { InformerChange } from '@nodeless/client/informer';

/** What the index needs of an informer. */
export interface Source<T> {
  /** Called for what is there already, then for each change. Returns how to end it. */
  subscribe(listener: (change: InformerChange<T>) => void): () => void;
}

/** Services and their endpoint slices, found by what names and packets say. */
export interface ServiceIndex {
  services(): Iterable<Service>;
  service(namespace: string, name: string): Service | undefined;
  slicesOf(namespace: string, name: string): readonly EndpointSlice[];
  /** Services with this ClusterIP. */
  servicesAt(ip: string): readonly Service[];
  /** Slices with an endpoint of this address. */
  slicesAt(address: string): readonly EndpointSlice[];
  /** Whether any Service stands in the namespace. */
  hasServices(namespace: string): boolean;
  /** Calls back with `namespace/name` of each Service whose own state or endpoints changed. */
  onChange(listener: (service: string) => void): void;
  stop(): void;
}

const serviceNameLabel = 'kubernetes.io/service-name';

export function createServiceIndex(sources: {
  readonly services: Source<Service>;
  readonly slices: Source<EndpointSlice>;
}): ServiceIndex {
  const services = new Map<string, Service>();
  const byIp = createMultiMap<Service>();
  const byNamespace = createMultiMap<Service>();
  const slices = createMultiMap<EndpointSlice>();
  const byAddress = createMultiMap<EndpointSlice>();
  const listeners = new Set<(service: string) => void>();
  const changed = (service: string): void => {
    for (const listener of listeners) listener(service);
  };

  const ends = [
    sources.services.subscribe(({ type, object, previous }) => {
      const key = keyOf(object);
      for (const old of new Set([previous, services.get(key)])) {
        if (!old) continue;
        for (const ip of clusterIpsOf(old)) byIp.delete(ip, key);
        byNamespace.delete(old.metadata?.namespace ?? '', key);
      }
      if (type === 'deleted') {
        services.delete(key);
      } else {
        services.set(key, object);
        for (const ip of clusterIpsOf(object)) byIp.set(ip, key, object);
        byNamespace.set(object.metadata?.namespace ?? '', key, object);
      }
      changed(key);
    }),
    sources.slices.subscribe(({ type, object, previous }) => {
      const key = keyOf(object);
      if (previous) {
        slices.delete(ownerOf(previous), key);
        for (const address of addressesOf(previous)) byAddress.delete(address, key);
      }
      if (type === 'deleted') {
        slices.delete(ownerOf(object), key);
        for (const address of addressesOf(object)) byAddress.delete(address, key);
      } else {
        slices.set(ownerOf(object), key, object);
        for (const address of addressesOf(object)) byAddress.set(address, key, object);
      }
      changed(ownerOf(object));
      if (previous && ownerOf(previous) !== ownerOf(object)) changed(ownerOf(previous));
    }),
  ];

  return {
    services: () => services.values(),
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    slicesOf: (namespace, name) => slices.get(`${namespace}/${name}`),
    servicesAt: (ip) => byIp.get(ip),
    slicesAt: (address) => byAddress.get(address),
    hasServices: (namespace) => byNamespace.get(namespace).length > 0,
    onChange: (listener) => void listeners.add(listener),
    stop() {
      for (const end of ends) end();
      listeners.clear();
    },
  };
}

const keyOf = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
const ownerOf = ({ metadata }: EndpointSlice): string =>
  `${metadata?.namespace ?? ''}/${metadata?.labels?.[serviceNameLabel] ?? ''}`;
const addressesOf = (slice: EndpointSlice): string[] => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses);
const clusterIpsOf = ({ spec }: Service): readonly string[] =>
  spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];

interface MultiMap<T> {
  set(group: string, key: string, value: T): void;
  delete(group: string, key: string): void;
  get(group: string): readonly T[];
}

function createMultiMap<T>(): MultiMap<T> {
  const groups = new Map<string, Map<string, T>>();
  return {
    set(group, key, value) {
      let found = groups.get(group);
      if (!found) {
        found = new Map();
        groups.set(group, found);
      }
      found.set(key, value);
    },
    delete(group, key) {
      const found = groups.get(group);
      found?.delete(key);
      if (found?.size === 0) groups.delete(group);
    },
    get: (group) => [...(groups.get(group)?.values() ?? [])],
  };
}
