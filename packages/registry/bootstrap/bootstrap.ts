/** What every cluster holds from its first moment on: made at start where it is missing, left alone where it is there. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { isAlreadyExists } from '@nodeless/apimachinery/status';
import type { Client, ResourceType } from '@nodeless/client/client';
import { flowSchemas, priorityLevels } from './flow-control.ts';

export interface BootstrapOptions {
  /** The range that ClusterIPs come from, as `10.96.0.0/16`. */
  readonly serviceCidr: string;
  /** Objects that only some clusters have. */
  readonly more?: readonly { readonly type: ResourceType<UnknownObject>; readonly object: UnknownObject }[];
}

const type = (group: string, resource: string, kind: string, namespaced = false): ResourceType<UnknownObject> => ({
  group,
  version: 'v1',
  resource,
  kind,
  namespaced,
});

export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Upstream's two PriorityClasses; their names and values are reserved. */
const priorityClasses: UnknownObject[] = [
  [
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ],
  [
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ],
].map(([name, value, description]) => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: name as string },
  value,
  description,
}));

/** In the order in which they must be made. */
export function bootstrapObjects(
  options: BootstrapOptions,
): { type: ResourceType<UnknownObject>; object: UnknownObject }[] {
  return [
    ...systemNamespaces.map((name) => ({
      type: type('', 'namespaces', 'Namespace'),
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    })),
    ...priorityClasses.map((object) => ({
      type: type('scheduling.k8s.io', 'priorityclasses', 'PriorityClass'),
      object,
    })),
    ...priorityLevels().map((object) => ({
      type: type('flowcontrol.apiserver.k8s.io', 'prioritylevelconfigurations', 'PriorityLevelConfiguration'),
      object,
    })),
    ...flowSchemas().map((object) => ({
      type: type('flowcontrol.apiserver.k8s.io', 'flowschemas', 'FlowSchema'),
      object,
    })),
    {
      type: type('networking.k8s.io', 'servicecidrs', 'ServiceCIDR'),
      object: {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name: 'kubernetes' },
        spec: { cidrs: [options.serviceCidr] },
      },
    },
    ...(options.more ?? []),
  ];
}

/** Idempotent; concurrent starts are harmless. */
export async function ensureBootstrap(client: Client, options: BootstrapOptions): Promise<void> {
  const objects = bootstrapObjects(options);
  const existing = new Map<ResourceType<UnknownObject>['resource'], Set<string>>();
  for (const { type: one } of objects) {
    if (existing.has(one.resource)) continue;
    const { items } = await client.list(one);
    existing.set(one.resource, new Set(items.map((item) => item.metadata?.name ?? '')));
  }
  // Namespaces first, the rest at once: they share a group commit.
  const missing = objects.filter(
    ({ type: one, object }) => !existing.get(one.resource)?.has(object.metadata?.name ?? ''),
  );
  const make = async ({ type: one, object }: (typeof objects)[number]): Promise<void> => {
    try {
      await client.create(one, object);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };
  for (const one of missing.filter(({ type: t }) => t.resource === 'namespaces')) await make(one);
  await Promise.all(missing.filter(({ type: t }) => t.resource !== 'namespaces').map(make));
}
