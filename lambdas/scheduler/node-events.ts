import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ClusterEvent } from './framework.ts';

/** What a change of a node could help with. Heartbeats help with nothing. */
export function nodeEvents(previous: Readonly<Node> | undefined, node: Readonly<Node>): ClusterEvent[] {
  if (!previous) return ['node-added'];
  const events: ClusterEvent[] = [];
  if (differ(previous.spec?.taints, node.spec?.taints)) events.push('node-taints');
  if (Boolean(previous.spec?.unschedulable) && !node.spec?.unschedulable) events.push('node-unschedulable');
  if (differ(previous.metadata?.labels, node.metadata?.labels)) events.push('node-labels');
  if (differ(previous.status?.allocatable, node.status?.allocatable)) events.push('node-allocatable');
  return events;
}

function differ(a: unknown, b: unknown): boolean {
  return a !== b && JSON.stringify(a) !== JSON.stringify(b);
}
