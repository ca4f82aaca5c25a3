import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import type { Informer, InformerChange } from '@nodeless/client/informer';
import { bindings as bindingType, pods as podType } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { EventRecorder } from '@nodeless/controller-runtime/events';
import { nodeEvents } from './node-events.ts';
import type { Profile } from './framework.ts';
import { holdsResources, podInfo, type PodInfo } from './pod-info.ts';
import { createSchedulingQueue } from './queue.ts';
import { scheduleOne } from './schedule-one.ts';
import { createSchedulerCache } from './snapshot.ts';

/** Bindings under way at once: enough to fill a group commit, few enough to stop soon. */
const maxBindings = 128;

export interface SchedulerOptions {
  readonly client: Client;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly profile: Profile;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

export interface Scheduler {
  /** Call after the informers were started; scheduling begins once they have synced. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Gives every pending pod of its profile a node, or an event that says why there is none. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { client, pods, nodes, profile, events, clock, log, random = Math.random } = options;
  const cache = createSchedulerCache();
  const queue = createSchedulingQueue({ clock, profile, onActive: () => wake() });
  const bindings = new Set<Promise<void>>();
  let ready = false;
  let stopped = false;
  let awake = false;

  const wake = (): void => {
    if (awake || !ready || stopped) return;
    awake = true;
    setImmediate(drain);
  };
  const drain = (): void => {
    awake = false;
    while (!stopped && bindings.size < maxBindings) {
      const pod = queue.pop();
      if (!pod) return;
      place(pod);
    }
  };
  const place = (pod: PodInfo): void => {
    const placement = scheduleOne(pod, cache, profile, random);
    if (placement.nodeName === undefined) {
      queue.unschedulable(pod, placement.rejectedBy);
      events.event(pod.pod, 'Warning', 'FailedScheduling', placement.message, { action: 'Scheduling' });
      track(markUnschedulable(pod, placement.message));
      return;
    }
    cache.assume(pod, placement.nodeName);
    track(bind(pod, placement.nodeName));
  };
  const track = (work: Promise<void>): void => {
    bindings.add(work);
    void work.finally(() => {
      bindings.delete(work);
      if (queue.length() > 0) wake();
    });
  };
  const bind = async (pod: PodInfo, nodeName: string): Promise<void> => {
    const { namespace, name, uid } = pod.pod.metadata ?? {};
    try {
      await client.create(bindingType, { apiVersion: 'v1', kind: 'Binding', metadata: { namespace, name, uid }, target: { kind: 'Node', name: nodeName } }, { subresource: 'binding' });
      queue.done(pod.uid);
      events.event(pod.pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`, { action: 'Binding' });
    } catch (error) {
      cache.removePod(pod.uid);
      if (isNotFound(error)) return queue.remove(pod.uid);
      const current = pods.get(namespace ?? '', name ?? '');
      if (current && waits(current)) {
        queue.failed(pod);
        events.event(pod.pod, 'Warning', 'FailedScheduling', `binding rejected: ${(error as Error).message}`, { action: 'Scheduling' });
      } else {
        queue.remove(pod.uid);
        if (current?.spec?.nodeName && current.metadata?.uid === pod.uid && holdsResources(current)) cache.setPod(current);
      }
      log.info('binding was refused', { pod: `${namespace}/${name}`, node: nodeName, error });
    }
  };
  const markUnschedulable = async (pod: PodInfo, message: string): Promise<void> => {
    const { namespace, name = '', generation } = pod.pod.metadata ?? {};
    const known = pod.pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
    if (known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message) return;
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : now;
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime, observedGeneration: generation };
    try {
      await client.patch(podType, { namespace, name }, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) log.warn('could not mark the pod unschedulable', { pod: `${namespace}/${name}`, error });
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
      if (cache.nodeOf(uid) === undefined) return;
      cache.removePod(uid);
      queue.happened('pod-deleted');
    } else if (pod.spec?.nodeName) {
      const fresh = cache.nodeOf(uid) === undefined;
      cache.setPod(pod);
      if (change.type === 'added' || !change.previous?.spec?.nodeName) {
        if (fresh) queue.remove(uid);
        queue.happened('pod-assigned');
      } else if (change.previous.metadata?.labels !== pod.metadata?.labels) {
        queue.happened('pod-labels');
      }
    } else if (waits(pod)) {
      if (change.previous && waits(change.previous) && change.previous.metadata?.generation === pod.metadata?.generation) return;
      queue.add(podInfo(pod));
      queue.update(podInfo(pod));
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
    async start() {
      subscriptions.push(nodes.subscribe(onNode), pods.subscribe(onPod));
      await Promise.all([nodes.synced, pods.synced]);
      ready = true;
      wake();
    },
    async stop() {
      stopped = true;
      for (const end of subscriptions) end();
      queue.stop();
      await Promise.all(bindings);
    },
  };
}
