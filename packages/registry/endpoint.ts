import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type StructType, findType } from '@nodeless/apimachinery/schema';
import { ApiError } from '@nodeless/apimachinery/status';
import { completeStrategy } from './generic-strategy.ts';
import type { RequestScope } from './registry.ts';
import type { Conversion } from './resource.ts';
import type { ResourceTable, ServedResource, ServedSubresource, StorageLocation } from './resource-table.ts';
import type { KindStrategy, Strategy } from './strategy.ts';

/** A served resource with everything that a request needs looked up once. */
export interface Endpoint {
  readonly served: ServedResource;
  readonly strategy: KindStrategy;
  readonly storage: StorageLocation;
  readonly isStorageVersion: boolean;
  /** Of the served version; undefined for custom resources. */
  readonly type: StructType | undefined;
  readonly storageType: StructType | undefined;
  readonly conversion: Conversion | undefined;
  /** A new mutable object of the storage version; the argument is taken over. Defaults of the served version are filled first. */
  toStorage(object: UnknownObject): UnknownObject;
  /** The served version of a stored object: itself, or a new object that may share its frozen parts. */
  fromStorage(object: Readonly<UnknownObject>): UnknownObject;
  key(namespace: string, name: string): string;
  /** The endpoint of another served version of the same stored objects; itself for its own. */
  sibling(apiVersion: string): Endpoint | undefined;
}

/** Endpoints by resource; made on first use and again when the resource is replaced. */
export interface Endpoints {
  /** @throws ApiError 404 where nothing such is served. */
  served(group: string, version: string, resource: string): ServedResource;
  /** @throws ApiError 404, or 405 where the resource is not stored. */
  of(scope: Pick<RequestScope, 'group' | 'version' | 'resource'>): Endpoint;
  stored(group: string, resource: string): Endpoint;
}

export function createEndpoints(resources: ResourceTable): Endpoints {
  const made = new WeakMap<ServedResource, Endpoint>();
  const endpointOf = (served: ServedResource): Endpoint => {
    let endpoint = made.get(served);
    if (!endpoint) {
      if (!served.storage) throw methodNotAllowed();
      made.set(served, (endpoint = createEndpoint(served, served.storage, siblingOf)));
    }
    return endpoint;
  };
  const siblingOf = (prefix: string, apiVersion: string): Endpoint | undefined => {
    const other = resources.all().find((r) => r.apiVersion === apiVersion && r.storage?.prefix === prefix);
    return other && endpointOf(other);
  };
  const endpoints: Endpoints = {
    served(group, version, resource) {
      const served = resources.find(group, version, resource);
      if (!served) throw noSuchResource();
      return served;
    },
    of: (scope) => endpointOf(endpoints.served(scope.group, scope.version, scope.resource)),
    stored(group, resource) {
      const served = resources.findStored(group, resource);
      if (!served) throw noSuchResource();
      return endpointOf(served);
    },
  };
  return endpoints;
}

function createEndpoint(
  served: ServedResource,
  storage: StorageLocation,
  siblingOf: (prefix: string, apiVersion: string) => Endpoint | undefined,
): Endpoint {
  const isStorageVersion = served.group === storage.group && served.version === storage.version;
  const conversion = isStorageVersion
    ? undefined
    : served.definition.conversions?.[`${served.group}/${served.version}`];
  const endpoint: Endpoint = {
    served,
    strategy: completeStrategy(served),
    storage,
    isStorageVersion,
    type: findType(served.model),
    storageType: findType(storage.model),
    conversion,
    toStorage(object) {
      if (isStorageVersion) return object;
      conversion?.default?.(object);
      return conversion ? conversion.toStorage(object) : { ...object, apiVersion: storage.apiVersion };
    },
    fromStorage(object) {
      if (served.custom) return served.custom.restore(object);
      if (isStorageVersion) return object;
      // versions of equal shape differ by name only
      return conversion ? conversion.fromStorage(object) : { ...object, apiVersion: served.apiVersion };
    },
    key: (namespace, name) => `${storage.prefix}${served.namespaced ? namespace : ''}/${name}`,
    sibling: (apiVersion) => (apiVersion === served.apiVersion ? endpoint : siblingOf(storage.prefix, apiVersion)),
  };
  return endpoint;
}

/** A subresource that is another way to read and write its parent: /status, /finalize, /approval, /resize, … */
export function isDoor(served: ServedResource, subresource: ServedSubresource): boolean {
  return subresource.kind === served.kind && subresource.apiVersion === served.apiVersion && subresource.name !== 'log';
}

/** The strategy of the main resource or one of its doors. */
export function doorOf(endpoint: Endpoint, subresource: string): Strategy {
  if (subresource === '') return endpoint.strategy;
  const door = subresource === 'status' ? endpoint.strategy.status : endpoint.strategy.subresources?.[subresource];
  if (!door) throw noSuchResource();
  return door;
}

export function noSuchResource(): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  });
}

export function methodNotAllowed(): ApiError {
  return new ApiError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  });
}
