import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ServedResource } from './resource-table.ts';
import type { KindStrategy, Strategy } from './strategy.ts';

/** A kind's strategy with what it leaves out filled in from what is served: a kind without one of its own works by schema alone. */
export function completeStrategy({ definition, subresources, model }: ServedResource): KindStrategy {
  const own = definition.strategy;
  if (!subresources.has('status') || own.status) return own;
  return {
    ...own,
    resetFields: own.resetFields ?? [['status']],
    prepareForCreate(object, context) {
      // a built-in type's status is a struct, which is never left out
      if (model === '') delete object.status;
      else object.status = {};
      own.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context) {
      if (old.status === undefined) delete object.status;
      else object.status = old.status;
      own.prepareForUpdate?.(object, old, context);
    },
    status: statusDoor,
  };
}

/** Takes the status and leaves everything else as it is stored, apart from managed fields. */
export const statusDoor: Strategy = {
  resetFields: [['spec']],
  prepareForUpdate(object: UnknownObject, old: Readonly<UnknownObject>) {
    for (const field of Object.keys(object)) if (!kept.has(field) && !Object.hasOwn(old, field)) delete object[field];
    for (const field of Object.keys(old)) if (!kept.has(field)) object[field] = old[field];
    const { managedFields, resourceVersion } = object.metadata ?? {};
    object.metadata = { ...old.metadata, managedFields, resourceVersion };
  },
};
const kept = new Set(['apiVersion', 'kind', 'metadata', 'status']);
