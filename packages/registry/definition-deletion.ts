/** Deleting a CustomResourceDefinition begins with a mark: all its objects are deleted before it goes. */
import { withCondition } from '@nodeless/apimachinery/conditions';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ServedResource } from './resource-table.ts';

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export function isDefinitions({ group, resource }: Pick<ServedResource, 'group' | 'resource'>): boolean {
  return group === 'apiextensions.k8s.io' && resource === 'customresourcedefinitions';
}

/** Definitions and what they define, which are held to the rules of all objects but not to those of Kubernetes' own kinds. */
export function isExtension(served: Pick<ServedResource, 'group' | 'resource' | 'custom'>): boolean {
  return served.custom !== undefined || isDefinitions(served);
}

/** A new object that shares the parts of the old one. `now`: RFC 3339. */
export function terminateDefinition(object: Readonly<UnknownObject>, now: string): UnknownObject {
  const { status } = object as unknown as CustomResourceDefinition;
  const condition: CustomResourceDefinitionCondition = {
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  return { ...object, status: { ...status, conditions: withCondition(status?.conditions, condition, now) } };
}
