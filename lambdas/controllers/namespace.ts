import type { Namespace, NamespaceCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import type { List, ResourceType } from '@nodeless/client/client';
import { namespaces, pods } from '@nodeless/client/resource-types';
import { type Controller, type ReconcileContext, watchRule } from '@nodeless/controller-runtime/controller';
import { timestamp } from './time.ts';

/** What is left in a namespace of one resource. */
export interface Remaining {
  /** Resource and group: `pods.`, `deployments.apps` */
  readonly resource: string;
  readonly count: number;
  readonly finalizers: readonly string[];
}

/** Pods that go bring it back by themselves; for all else it looks again, soon while it is likely to be done soon. */
const retryMs = (age: number): number => (age < 30_000 ? 1_000 : 5_000);

/** The five conditions that tell why a namespace is still there; `deletionFailures` are errors met on the way. */
export function deletionConditions(
  known: readonly NamespaceCondition[] | undefined,
  remaining: readonly Remaining[],
  deletionFailures: readonly string[],
  now: number,
): NamespaceCondition[] {
  const left = remaining.filter((r) => r.count > 0);
  const finalizers = new Map<string, number>();
  for (const one of left) for (const name of one.finalizers) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  const content = left
    .map((r) => `${r.resource} has ${r.count} resource instances`)
    .toSorted()
    .join(', ');
  const waiting = [...finalizers]
    .map(([name, count]) => `${name} in ${count} resource instances`)
    .toSorted()
    .join(', ');
  const failures =
    deletionFailures.length > 0
      ? `Failed to delete all resource types, ${deletionFailures.length} remaining: ${deletionFailures.toSorted().join(', ')}`
      : '';
  const states: [string, string, string, string, string][] = [
    ['NamespaceDeletionDiscoveryFailure', '', 'ResourcesDiscovered', 'All resources successfully discovered', ''],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      '',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
      '',
    ],
    [
      'NamespaceDeletionContentFailure',
      'ContentDeletionFailed',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
      failures,
    ],
    [
      'NamespaceContentRemaining',
      'SomeResourcesRemain',
      'ContentRemoved',
      'All content successfully removed',
      content && `Some resources are remaining: ${content}`,
    ],
    [
      'NamespaceFinalizersRemaining',
      'SomeFinalizersRemain',
      'ContentHasNoFinalizers',
      'All content-preserving finalizers finished',
      waiting && `Some content in the namespace has finalizers remaining: ${waiting}`,
    ],
  ];
  return states.map(([type, badReason, goodReason, goodMessage, bad]) => {
    const status = bad ? 'True' : 'False';
    const before = known?.find((c) => c.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(now);
    return { type, status, lastTransitionTime, reason: bad ? badReason : goodReason, message: bad || goodMessage };
  });
}

export interface NamespacedResources {
  /** Every namespaced resource that can be listed and deleted, in one version each; may grow with custom resources. */
  (): readonly ResourceType<UnknownObject>[];
}

/** Empties a namespace that is being deleted, then takes its `kubernetes` finalizer away. */
export function createNamespaceController(namespacedResources: NamespacedResources): Controller {
  const reconcile: Controller['reconcile'] = async (request, context) => {
    const { cache, client, clock } = context;
    const namespace = await cache.get(namespaces, { name: request.name });
    if (!namespace?.metadata?.deletionTimestamp || !namespace.spec?.finalizers?.includes('kubernetes')) return;
    if (namespace.status?.phase !== 'Terminating') {
      await client.update(
        namespaces,
        { ...namespace, status: { ...namespace.status, phase: 'Terminating' } },
        { subresource: 'status' },
      );
      return { requeueAfterMs: 1 };
    }
    const { remaining, failures } = await deleteContent(request.name, namespacedResources(), context);
    const left = remaining.reduce((sum, r) => sum + r.count, 0);
    if (left === 0 && failures.length === 0) {
      const finalizers = namespace.spec.finalizers.filter((name) => name !== 'kubernetes');
      await client.update(
        namespaces,
        { ...namespace, spec: { ...namespace.spec, finalizers } },
        { subresource: 'finalize' },
      );
      return;
    }
    const conditions = deletionConditions(namespace.status.conditions, remaining, failures, clock.now());
    if (JSON.stringify(conditions) !== JSON.stringify(namespace.status.conditions)) {
      await client.update(namespaces, { ...namespace, status: { ...namespace.status, conditions } } as Namespace, {
        subresource: 'status',
      });
    }
    return { requeueAfterMs: retryMs(clock.now() - Date.parse(namespace.metadata.deletionTimestamp)) };
  };
  return {
    name: 'namespace-controller',
    watches: [
      watchRule({
        type: namespaces,
        requests: ({ object }) => (object.metadata?.deletionTimestamp ? [{ name: object.metadata.name ?? '' }] : []),
      }),
      watchRule({
        type: pods,
        async requests({ type, object }, lookup) {
          if (type !== 'deleted') return [];
          const name = object.metadata?.namespace ?? '';
          return (await lookup.get(namespaces, { name }))?.metadata?.deletionTimestamp ? [{ name }] : [];
        },
      }),
    ],
    reconcile,
  };
}

async function deleteContent(
  namespace: string,
  types: readonly ResourceType<UnknownObject>[],
  { client }: ReconcileContext,
): Promise<{ remaining: Remaining[]; failures: string[] }> {
  const failures: string[] = [];
  const remaining: Remaining[] = [];
  const empty = async (type: ResourceType<UnknownObject>): Promise<void> => {
    try {
      if ((await client.list(type, { namespace })).items.length === 0) return;
      await client.deleteCollection(type, { namespace }, { propagationPolicy: 'Background' });
      const left: List<KubernetesObject> = await client.list(type, { namespace });
      const finalizers = left.items.flatMap((item) => item.metadata?.finalizers ?? []);
      if (left.items.length > 0)
        remaining.push({ resource: `${type.resource}.${type.group}`, count: left.items.length, finalizers });
    } catch (error) {
      failures.push((error as Error).message);
    }
  };
  // Pods first, and nothing else before they are gone: they may need their policies, secrets and claims to the end (KEP-5080).
  const isPods = (type: ResourceType<UnknownObject>): boolean =>
    type.resource === pods.resource && type.group === pods.group;
  await Promise.all(types.filter(isPods).map(empty));
  if (remaining.length === 0 && failures.length === 0)
    await Promise.all(types.filter((type) => !isPods(type)).map(empty));
  return { remaining, failures };
}
