/** What planners decide and `perform` does: deciding is pure, doing is here. */
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { DeleteOptions, ObjectKey, PatchType, ResourceType } from '@nodeless/client/client';
import type { ReconcileContext } from './controller.ts';

export type Action =
  | { readonly do: 'create'; readonly type: ResourceType<KubernetesObject>; readonly object: KubernetesObject }
  | {
      readonly do: 'update';
      readonly type: ResourceType<KubernetesObject>;
      readonly object: KubernetesObject;
      readonly subresource?: string;
    }
  | {
      readonly do: 'patch';
      readonly type: ResourceType<KubernetesObject>;
      readonly key: ObjectKey;
      readonly patchType: PatchType;
      readonly patch: unknown;
      readonly subresource?: string;
    }
  /** A missing object is success. */
  | {
      readonly do: 'delete';
      readonly type: ResourceType<KubernetesObject>;
      readonly key: ObjectKey;
      readonly options?: DeleteOptions;
    }
  | {
      readonly do: 'event';
      readonly about: KubernetesObject;
      readonly type: 'Normal' | 'Warning';
      readonly reason: string;
      readonly message: string;
    }
  | { readonly do: 'requeue'; readonly afterMs: number };

/** Keeps an action's object type out of the union, so that typed builders fit into one list. */
export const create = <T extends KubernetesObject>(type: ResourceType<T>, object: T): Action => ({
  do: 'create',
  type: type as ResourceType<KubernetesObject>,
  object,
});
export const update = <T extends KubernetesObject>(type: ResourceType<T>, object: T, subresource?: string): Action => ({
  do: 'update',
  type: type as ResourceType<KubernetesObject>,
  object,
  subresource,
});
export const updateStatus = <T extends KubernetesObject>(type: ResourceType<T>, object: T): Action =>
  update(type, object, 'status');
export const patch = <T extends KubernetesObject>(
  type: ResourceType<T>,
  key: ObjectKey,
  patchType: PatchType,
  body: unknown,
  subresource?: string,
): Action => ({
  do: 'patch',
  type: type as ResourceType<KubernetesObject>,
  key,
  patchType,
  patch: body,
  subresource,
});
export const remove = <T extends KubernetesObject>(
  type: ResourceType<T>,
  key: ObjectKey,
  options?: DeleteOptions,
): Action => ({ do: 'delete', type: type as ResourceType<KubernetesObject>, key, options });
export const event = (
  about: KubernetesObject,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): Action => ({ do: 'event', about, type, reason, message });
export const requeue = (afterMs: number): Action => ({ do: 'requeue', afterMs });

/** Performs in order, stops at the first error. The shortest requeue is the result. */
export async function perform(
  actions: readonly Action[],
  context: ReconcileContext,
): Promise<{ requeueAfterMs?: number }> {
  let requeueAfterMs: number | undefined;
  for (const action of actions) {
    if (action.do === 'requeue') requeueAfterMs = Math.min(requeueAfterMs ?? Infinity, action.afterMs);
    else await performOne(action, context);
  }
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}

export async function performOne(
  action: Action,
  { client, events }: Pick<ReconcileContext, 'client' | 'events'>,
): Promise<void> {
  switch (action.do) {
    case 'create':
      await client.create(action.type, action.object);
      return;
    case 'update':
      await client.update(action.type, action.object, { subresource: action.subresource });
      return;
    case 'patch':
      await client.patch(action.type, action.key, action.patchType, action.patch, { subresource: action.subresource });
      return;
    case 'delete':
      try {
        await client.delete(action.type, action.key, action.options);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return;
    case 'event':
      events.event(action.about, action.type, action.reason, action.message);
      return;
    case 'requeue':
      return;
  }
}

/**
 * Runs `count` calls in batches of 1, 2, 4, … and stops after a batch with an error, as upstream's slowStartBatch does:
 * a quota that is used up or a webhook that refuses is met once, not five hundred times. Gives the first error back, not throws it.
 */
export async function slowStart(
  count: number,
  call: (index: number) => Promise<void>,
): Promise<{ succeeded: number; error: unknown }> {
  let done = 0;
  for (let size = 1; done < count; size *= 2) {
    const batch = Math.min(size, count - done);
    const results = await Promise.allSettled(Array.from({ length: batch }, (_, i) => call(done + i)));
    const failed = results.find((r) => r.status === 'rejected');
    const succeeded = results.filter((r) => r.status === 'fulfilled').length;
    if (failed) return { succeeded: done + succeeded, error: failed.reason };
    done += batch;
  }
  return { succeeded: done, error: undefined };
}
