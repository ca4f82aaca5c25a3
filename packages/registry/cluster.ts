/**
 * The registry of one cluster with what decides for it (what is served, who may do what), over a store. Every component of the
 * control plane that reaches the cluster without HTTP is made of this: the API server, and the functions that act in process.
 */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { Client, ResourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { Store } from '@nodeless/store/store';
import { admissionPlugins } from './admission/plugins.ts';
import type { AdmissionPlugin } from './admission/admission.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import { rbacGroup } from './authorization/bootstrap-policy.ts';
import { createEscalationCheck } from './authorization/escalation.ts';
import { createNodeAuthorizer } from './authorization/node-authorizer.ts';
import { createRbacAuthorizer } from './authorization/rbac-authorizer.ts';
import { feedRbacIndex } from './authorization/rbac-feed.ts';
import { createRbacIndex, rbacResources } from './authorization/rbac-index.ts';
import { privilegedAuthorizer, unionAuthorizer } from './authorization/union-authorizer.ts';
import { createRegistry } from './create-registry.ts';
import { feedDefinitions } from './custom-resources/definitions-feed.ts';
import { createInlineClient } from './inline-client.ts';
import type { Registry } from './registry.ts';
import { type ResourceTable, createResourceTable } from './resource-table.ts';
import { kinds } from './resources/index.ts';
import { objectOf } from './stored-value.ts';
import type { UserInfo } from './strategy.ts';
import type { TokenIssuer } from './subresources/subresources.ts';
import type { VirtualResource } from './virtual-resources.ts';

export interface ClusterRegistryOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Group-versions beyond the default ones, as --runtime-config names them: `resource.k8s.io/v1beta1`. */
  readonly runtimeConfig?: ReadonlySet<string>;
  /** serviceaccounts/token. Absent: the subresource answers 404. */
  readonly tokens?: TokenIssuer;
  /** Resources that are not stored, made with what decides for the cluster. */
  readonly virtual?: (deps: { readonly authorizer: Required<Authorizer> }) => Readonly<Record<string, VirtualResource>>;
  /** Beyond the built-in ones, before the last of them. */
  readonly admission?: readonly AdmissionPlugin[];
  /** Told after each change of what is served. */
  readonly onServedChange?: (resources: ResourceTable) => void;
}

export interface ClusterRegistry {
  readonly registry: Registry;
  readonly resources: ResourceTable;
  readonly authorizer: Required<Authorizer>;
  /** A client that acts as this user, through authorization and admission but not over HTTP. */
  clientFor(user: UserInfo, fieldManager: string): Client;
  /**
   * Stored resources that can be listed, watched and deleted, one version each, events left out. Grows and shrinks with custom
   * resources, and is the same array until it does.
   */
  readonly resourceTypes: readonly ResourceType<UnknownObject>[];
  /**
   * Brings what is known of roles, bindings and definitions up to the store's state at this call: for processes that were
   * asleep. Costs one look at the end of each type's log.
   */
  refresh(): Promise<void>;
  close(): void;
}

/** Types that every process follows from its start, and `refresh` brings up to date. */
export const followedTypes: readonly string[] = [
  ...rbacResources.map((resource) => `${rbacGroup}/${resource}/`),
  'apiextensions.k8s.io/customresourcedefinitions/',
];

/** Resolves when it knows what the store holds of roles, bindings and definitions. */
export async function createClusterRegistry(options: ClusterRegistryOptions): Promise<ClusterRegistry> {
  const { store, clock, runtimeConfig, onServedChange = () => {} } = options;
  const resources = createResourceTable({
    kinds,
    serves: (group, version, byDefault) =>
      byDefault || runtimeConfig?.has(group === '' ? version : `${group}/${version}`) === true,
  });
  const index = createRbacIndex();
  const feed = feedRbacIndex(store, index, objectOf);
  const definitions = feedDefinitions({ store, resources, objectOf, onChange: () => onServedChange(resources) });
  const nodeAuthorizer = createNodeAuthorizer({
    async podsOnNode(nodeName) {
      const { entries } = await store.list({ prefix: '/pods/', trigger: nodeName });
      return entries.map((entry) => objectOf(entry.value) as Pod);
    },
    async volumeOfClaim(namespace, name) {
      const claim = await registry.reader.get('', 'persistentvolumeclaims', namespace, name);
      return (claim?.['spec'] as { volumeName?: string } | undefined)?.volumeName ?? '';
    },
  });
  const authorizer = unionAuthorizer([privilegedAuthorizer, nodeAuthorizer, createRbacAuthorizer(index)]);
  const registry = createRegistry({
    store,
    resources,
    admission: [...admissionPlugins, ...(options.admission ?? []), createEscalationCheck({ index, authorizer })],
    authorizer,
    clock,
    tokens: options.tokens,
    virtual: options.virtual?.({ authorizer }),
  });
  await Promise.all([feed.ready, definitions.ready]);
  let types:
    | { readonly of: ReturnType<ResourceTable['all']>; readonly made: ResourceType<UnknownObject>[] }
    | undefined;
  return {
    registry,
    resources,
    authorizer,
    clientFor: (user, fieldManager) => createInlineClient({ registry, authorizer, user, fieldManager }),
    get resourceTypes() {
      const all = resources.all();
      if (types?.of !== all) types = { of: all, made: collectable(all) };
      return types.made;
    },
    async refresh() {
      // Reading a type's revision delivers what was missed to its watchers first.
      await Promise.all(followedTypes.map((type) => store.revision(type)));
      // After a sleep that the history did not outlast, the watches have ended.
      await Promise.all([feed.caughtUp(), definitions.caughtUp()]);
    },
    close() {
      feed.stop();
      definitions.stop();
      registry.close();
    },
  };
}

function collectable(served: ReturnType<ResourceTable['all']>): ResourceType<UnknownObject>[] {
  const seen = new Set<string>();
  return served
    .filter(({ storage, verbs, resource }) => {
      if (
        !storage ||
        resource === 'events' ||
        !['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) ||
        seen.has(storage.prefix)
      )
        return false;
      return seen.add(storage.prefix);
    })
    .map(({ group, version, resource, kind, namespaced }) => ({ group, version, resource, kind, namespaced }));
}
