import type { Node, NodeCondition, Pod, Taint } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
import { isNotFound } from '@nodeless/apimachinery/status';
import { leases, nodes, pods } from '@nodeless/client/resource-types';
import { type Action, event, patch, perform, requeue } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { timestamp } from './time.ts';

/** Upstream's node-monitor-grace-period: so long may a node be silent. */
const defaultGraceMs = 50_000;
const leaseNamespace = 'kube-node-lease';

const notReadyKey = 'node.kubernetes.io/not-ready';
const unreachableKey = 'node.kubernetes.io/unreachable';
const unschedulableKey = 'node.kubernetes.io/unschedulable';
const pressureTaints: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const managedKeys = new Set([notReadyKey, unreachableKey, unschedulableKey, ...Object.values(pressureTaints)]);
const silent: readonly string[] = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/**
 * Conditions become Unknown when the node has been silent for too long, and conditions become taints. `heardMs`: when it was
 * last heard of by its lease or its status, on this process's clock.
 */
export function planNode(node: Node, heardMs: number, now: number, graceMs = defaultGraceMs): Action[] {
  const actions: Action[] = [];
  const name = node.metadata?.name ?? '';
  let conditions: readonly NodeCondition[] = node.status?.conditions ?? [];
  const remaining = heardMs + graceMs - now;
  if (remaining <= 0) {
    const changed = unknownConditions(conditions, now);
    if (changed.length > 0) {
      conditions = [...conditions.filter((c) => !changed.some((u) => u.type === c.type)), ...changed];
      actions.push(patch(nodes, { name }, 'strategic', { status: { conditions: changed } }, 'status'));
      actions.push(event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`));
    }
  } else actions.push(requeue(remaining + 1));
  const taints = desiredTaints(node, conditions, now);
  if (taints)
    actions.push(
      patch(nodes, { name }, 'merge', {
        metadata: {
          resourceVersion: actions.some((a) => a.do === 'patch') ? undefined : node.metadata?.resourceVersion,
        },
        spec: { taints: taints.length > 0 ? taints : null },
      }),
    );
  return actions;
}

function unknownConditions(conditions: readonly NodeCondition[], now: number): NodeCondition[] {
  return silent.flatMap((type) => {
    const known = conditions.find((c) => c.type === type);
    if (known?.status === 'Unknown') return [];
    return [
      {
        type,
        status: 'Unknown',
        reason: known ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated',
        message: known ? 'Kubelet stopped posting node status.' : 'Kubelet never posted node status.',
        lastHeartbeatTime: known?.lastHeartbeatTime ?? timestamp(now),
        lastTransitionTime: timestamp(now),
      },
    ];
  });
}

/** The node's taints as they should be; undefined when they are right already. */
export function desiredTaints(node: Node, conditions: readonly NodeCondition[], now: number): Taint[] | undefined {
  const wanted: Taint[] = [];
  const ready = conditions.find((c) => c.type === 'Ready')?.status ?? 'Unknown';
  const add = (key: string, effect: string): void => void wanted.push({ key, effect });
  const readinessKey = ready === 'True' ? undefined : ready === 'False' ? notReadyKey : unreachableKey;
  if (readinessKey) {
    add(readinessKey, 'NoSchedule');
    add(readinessKey, 'NoExecute');
  }
  for (const { type, status } of conditions)
    if (status === 'True' && pressureTaints[type]) add(pressureTaints[type], 'NoSchedule');
  if (node.spec?.unschedulable) add(unschedulableKey, 'NoSchedule');
  const existing = node.spec?.taints ?? [];
  const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
  const foreign = existing.filter((taint) => !managedKeys.has(taint.key));
  const kept = existing.filter((taint) => managedKeys.has(taint.key) && wanted.some((w) => same(w, taint)));
  const fresh = wanted
    .filter((taint) => !existing.some((e) => same(e, taint)))
    .map((taint) => ({ ...taint, timeAdded: timestamp(now) }));
  if (fresh.length === 0 && foreign.length + kept.length === existing.length) return undefined;
  return [...foreign, ...kept, ...fresh];
}

/** How long a pod may stay on a node with these taints: 0 = not at all, Infinity = as long as it likes. */
export function toleratedForMs(pod: Pod, taints: readonly Taint[], now: number): number {
  let shortest = Infinity;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const matching = (pod.spec?.tolerations ?? []).find(
      (t) =>
        (!t.effect || t.effect === 'NoExecute') &&
        (!t.key || t.key === taint.key) &&
        (t.operator === 'Exists' || (t.key === taint.key && (t.value ?? '') === (taint.value ?? ''))),
    );
    if (!matching) return 0;
    const since = taint.timeAdded === undefined ? now : Date.parse(taint.timeAdded);
    if (matching.tolerationSeconds !== undefined)
      shortest = Math.min(shortest, since + Math.max(0, matching.tolerationSeconds) * 1000 - now);
  }
  return Math.max(0, shortest);
}

export interface NodeLifecycleOptions {
  /** So long may a node be silent: longer than its kubelet takes from one heartbeat to the next. Default: 50 s. */
  readonly graceMs?: number;
  /**
   * Whether a heartbeat counts from the time that stands in it, not from when it was seen: for processes that see little of the
   * cluster's life, where all clocks are kept by the same hand.
   */
  readonly trustsHeartbeats?: boolean;
  /** Silence is looked for so often, at all nodes, and not at the moment when it has lasted too long: a timer less for each heartbeat. */
  readonly sweepMs?: number;
}

/** Marks silent nodes, taints them, tells their pods that they are not ready, and evicts what does not tolerate a taint. */
export function createNodeLifecycleController({
  graceMs,
  trustsHeartbeats = false,
  sweepMs,
}: NodeLifecycleOptions = {}): Controller {
  /** The last sign of life by node, with the moment when this process saw it: no two clocks are compared. */
  const heard = new Map<string, { sign: string; at: number }>();
  /** When NoExecute taints without a time were first seen, by node. */
  const noticed = new Map<string, ReadonlyMap<string, string>>();

  /** The node's NoExecute taints, each with the time from which tolerationSeconds count: as upstream, when it was noticed, where it does not say. */
  const evictingTaints = (node: Node, now: number): Taint[] => {
    const name = node.metadata?.name ?? '';
    const before = noticed.get(name);
    const times = new Map<string, string>();
    const taints = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
    const timed = taints.map((taint) => {
      if (taint.timeAdded !== undefined) return taint;
      const id = `${taint.key}=${taint.value ?? ''}`;
      const timeAdded = before?.get(id) ?? new Date(now).toISOString();
      times.set(id, timeAdded);
      return { ...taint, timeAdded };
    });
    if (times.size > 0) noticed.set(name, times);
    else noticed.delete(name);
    return timed;
  };

  const lastHeard = async (node: Node, { cache, clock }: ReconcileContext): Promise<number> => {
    const name = node.metadata?.name ?? '';
    const lease = await cache.get(leases, { namespace: leaseNamespace, name });
    const heartbeat = node.status?.conditions?.find((c) => c.type === 'Ready')?.lastHeartbeatTime;
    if (trustsHeartbeats) {
      const { creationTimestamp } = node.metadata ?? {};
      const times = [lease?.spec?.renewTime, heartbeat, creationTimestamp].map((t) => Date.parse(t ?? '') || 0);
      return Math.max(...times);
    }
    const sign = `${lease?.spec?.renewTime} ${heartbeat}`;
    const known = heard.get(name);
    if (known?.sign === sign) return known.at;
    heard.set(name, { sign, at: clock.now() });
    return clock.now();
  };

  const look = async (name: string, context: ReconcileContext): Promise<Result> => {
    const node = await context.cache.get(nodes, { name });
    if (!node) {
      heard.delete(name);
      noticed.delete(name);
      return {};
    }
    const now = context.clock.now();
    const actions = planNode(node, await lastHeard(node, context), now, graceMs);
    const result = await perform(sweepMs === undefined ? actions : actions.filter((a) => a.do !== 'requeue'), context);
    const taints = evictingTaints(node, now);
    const ready = node.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
    if (ready && taints.length === 0) return result;
    let next = result.requeueAfterMs ?? Infinity;
    for (const pod of await context.cache.onNode(pods, name)) {
      if (!ready && isPodReady(pod)) await markNotReady(pod, context);
      if (taints.length === 0 || pod.metadata?.deletionTimestamp) continue;
      const left = toleratedForMs(pod, taints, now);
      if (left === 0) await evict(pod, context);
      else next = Math.min(next, left);
    }
    return Number.isFinite(next) ? { requeueAfterMs: next } : {};
  };

  return {
    name: 'node-controller',
    watches: [
      watchRule({ type: nodes, requests: ({ object }) => [{ name: object.metadata?.name ?? '' }] }),
      // Renewals themselves need no work: silence is noticed by the requeue.
      watchRule({
        type: leases,
        requests: ({ object, type }) =>
          object.metadata?.namespace === leaseNamespace && type === 'added'
            ? [{ name: object.metadata.name ?? '' }]
            : [],
      }),
      watchRule({
        type: pods,
        requests: ({ object, previous }) =>
          object.spec?.nodeName && previous?.spec?.nodeName !== object.spec.nodeName
            ? [{ name: object.spec.nodeName }]
            : [],
      }),
    ],
    resyncMs: sweepMs,
    async reconcile({ name }, context) {
      if (name !== '') return look(name, context);
      let soonest = Infinity;
      for (const { metadata } of await context.cache.list(nodes))
        soonest = Math.min(soonest, (await look(metadata?.name ?? '', context)).requeueAfterMs ?? Infinity);
      return Number.isFinite(soonest) ? { requeueAfterMs: soonest } : {};
    },
  };
}

async function markNotReady(pod: Pod, { client, clock }: ReconcileContext): Promise<void> {
  const condition = { type: 'Ready', status: 'False', lastTransitionTime: timestamp(clock.now()) };
  try {
    await client.patch(
      pods,
      { namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' },
      'strategic',
      { status: { conditions: [condition] } },
      { subresource: 'status' },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function evict(pod: Pod, { client, clock, events }: ReconcileContext): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: timestamp(clock.now()),
  };
  try {
    await client.patch(
      pods,
      { namespace, name },
      'strategic',
      { status: { conditions: [condition] } },
      { subresource: 'status' },
    );
    await client.delete(pods, { namespace, name }, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
