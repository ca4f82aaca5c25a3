/** One step of a DaemonSet: a pod for each node that it is for, and no others. Pure. */
import type { DaemonSet, DaemonSetStatus } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { scaledValue } from '@nodeless/apimachinery/int-or-string';
import { isPodAvailable, isPodReady, isPodTerminal, podReadySince } from '@nodeless/apimachinery/pod-conditions';
import { revisionLabel } from '../controller-revisions.ts';
import { type Eligibility, eligibility, generationLabel, nodeOf, templateGeneration } from './nodes.ts';

export interface ObservedDaemonSet {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  /** Those that the set controls. */
  readonly pods: readonly Pod[];
  /** Of the current template's revision. */
  readonly hash: string;
  /** Milliseconds for which nothing is to be tried again on this node, after its pods failed there. */
  readonly backoff: (nodeName: string) => number;
}

export interface DaemonPlan {
  /** Nodes that get a pod of the current template. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  /** Pods among `remove` that ended by themselves: their events. */
  readonly ended: readonly { pod: Pod; nodeName: string }[];
  readonly status: DaemonSetStatus;
  readonly requeueAfterMs: number | undefined;
}

interface Place extends Eligibility {
  readonly name: string;
  readonly pods: readonly Pod[];
}

const isGoing = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;
const byAge = (a: Pod, b: Pod): number =>
  (Date.parse(a.metadata?.creationTimestamp ?? '') || 0) - (Date.parse(b.metadata?.creationTimestamp ?? '') || 0) ||
  ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);

