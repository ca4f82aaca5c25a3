import type { Request } from '@nodeless/controller-runtime/controller';
import type { Lister } from '@nodeless/controller-runtime/controller';
import { pods } from '@nodeless/client/resource-types';

/** As much as is needed of what EventBridge says of a task that changed: which one. What became of it, ECS is asked. */
export interface TaskEvent {
  readonly id: string;
  readonly source: 'aws.ecs';
  readonly 'detail-type': 'ECS Task State Change';
  readonly detail: { readonly taskArn?: string; readonly startedBy?: string };
}

export function isTaskEvent(event: unknown): event is TaskEvent {
  const { source, detail, 'detail-type': type } = (event ?? {}) as Partial<Record<keyof TaskEvent, unknown>>;
  return source === 'aws.ecs' && type === 'ECS Task State Change' && typeof detail === 'object' && detail !== null;
}

/** A task carries the UID of its pod in startedBy. Tasks without a pod are the sweep's business. */
export async function taskRequests({ detail }: TaskEvent, lookup: Lister): Promise<readonly Request[]> {
  if (!detail.startedBy) return [];
  const pod = (await lookup.list(pods)).find(({ metadata }) => metadata?.uid === detail.startedBy);
  return pod ? [{ namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' }] : [];
}
