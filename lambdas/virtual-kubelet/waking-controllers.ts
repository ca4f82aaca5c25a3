/** The virtual kubelet's controllers for the dispatcher, which asks for their rules and runs none of them. */
import type { Wakeable } from '@nodeless/controller-runtime/rule-table';
import { podReconcilerName, podRule, sweepMs } from './pod-reconciler.ts';
import { parseNodeName } from './providers/fargate/fargate-nodes.ts';
import { heartbeatMs, nodeRule, virtualNodesName } from './virtual-nodes.ts';

export const isFargateNode = (name: string): boolean => parseNodeName(name) !== undefined;

export const wakingControllers: readonly Wakeable[] = [
  { name: podReconcilerName, watches: [podRule(isFargateNode)], resyncMs: sweepMs },
  { name: virtualNodesName, watches: [nodeRule(isFargateNode)], resyncMs: heartbeatMs },
];