export function planDaemonSet(observed: ObservedDaemonSet, now: number): DaemonPlan {
  const { set, nodes, pods, backoff } = observed;
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) byNode.set(nodeOf(pod) ?? '', [...(byNode.get(nodeOf(pod) ?? '') ?? []), pod]);
  const places: Place[] = nodes.map((node) => ({
    name: node.metadata?.name ?? '',
    pods: (byNode.get(node.metadata?.name ?? '') ?? []).toSorted(byAge),
    ...eligibility(set, node),
  }));
  const status = daemonSetStatus(observed, places, now);
  const create = new Set<string>();
  const remove = new Set<Pod>();
  const ended: DaemonPlan['ended'][number][] = [];
  const waits: number[] = [];
  if (!set.metadata?.deletionTimestamp) {
    for (const place of places) {
      const step = manageNode(observed, place, now);
      if (step.create || step.ended.length > 0) {
        const wait = backoff(place.name);
        if (wait > 0) {
          waits.push(wait);
          if (step.ended.length > 0) continue;
        } else if (step.create) create.add(place.name);
      }
      for (const pod of step.remove) remove.add(pod);
      for (const pod of step.ended) {
        remove.add(pod);
        ended.push({ pod, nodeName: place.name });
      }
    }
    // Pinned to a node that is gone, and never started: nobody else removes them.
    const present = new Set(places.map((p) => p.name));
    for (const pod of pods)
      if (!pod.spec?.nodeName && !present.has(nodeOf(pod) ?? '') && !isGoing(pod)) remove.add(pod);
    if (set.spec?.updateStrategy?.type === 'RollingUpdate') {
      const step = planRollingUpdate(observed, places, now);
      for (const name of step.create) if (backoff(name) === 0) create.add(name);
      for (const pod of step.remove) remove.add(pod);
    }
  }
  const minReady = set.spec?.minReadySeconds ?? 0;
  for (const pod of pods)
    if (isPodReady(pod) && !isPodAvailable(pod, minReady, now))
      waits.push(Math.max(1, Date.parse(podReadySince(pod) ?? '') + minReady * 1000 - now));
  return {
    create: [...create],
    remove: [...remove],
    ended,
    status,
    requeueAfterMs: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

/** A node has one pod, or with surge an old one and its successor. */
function manageNode(
  observed: ObservedDaemonSet,
  place: Place,
  now: number,
): { create: boolean; remove: readonly Pod[]; ended: readonly Pod[] } {
  if (!place.stay) return { create: false, remove: place.pods.filter((pod) => !isGoing(pod)), ended: [] };
  if (place.pods.length === 0) return { create: place.run, remove: [], ended: [] };
  const live = place.pods.filter((pod) => !isGoing(pod));
  const ended = live.filter(isPodTerminal);
  const running = live.filter((pod) => !isPodTerminal(pod));
  if (maxSurge(observed, 1) === 0) return { create: false, remove: running.slice(1), ended };
  if (running.length < 2) return { create: false, remove: [], ended };
  const [fresh, ...otherFresh] = running.filter((pod) => isUpdated(observed, pod));
  const [old, ...otherOld] = running.filter((pod) => !isUpdated(observed, pod));
  const replaced =
    fresh && old && (!isPodReady(old) || isPodAvailable(fresh, observed.set.spec?.minReadySeconds ?? 0, now))
      ? [old]
      : [];
  return { create: false, remove: [...otherFresh, ...otherOld, ...replaced], ended };
}

/** Of the current template, by hash or by the older template generation. */
export function isUpdated({ set, hash }: Pick<ObservedDaemonSet, 'set' | 'hash'>, pod: Pod): boolean {
  const labels = pod.metadata?.labels ?? {};
  const generation = templateGeneration(set);
  return labels[revisionLabel] === hash || (generation !== undefined && labels[generationLabel] === generation);
}

function maxSurge({ set }: Pick<ObservedDaemonSet, 'set'>, desired: number): number {
  const strategy = set.spec?.updateStrategy;
  return strategy?.type === 'RollingUpdate' ? scaledValue(strategy.rollingUpdate?.maxSurge, desired, 'up') : 0;
}

function maxUnavailable({ set }: Pick<ObservedDaemonSet, 'set'>, desired: number): number {
  return scaledValue(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired, 'up');
}

function planRollingUpdate(
  observed: ObservedDaemonSet,
  places: readonly Place[],
  now: number,
): { create: readonly string[]; remove: readonly Pod[] } {
  const desired = places.filter((p) => p.run).length;
  const surge = maxSurge(observed, desired);
  // Both zero would never end.
  const unavailable = surge === 0 ? Math.max(1, maxUnavailable(observed, desired)) : maxUnavailable(observed, desired);
  const available = (pod: Pod): boolean => isPodAvailable(pod, observed.set.spec?.minReadySeconds ?? 0, now);
  const pairs = places
    .filter((place) => place.stay)
    .map((place) => {
      const live = place.pods.filter((pod) => !isGoing(pod) && !isPodTerminal(pod));
      return {
        name: place.name,
        run: place.run,
        fresh: live.find((pod) => isUpdated(observed, pod)),
        old: live.find((pod) => !isUpdated(observed, pod)),
      };
    });
  if (surge === 0) {
    let missing = 0;
    const broken: Pod[] = [];
    const working: Pod[] = [];
    for (const { fresh, old, run } of pairs) {
      if (old && !fresh) (available(old) ? working : broken).push(old);
      else if (run && (old || !fresh || !available(fresh))) missing += 1;
    }
    // What does not work may be replaced at once: it costs nothing.
    return { create: [], remove: [...broken, ...working.slice(0, Math.max(0, unavailable - missing))] };
  }
  let surging = 0;
  const free: string[] = [];
  const candidates: string[] = [];
  for (const { name, fresh, old, run } of pairs) {
    if (!old || !run) continue;
    if (!fresh) (available(old) ? candidates : free).push(name);
    else if (!available(fresh)) surging += 1;
  }
  return { create: [...free, ...candidates.slice(0, Math.max(0, surge - surging))], remove: [] };
}

function daemonSetStatus(observed: ObservedDaemonSet, places: readonly Place[], now: number): DaemonSetStatus {
  const { set } = observed;
  let [desired, current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0, 0];
  for (const { run, pods } of places) {
    if (!run) {
      if (pods.length > 0) misscheduled += 1;
      continue;
    }
    desired += 1;
    if (pods.length === 0) continue;
    current += 1;
    // The one that stands for the node: the oldest that is ready, or else the newest.
    const one = (pods.find((pod) => isPodReady(pod) && !isGoing(pod)) ?? pods.at(-1)) as Pod;
    if (isPodReady(one)) {
      ready += 1;
      if (isPodAvailable(one, set.spec?.minReadySeconds ?? 0, now)) available += 1;
    }
    if (pods.some((pod) => !isGoing(pod) && isUpdated(observed, pod))) updated += 1;
  }
  const status = {
    observedGeneration: set.metadata?.generation,
    updatedNumberScheduled: updated,
    numberAvailable: available,
    numberUnavailable: desired - available,
    collisionCount: set.status?.collisionCount,
  };
  return {
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    ...Object.fromEntries(Object.entries(status).filter(([, value]) => value)),
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
}
