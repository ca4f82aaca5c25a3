import { findType } from '@nodeless/apimachinery/schema';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { notFound } from '@nodeless/apimachinery/status';
import { decodeBody } from './body-decoder.ts';
import { ObjectEncoded, listOf } from './encoded.ts';
import { type Endpoints, methodNotAllowed } from './endpoint.ts';
import { trackPosted } from './managed-fields.ts';
import { matchNamespace, metadataOf, wipeSystemFields } from './object-meta.ts';
import { checkWriteOptions } from './options-validation.ts';
import type { Encoded, List, RequestBody, RequestScope, WriteResult } from './registry.ts';

/** A resource that is computed and not stored: reviews answer what is posted, component statuses are made when read. */
export interface VirtualResource {
  /** The answer to a posted object, of the same kind. The object is the handler's to change. */
  create?(object: UnknownObject, scope: RequestScope): UnknownObject | Promise<UnknownObject>;
  get?(name: string, scope: RequestScope): UnknownObject | undefined | Promise<UnknownObject | undefined>;
  list?(scope: RequestScope): readonly UnknownObject[] | Promise<readonly UnknownObject[]>;
}

/** A virtual resource as the registry answers for it. */
export interface VirtualEndpoint {
  create(body: RequestBody): Promise<WriteResult>;
  get(): Promise<Encoded>;
  list(): Promise<List>;
}

/** undefined where the resource is stored. */
export function virtualResource(
  endpoints: Endpoints,
  handlers: Readonly<Record<string, VirtualResource>>,
  scope: RequestScope,
  now: () => number,
): VirtualEndpoint | undefined {
  const served = endpoints.served(scope.group, scope.version, scope.resource);
  if (served.storage) return undefined;
  const handler = Object.hasOwn(handlers, `${scope.group}/${scope.resource}`)
    ? handlers[`${scope.group}/${scope.resource}`]
    : undefined;
  const type = findType(served.model);
  const encoded = (object: UnknownObject): Encoded =>
    new ObjectEncoded({ ...object, kind: served.kind, apiVersion: served.apiVersion }, type);
  return {
    async create(body) {
      checkWriteOptions('CreateOptions', scope);
      const fieldValidation = (scope.fieldValidation || 'Warn') as 'Ignore' | 'Warn' | 'Strict';
      const object = decodeBody(body, served, { fieldValidation, warn: (text) => scope.warn(text) });
      if (!handler?.create) throw methodNotAllowed();
      const metadata = metadataOf(object);
      wipeSystemFields(metadata);
      matchNamespace(metadata, served.namespaced, scope.namespace);
      trackPosted(object, served, scope, now());
      return { code: 201, result: encoded(await handler.create(object, scope)) };
    },
    async get() {
      const object = await handler?.get?.(scope.name, scope);
      if (!object) throw notFound(scope, scope.name);
      return encoded(object);
    },
    async list() {
      if (!handler?.list) throw methodNotAllowed();
      const items = (await handler.list(scope)).map(encoded);
      return listOf({ served, type }, { resourceVersion: '' }, items);
    },
  };
}
