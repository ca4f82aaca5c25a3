import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { ClusterEvent, Profile } from './framework.ts';
import type { PodInfo } from './pod-info.ts';

/** Upstream's defaults: podInitialBackoffSeconds, podMaxBackoffSeconds, and the flush of unschedulable pods. */
const initialBackoffMs = 1_000;
const maxBackoffMs = 10_000;
const flushAfterMs = 5 * 60_000;
/** Looks come every five minutes, give or take a little. */
const earlyFlushMs = 30_000;

interface Queued {
  pod: PodInfo;
  attempts: number;
  addedAt: number;
  lastAttemptAt: number;
  rejectedBy: ReadonlySet<string>;
  place: 'active' | 'backoff' | 'unschedulable';
  timer: Timer | undefined;
  /** When the timer is to ring. */
  due: number;
}

/**
 * Pods waiting for a node: active ones by priority and age; unschedulable ones until something happens that could help
 * them (or five minutes), and then not before their back-off (1 s doubling to 10 s) is over.
 */
export interface SchedulingQueue {
  add(pod: PodInfo): void;
  /** The pod's spec, labels or gates changed. */
  update(pod: PodInfo): void;
  /** Its status changed: it is kept up to date where it stands. */
  refresh(pod: Readonly<Pod>): void;
  remove(uid: string): void;
  /** The next pod to try; undefined when none is active. It has left the queue. */
  pop(): PodInfo | undefined;
  /** A popped pod found no node. */
  unschedulable(pod: PodInfo, rejectedBy: ReadonlySet<string>): void;
  /** A popped pod failed for another reason (its binding was refused): tried again after its back-off. */
  failed(pod: PodInfo): void;
  /** A popped pod was bound. */
  done(uid: string): void;
  happened(event: ClusterEvent): void;
  /**
   * For a process that is frozen between looks: does what timers should have done, and flushes unschedulable pods that would be
   * flushed soon after.
   */
  activateDue(): void;
  /** Milliseconds until the first back-off is over; undefined when none is under way. */
  nextDueMs(): number | undefined;
  length(): number;
  stop(): void;
}

export function createSchedulingQueue(options: {
  clock: Clock;
  profile: Profile;
  onActive: () => void;
}): SchedulingQueue {
  const { clock, profile, onActive } = options;
  const pods = new Map<string, Queued>();
  const popped = new Map<string, Queued>();
  const retryOn = new Map(profile.filters.map((plugin) => [plugin.name, new Set(plugin.retryOn)]));
  let active: Queued[] = [];
  let sorted = true;

  const activate = (item: Queued): void => {
    item.timer?.cancel();
    item.timer = undefined;
    item.place = 'active';
    active.push(item);
    sorted = false;
    onActive();
  };
  const backoffMs = (item: Queued): number =>
    Math.min(maxBackoffMs, initialBackoffMs * 2 ** Math.min(item.attempts - 1, 10));
  const afterBackoff = (item: Queued): void => {
    const remaining = item.lastAttemptAt + backoffMs(item) - clock.now();
    if (remaining <= 0) return activate(item);
    item.timer?.cancel();
    item.place = 'backoff';
    activateIn(item, remaining);
  };
  const activateIn = (item: Queued, ms: number): void => {
    item.due = clock.now() + ms;
    item.timer = clock.setTimer(() => activate(item), ms);
  };
  const newItem = (pod: PodInfo): Queued => ({
    pod,
    attempts: 0,
    addedAt: clock.now(),
    lastAttemptAt: 0,
    rejectedBy: new Set(),
    place: 'active',
    timer: undefined,
    due: 0,
  });
  const attempted = (pod: PodInfo): Queued | undefined => {
    const item = popped.get(pod.uid);
    if (!item) return undefined;
    popped.delete(pod.uid);
    item.attempts += 1;
    item.lastAttemptAt = clock.now();
    pods.set(pod.uid, item);
    return item;
  };

  return {
    add(pod) {
      if (pods.has(pod.uid) || popped.has(pod.uid)) return;
      const item = newItem(pod);
      pods.set(pod.uid, item);
      activate(item);
    },
    update(pod) {
      const item = pods.get(pod.uid);
      if (!item) return;
      item.pod = pod;
      if (item.place === 'unschedulable') afterBackoff(item);
    },
    refresh(pod) {
      const item = pods.get(pod.metadata?.uid ?? '');
      if (item) item.pod = { ...item.pod, pod };
    },
    remove(uid) {
      popped.delete(uid);
      const item = pods.get(uid);
      if (!item) return;
      pods.delete(uid);
      item.timer?.cancel();
      if (item.place === 'active') active = active.filter((other) => other !== item);
    },
    pop() {
      if (!sorted) {
        active.sort((a, b) => a.pod.priority - b.pod.priority || b.addedAt - a.addedAt);
        sorted = true;
      }
      const item = active.pop();
      if (!item) return undefined;
      pods.delete(item.pod.uid);
      popped.set(item.pod.uid, item);
      return item.pod;
    },
    unschedulable(pod, rejectedBy) {
      const item = attempted(pod);
      if (!item) return;
      item.rejectedBy = rejectedBy;
      item.place = 'unschedulable';
      activateIn(item, flushAfterMs);
    },
    failed(pod) {
      const item = attempted(pod);
      if (item) afterBackoff(item);
    },
    done: (uid) => void popped.delete(uid),
    happened(event) {
      for (const item of pods.values()) {
        if (item.place !== 'unschedulable') continue;
        // No plugin turned it down where there was no node at all: then only a node helps.
        const helps =
          item.rejectedBy.size === 0
            ? event === 'node-added'
            : [...item.rejectedBy].some((name) => retryOn.get(name)?.has(event));
        if (helps) afterBackoff(item);
      }
    },
    activateDue() {
      const now = clock.now();
      for (const item of pods.values()) {
        const due = item.place === 'unschedulable' ? item.due - earlyFlushMs : item.due;
        if (item.place !== 'active' && due <= now) activate(item);
      }
    },
    nextDueMs() {
      let due = Infinity;
      for (const item of pods.values()) if (item.place === 'backoff') due = Math.min(due, item.due);
      return due === Infinity ? undefined : Math.max(0, due - clock.now());
    },
    length: () => active.length,
    stop() {
      for (const item of pods.values()) item.timer?.cancel();
      pods.clear();
      popped.clear();
      active = [];
    },
  };
}
