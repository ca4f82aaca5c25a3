import { withCondition } from '@nodeless/apimachinery/conditions';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type ResourceType, resourceType } from '@nodeless/client/client';
import {
  type Controller,
  type ReconcileContext,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { planStatus } from '@nodeless/registry/custom-resources/accept-names';
import { cleanupFinalizer } from '@nodeless/registry/definition-deletion';
import { timestamp } from './time.ts';

export const customResourceDefinitions = resourceType<CustomResourceDefinition>(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
);

const retryMs = 1_000;

/** Accepts the names of definitions, and deletes the objects of one before it goes itself. */
export const customResourceDefinitionController: Controller = {
  name: 'crd-controller',
  // within kube-apiserver upstream
  actsAs: 'apiserver',
  // names are given out one after the other
  concurrency: 1,
  watches: [
    watchRule({
      type: customResourceDefinitions,
      async requests({ object, type }, lookup) {
        // names that become free may be what others wait for
        const concerned =
          type === 'deleted'
            ? (await lookup.list(customResourceDefinitions)).filter((other) => other.spec.group === object.spec.group)
            : [object];
        return concerned.map(({ metadata }) => ({ name: metadata?.name ?? '' }));
      },
    }),
  ],
  async reconcile(request, context): Promise<Result | void> {
    const definition = await context.cache.get(customResourceDefinitions, { name: request.name });
    if (!definition) return;
    if (definition.metadata?.deletionTimestamp) return finalize(definition, context);
    const status = planStatus(
      definition,
      await context.cache.list(customResourceDefinitions),
      timestamp(context.clock.now()),
    );
    if (deepEqual(status, definition.status)) return;
    await context.client.update(customResourceDefinitions, { ...definition, status }, { subresource: 'status' });
  },
};

async function finalize(
  definition: CustomResourceDefinition,
  { client, clock }: ReconcileContext,
): Promise<Result | void> {
  const finalizers = definition.metadata?.finalizers ?? [];
  if (!finalizers.includes(cleanupFinalizer)) return;
  const told = (
    condition: Pick<CustomResourceDefinitionCondition, 'status' | 'reason' | 'message'>,
  ): CustomResourceDefinition => {
    const conditions = withCondition(
      definition.status?.conditions,
      { type: 'Terminating', ...condition },
      timestamp(clock.now()),
    );
    return {
      ...definition,
      status: { ...definition.status, conditions: conditions as CustomResourceDefinitionCondition[] },
    };
  };
  const type = instancesOf(definition);
  const left = type ? await deleteInstances(type, client) : 0;
  if (left > 0) {
    const next = told({
      status: 'True',
      reason: 'InstanceDeletionInProgress',
      message: `CustomResource deletion is in progress`,
    });
    if (!deepEqual(next, definition)) await client.update(customResourceDefinitions, next, { subresource: 'status' });
    return { requeueAfterMs: retryMs };
  }
  const done = await client.update(
    customResourceDefinitions,
    told({ status: 'False', reason: 'InstanceDeletionCompleted', message: 'removed all instances' }),
    { subresource: 'status' },
  );
  await client.update(customResourceDefinitions, {
    ...done,
    metadata: { ...done.metadata, finalizers: finalizers.filter((name) => name !== cleanupFinalizer) },
  });
}

/** The resource to delete by; undefined where it was never served. */
function instancesOf({ spec, status }: CustomResourceDefinition): ResourceType<UnknownObject> | undefined {
  const version = spec.versions.find((v) => v.storage && v.served) ?? spec.versions.find((v) => v.served);
  const isEstablished = status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
  if (!version || !isEstablished || !status?.acceptedNames) return undefined;
  return resourceType<UnknownObject>(
    spec.group,
    version.name,
    status.acceptedNames.plural,
    status.acceptedNames.kind,
    spec.scope === 'Namespaced',
  );
}

/** How many are left, those among them that wait for finalizers. */
async function deleteInstances(type: ResourceType<UnknownObject>, client: ReconcileContext['client']): Promise<number> {
  const { items } = await client.list(type, {});
  if (items.length === 0) return 0;
  for (const namespace of new Set(items.map((item) => item.metadata?.namespace)))
    await client.deleteCollection(type, { namespace });
  return (await client.list(type, {})).items.length;
}
