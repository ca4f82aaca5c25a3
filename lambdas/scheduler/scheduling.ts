import type { Namespace, Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import type { Informer, InformerChange } from '@nodeless/client/informer';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { EventRecorder } from '@nodeless/controller-runtime/events';
import { nodeEvents } from './node-events.ts';
import type { Profile } from './framework.ts';
import { holdsResources, podInfo, type PodInfo } from './pod-info.ts';
import { createSchedulingQueue } from './queue.ts';
import { scheduleOne } from './schedule-one.ts';
import { createSchedulerCache, sameLabels } from './cache.ts';
import { createPodWrites } from './pod-writes.ts';

export interface SchedulingOptions {
  readonly client: Client;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  /** For affinity terms that select namespaces by their labels; absent = such terms select nothing. */
  readonly namespaces?: Informer<Namespace>;
  /** Preemption spares what they protect, where it can. */
  readonly budgets?: Informer<PodDisruptionBudget>;
  readonly profile: Profile;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

/** What there is to schedule and how one pod is: the scheduler without the loop that drives it. */
export interface Scheduling {
  /** Follows the informers from now on. */
  follow(): void;
  /** Decides about the next pod and begins to write it down; false: none is active. */
  next(): boolean;
  /** Pods that could be decided about now. */
  active(): number;
  /** Writes under way. */
  writing(): number;
  /** Resolves when one of the writes under way has ended, or at once where there is none. */
  written(): Promise<void>;
  /** See SchedulingQueue. */
  activateDue(): void;
  nextDueMs(): number | undefined;
  /** Resolves when the writes under way have ended. */
  stop(): Promise<void>;
}

/** `onActive`: there may be a pod to decide about. */
export function createScheduling(options: SchedulingOptions, onActive: () => void): Scheduling {
  const { client, pods, nodes, profile, events, clock, log, random = Math.random } = options;
  const cache = createSchedulerCache({
    budgets: () => options.budgets?.list() ?? [],
    namespaceLabels: (name) => options.namespaces?.get('', name)?.metadata?.labels,
  });
  const writes = createPodWrites({ client, events, clock, log, schedulerName: profile.schedulerName });
  const queue = createSchedulingQueue({ clock, profile, onActive });
  const bindings = new Set<Promise<void>>();
  const place = (pod: PodInfo): void => {
    const placement = scheduleOne(pod, cache, profile, random);
    if (placement.nodeName !== undefined) {
      cache.assume(pod, placement.nodeName);
      track(bind(pod, placement.nodeName));
      return;
    }
    const { message, rejectedBy, preempt } = placement;
    queue.unschedulable(pod, rejectedBy);
    events.event(pod.pod, 'Warning', 'FailedScheduling', message, { action: 'Scheduling' });
    if (preempt) outrank(pod, preempt.nodeName);
    cache.nominate(pod, preempt?.nodeName);
    // A nomination that came to nothing is taken back, so that nobody waits for it.
    track(
      writes.markUnschedulable(pod, message, preempt?.nodeName ?? (pod.pod.status?.nominatedNodeName ? '' : undefined)),
    );
    if (preempt) track(writes.preempt(pod, preempt));
  };
  /** Less important pods that waited for this node wait for another one. */
  const outrank = (pod: PodInfo, nodeName: string): void => {
    for (const other of cache.nominated(nodeName)) {
      if (other.priority >= pod.priority) continue;
      cache.nominate(other, undefined);
      track(writes.clearNomination(other));
    }
  };
  const track = (work: Promise<void>): void => {
    bindings.add(work);
    void work.finally(() => {
      bindings.delete(work);
      if (queue.length() > 0) onActive();
    });
  };
  const bind = async (pod: PodInfo, nodeName: string): Promise<void> => {
    const { namespace, name } = pod.pod.metadata ?? {};
    try {
      await writes.bind(pod, nodeName);
      queue.done(pod.uid);
      events.event(pod.pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`, {
        action: 'Binding',
      });
    } catch (error) {
      cache.removePod(pod.uid);
      if (isNotFound(error)) return queue.remove(pod.uid);
      const current = pods.get(namespace ?? '', name ?? '');
      if (current && waits(current)) {
        queue.failed(pod);
        events.event(pod.pod, 'Warning', 'FailedScheduling', `binding rejected: ${(error as Error).message}`, {
          action: 'Scheduling',
        });
      } else {
        queue.remove(pod.uid);
        if (current?.spec?.nodeName && current.metadata?.uid === pod.uid && holdsResources(current))
          cache.setPod(current);
      }
      log.info('binding was refused', { pod: `${namespace}/${name}`, node: nodeName, error });
    }
  };
  const waits = (pod: Readonly<Pod>): boolean =>
    !pod.spec?.nodeName &&
    (pod.spec?.schedulerName ?? 'default-scheduler') === profile.schedulerName &&
    !pod.metadata?.deletionTimestamp &&
    holdsResources(pod) &&
    (pod.spec?.schedulingGates ?? []).length === 0;

  const onPod = (change: InformerChange<Pod>): void => {
    const pod = change.object;
    const uid = pod.metadata?.uid ?? '';
    if (change.type === 'deleted' || !holdsResources(pod)) {
      queue.remove(uid);
      const counted = cache.nodeOf(uid) !== undefined;
      cache.removePod(uid);
      if (!counted) return;
      queue.happened('pod-deleted');
    } else if (pod.spec?.nodeName) {
      const fresh = cache.nodeOf(uid) === undefined;
      cache.setPod(pod);
      if (change.type === 'added' || !change.previous?.spec?.nodeName) {
        if (fresh) queue.remove(uid);
        queue.happened('pod-assigned');
      } else if (!sameLabels(change.previous.metadata?.labels, pod.metadata?.labels)) {
        queue.happened('pod-labels');
      }
    } else if (waits(pod)) {
      if (change.previous && waits(change.previous) && asksTheSame(change.previous, pod)) return queue.refresh(pod);
      const info = podInfo(pod);
      queue.add(info);
      queue.update(info);
      if (pod.status?.nominatedNodeName) cache.nominate(info, pod.status.nominatedNodeName);
    } else {
      queue.remove(uid);
    }
  };
  const onNode = (change: InformerChange<Node>): void => {
    if (change.type === 'deleted') return cache.removeNode(change.object.metadata?.name ?? '');
    cache.setNode(change.object);
    for (const event of nodeEvents(change.previous, change.object)) queue.happened(event);
  };
  const subscriptions: (() => void)[] = [];

  return {
    follow() {
      subscriptions.push(nodes.subscribe(onNode), pods.subscribe(onPod));
    },
    next() {
      const pod = queue.pop();
      if (pod) place(pod);
      return pod !== undefined;
    },
    active: () => queue.length(),
    writing: () => bindings.size,
    written: () => (bindings.size === 0 ? Promise.resolve() : Promise.race(bindings)),
    activateDue: () => queue.activateDue(),
    nextDueMs: () => queue.nextDueMs(),
    async stop() {
      for (const end of subscriptions) end();
      queue.stop();
      await Promise.all(bindings);
    },
  };
}

/** Status writes change nothing about where a pod may go. */
function asksTheSame(a: Readonly<Pod>, b: Readonly<Pod>): boolean {
  return a.metadata?.generation === b.metadata?.generation && sameLabels(a.metadata?.labels, b.metadata?.labels);
}
