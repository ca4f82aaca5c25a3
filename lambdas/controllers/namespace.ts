import type { Namespace, NamespaceCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import type { List, ResourceType } from '@nodeless/client/client';
import { namespaces, pods } from '@nodeless/client/resource-types';
import { type Controller, type ReconcileContext, watchRule } from '@nodeless/controller-runtime/controller';
import { timestamp } from './time.ts';

/** What is left in a namespace of one resource. */
export interface Remaining {
  /** `pods`, `deployments.apps` */
  readonly resource: string;
  readonly count: number;
  readonly finalizers: readonly string[];
}

/** Upstream's estimate of the longest grace among the pods that are left, so that it looks again when they should be gone. */
const retryMs = 1_000;

/** The five conditions that tell why a namespace is still there; `deletionFailures` are errors met on the way. */
export function deletionConditions(known: readonly NamespaceCondition[] | undefined, remaining: readonly Remaining[], deletionFailures: readonly string[], now: number): NamespaceCondition[] {
  const left = remaining.filter((r) => r.count > 0).toSorted((a, b) => a.resource.localeCompare(b.resource));
  const finalizers = new Map<string, number>();
  for (const one of left) for (const name of one.finalizers) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  const content = left.map((r) => `${r.resource} has ${r.count} resource instances`).join(', ');
  const waiting = [...finalizers].toSorted().map(([name, count]) => `${name} in ${count} resource instances`).join(', ');
  const states: [string, string, string, string, string][] = [
    ['NamespaceDeletionDiscoveryFailure', '', 'ResourcesDiscovered', 'All resources successfully discovered', ''],
    ['NamespaceDeletionGroupVersionParsingFailure', '', 'ParsedGroupVersions', 'All legacy kube types successfully parsed', ''],
    ['NamespaceDeletionContentFailure', 'ContentDeletionFailed', 'ContentDeleted', deletionFailures.length > 0 ? 'All content successfully deleted' : left.length > 0 ? 'All content successfully deleted, may be waiting on finalization' : 'All content successfully deleted', deletionFailures.join(', ')],
    ['NamespaceContentRemaining', 'SomeResourcesRemain', 'ContentRemoved', 'All content successfully removed', content && `Some resources are remaining: ${content}`],
    ['NamespaceFinalizersRemaining', 'SomeFinalizersRemain', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished', waiting && `Some content in the namespace has finalizers remaining: ${waiting}`],
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
      await client.update(namespaces, { ...namespace, status: { ...namespace.status, phase: 'Terminating' } }, { subresource: 'status' });
      return { requeueAfterMs: 1 };
    }
    const { remaining, failures } = await deleteContent(request.name, namespacedResources(), context);
    const left = remaining.reduce((sum, r) => sum + r.count, 0);
    if (left === 0 && failures.length === 0) {
      const finalizers = namespace.spec.finalizers.filter((name) => name !== 'kubernetes');
      await client.update(namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' });
      return;
    }
    const conditions = deletionConditions(namespace.status.conditions, remaining, failures, clock.now());
    if (JSON.stringify(conditions) !== JSON.stringify(namespace.status.conditions)) {
      await client.update(namespaces, { ...namespace, status: { ...namespace.status, conditions } } as Namespace, { subresource: 'status' });
    }
    return { requeueAfterMs: retryMs };
  };
  return {
    name: 'namespace-controller',
    watches: [watchRule({ type: namespaces, requests: ({ object }) => (object.metadata?.deletionTimestamp ? [{ name: object.metadata.name ?? '' }] : []) })],
    reconcile,
  };
}

async function deleteContent(namespace: string, types: readonly ResourceType<UnknownObject>[], context: ReconcileContext): Promise<{ remaining: Remaining[]; failures: string[] }> {
  const failures: string[] = [];
  const remaining: Remaining[] = [];
  const empty = async (type: ResourceType<UnknownObject>): Promise<void> => {
    try {
      if ((await context.client.list(type, { namespace })).items.length === 0) return;
      await context.client.deleteCollection(type, { namespace }, { propagationPolicy: 'Background' });
      const left: List<KubernetesObject> = await context.client.list(type, { namespace });
      const finalizers = left.items.flatMap((item) => item.metadata?.finalizers ?? []);
      remaining.push({ resource: type.group ? `${type.resource}.${type.group}` : type.resource, count: left.items.length, finalizers });
    } catch (error) {
      failures.push((error as Error).message);
    }
  };
  // Pods last, as upstream orders it by their grace: what makes pods is gone before they are.
  await Promise.all(types.filter((type) => type.resource !== pods.resource || type.group !== '').map(empty));
  await Promise.all(types.filter((type) => type.resource === pods.resource && type.group === '').map(empty));
  return { remaining, failures };
}
