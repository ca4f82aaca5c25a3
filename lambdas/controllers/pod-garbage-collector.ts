import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { nodes, pods } from '@nodeless/client/resource-types';
import { type Action, patch, perform, remove } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';
import { timestamp } from './time.ts';

/** Upstream's terminated-pod-gc-threshold. */
const keepTerminated = 12_500;
const outOfService = 'node.kubernetes.io/out-of-service';

/** Pods that nobody else will ever remove: those of nodes that are gone, unscheduled ones being deleted, and too many finished ones. */
export function planPodCollection(all: readonly Pod[], allNodes: readonly Node[], now: number): Action[] {
  const known = new Map(allNodes.map((node) => [node.metadata?.name ?? '', node]));
  const force = (pod: Pod): Action =>
    remove(pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid } });
  const fail = (pod: Pod, message: string): Action[] => {
    if (isPodTerminal(pod)) return [];
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByPodGC',
      message,
      lastTransitionTime: timestamp(now),
    };
    return [patch(pods, keyOf(pod), 'strategic', { status: { phase: 'Failed', conditions: [condition] } }, 'status')];
  };
  const actions: Action[] = [];
  const finished: Pod[] = [];
  for (const pod of all) {
    const nodeName = pod.spec?.nodeName;
    const node = nodeName ? known.get(nodeName) : undefined;
    if (nodeName && !node) actions.push(...fail(pod, 'PodGC: node no longer exists'), force(pod));
    else if (!nodeName && pod.metadata?.deletionTimestamp)
      actions.push(...fail(pod, 'PodGC: unscheduled pod is terminating'), force(pod));
    else if (
      pod.metadata?.deletionTimestamp &&
      node?.spec?.taints?.some((t) => t.key === outOfService) &&
      !isReady(node)
    )
      actions.push(...fail(pod, 'PodGC: node is out of service'), force(pod));
    else if (isPodTerminal(pod)) finished.push(pod);
  }
  const age = (pod: Pod): number => Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
  const surplus = finished.toSorted((a, b) => age(a) - age(b)).slice(0, Math.max(0, finished.length - keepTerminated));
  return [...actions, ...surplus.map(force)];
}

const isReady = (node: Node): boolean => node.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
const keyOf = ({ metadata }: Pod): { namespace: string | undefined; name: string } => ({
  namespace: metadata?.namespace,
  name: metadata?.name ?? '',
});

/** How long a node may be missing before its pods go: it may only be registering anew. */
const quarantineMs = 40_000;

export function createPodGarbageCollector(): Controller {
  const missingSince = new Map<string, number>();
  return {
    name: 'pod-garbage-collector',
    concurrency: 1,
    resyncMs: 20_000,
    watches: [watchRule({ type: pods, requests: () => [] }), watchRule({ type: nodes, requests: () => [] })],
    async reconcile(_request, context) {
      const now = context.clock.now();
      const allPods = await context.cache.list(pods);
      const allNodes = await context.cache.list(nodes);
      const present = new Set(allNodes.map((node) => node.metadata?.name));
      const missing = new Set(
        allPods.map((pod) => pod.spec?.nodeName).filter((name) => name && !present.has(name)) as string[],
      );
      for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
      for (const name of missing) if (!missingSince.has(name)) missingSince.set(name, now);
      const young = (name: string | undefined): boolean =>
        name !== undefined && now - (missingSince.get(name) ?? -Infinity) < quarantineMs;
      await perform(
        planPodCollection(
          allPods.filter((pod) => !young(pod.spec?.nodeName)),
          allNodes,
          now,
        ),
        context,
      );
      // Whatever runs this may not come back to it by itself before the quarantine is over.
      const waiting = Array.from(missing, (name) => quarantineMs - (now - (missingSince.get(name) ?? now)));
      const next = waiting.filter((ms) => ms > 0);
      return next.length > 0 ? { requeueAfterMs: Math.min(...next) } : {};
    },
  };
}
