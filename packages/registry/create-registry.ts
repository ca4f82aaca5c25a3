import type { Clock } from '@nodeless/component-base/clock';
import type { Store } from '@nodeless/store/store';
import type { AdmissionPlugin } from './admission/admission.ts';
import { createAdmissionChain } from './admission-chain.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import { connect } from './connect.ts';
import { type RegistryCore, createReader } from './core.ts';
import { create } from './create.ts';
import { remove, removeCollection } from './delete.ts';
import { warnOfDeprecation } from './deprecations.ts';
import { createEndpoints, isDoor, methodNotAllowed, noSuchResource } from './endpoint.ts';
import { createKeyTurns } from './key-turns.ts';
import { checkWatchOptions } from './options-validation.ts';
import { patch } from './patch.ts';
import { get, list } from './read.ts';
import type { Registry, RequestScope } from './registry.ts';
import type { ResourceTable } from './resource-table.ts';
import { selectionOf } from './selection.ts';
import { createLegacyBinding } from './subresources/binding.ts';
import { type SubresourceHandler, type TokenIssuer, createSubresources } from './subresources/subresources.ts';
import { update } from './update.ts';
import { type VirtualEndpoint, type VirtualResource, virtualResource } from './virtual-resources.ts';
import { createWatchEvents } from './watch-events.ts';
import { startWatch } from './watch.ts';

export interface RegistryOptions {
  readonly store: Store;
  readonly resources: ResourceTable;
  /** In upstream's order. Read at each request, so plugins may be added later. */
  readonly admission: readonly AdmissionPlugin[];
  /** Asked only for what a request implies: PUT and apply that create. */
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  /** serviceaccounts/token. Absent: the subresource answers 404. */
  readonly tokens?: TokenIssuer;
  /** Resources that are not stored, by `<group>/<resource>`: `authentication.k8s.io/tokenreviews`, `/componentstatuses`. */
  readonly virtual?: Readonly<Record<string, VirtualResource>>;
}

export function createRegistry(options: RegistryOptions): Registry {
  const { store, resources, clock, virtual = {} } = options;
  const endpoints = createEndpoints(resources);
  const reader = createReader(store, endpoints);
  const core: RegistryCore = {
    store,
    endpoints,
    admission: createAdmissionChain(options.admission, reader),
    authorizer: options.authorizer,
    clock,
    reader,
    turns: createKeyTurns(),
  };
  const subresources = createSubresources(core, options.tokens);
  const events = createWatchEvents();
  const open = new Set<{ end(): void }>();

  /** The handler of a subresource with a kind of its own; undefined for the resource itself and its doors. */
  const handlerOf = (scope: RequestScope): SubresourceHandler | undefined => {
    if (scope.subresource === '') return undefined;
    const served = endpoints.served(scope.group, scope.version, scope.resource);
    const subresource = served.subresources.get(scope.subresource);
    if (!subresource) throw noSuchResource();
    if (isDoor(served, subresource)) return undefined;
    const handler = subresources.get(scope.subresource);
    if (!handler) throw methodNotAllowed();
    return handler;
  };
  const virtualOf = (scope: RequestScope): VirtualEndpoint | undefined =>
    virtualResource(endpoints, virtual, scope, () => clock.now());

  /** One request: what it looks at more than once need be read once. */
  const during = <T>(work: () => Promise<T>): Promise<T> => store.during?.(work) ?? work();

  return {
    resources,
    reader,
    async get(scope, getOptions) {
      warnOfDeprecation(scope);
      const handler = handlerOf(scope);
      if (handler) return handler.get ? handler.get(scope) : Promise.reject(methodNotAllowed());
      const made = virtualOf(scope);
      return made ? made.get() : get(core, scope, getOptions);
    },
    async list(scope, listOptions) {
      warnOfDeprecation(scope);
      const made = virtualOf(scope);
      return made ? made.list() : list(core, scope, listOptions);
    },
    async watch(scope, watchOptions, sink) {
      warnOfDeprecation(scope);
      const endpoint = endpoints.of(scope);
      const selection = selectionOf(endpoint, scope, watchOptions);
      checkWatchOptions(watchOptions);
      return startWatch({ store, clock, events, open }, endpoint, selection, watchOptions, sink);
    },
    create: (scope, body) =>
      during(async () => {
        warnOfDeprecation(scope);
        const handler = handlerOf(scope);
        if (handler) return handler.create ? handler.create(scope, body) : Promise.reject(methodNotAllowed());
        if (scope.resource === 'bindings' && scope.group === '')
          return createLegacyBinding(core, subresources.get('binding')!, scope, body);
        const made = virtualOf(scope);
        return made ? made.create(body) : create(core, scope, body);
      }),
    update: (scope, body) =>
      during(async () => {
        warnOfDeprecation(scope);
        const handler = handlerOf(scope);
        if (handler) return handler.update ? handler.update(scope, body) : Promise.reject(methodNotAllowed());
        return update(core, scope, body);
      }),
    patch: (scope, body, patchOptions) =>
      during(async () => {
        warnOfDeprecation(scope);
        const handler = handlerOf(scope);
        if (handler)
          return handler.patch ? handler.patch(scope, body, patchOptions) : Promise.reject(methodNotAllowed());
        return patch(core, scope, body, patchOptions);
      }),
    delete: (scope, deleteOptions) =>
      during(async () => {
        warnOfDeprecation(scope);
        return remove(core, scope, deleteOptions);
      }),
    async deleteCollection(scope, listOptions, deleteOptions) {
      warnOfDeprecation(scope);
      return removeCollection(core, scope, listOptions, deleteOptions);
    },
    connect: (scope, connectOptions) => connect(core, scope, connectOptions),
    close() {
      for (const session of Array.from(open)) session.end();
    },
  };
}
