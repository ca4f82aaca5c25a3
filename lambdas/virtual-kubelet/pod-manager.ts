import type { Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import { formatTime, parseTime } from '@nodeless/apimachinery/time';
import type { Client } from '@nodeless/client/client';
import { pods as podType } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { EventRecorder } from '@nodeless/controller-runtime/events';
import type { NodeAgent } from './node-agent.ts';
import { admitPod } from './pod-admission.ts';
import type { ClusterDns } from './pod-dns.ts';
import { formatPod, refOf } from './pod-names.ts';
import { podStatus, rejectedStatus } from './pod-status.ts';
import {
  grace,
  hasForeignStatus,
  isEnded,
  nameKey,
  newWork,
  nextTurn,
  revision,
  sameForProvider,
  type Work,
} from './pod-work.ts';
import { type ObservedPod, type PodEvent, type PodProvider, ProviderError } from './providers/provider.ts';
import { createReferenceCache } from './reference-cache.ts';
import { resolvePod } from './resolve-pod.ts';
import { createServiceAccountTokens } from './service-account-tokens.ts';
import { writeStatus } from './status-writer.ts';

export interface PodManagerDeps {
  readonly agent: Pick<NodeAgent, 'node' | 'capacity'>;
  /** Acts as the node. */
  readonly client: Client;
  readonly events: EventRecorder;
  readonly provider: PodProvider;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dns: ClusterDns;
  readonly services: () => readonly Service[];
}

/** The pods of one node: each is brought from what the API wants to what the provider has, and its status back. */
export interface PodManager {
  /** The pod in the API is like this now. */
  set(pod: Pod): void;
  /** The pod is gone from the API. */
  removed(pod: Pod): void;
  /** The provider noticed something about it. */
  observed(uid: string): void;
  report(event: PodEvent): void;
  has(uid: string): boolean;
  /** The pod as the API has it. */
  find(namespace: string, name: string): Pod | undefined;
  list(): readonly Pod[];
  stop(): void;
}

const firstRetryMs = 500;
const longestRetryMs = 122_000;

export function createPodManager(deps: PodManagerDeps): PodManager {
  const { agent, client, events, provider, clock, log, dns } = deps;
  const works = new Map<string, Work>();
  const byName = new Map<string, string>();
  let closed = false;
  const references = createReferenceCache({ client, clock, log, onChange: (uid) => trigger(uid, true) });
  const tokens = createServiceAccountTokens({ client, clock });

  const trigger = (uid: string, dirty: boolean): void => {
    const work = works.get(uid);
    if (!work || closed) return;
    if (dirty) work.dirty = true;
    work.again = true;
    if (work.running) return;
    work.running = true;
    void run(uid, work);
  };

  /** One pod's turns, one after another. */
  const run = async (uid: string, work: Work): Promise<void> => {
    while (work.again && !closed) {
      work.again = false;
      try {
        await sync(work);
        work.failures = 0;
      } catch (error) {
        if (closed) return;
        work.dirty = true;
        const delay = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(work.failures++, 10));
        if (!isConflict(error)) log.warn('pod could not be synced', { pod: formatPod(refOf(work.pod)), error });
        wakeAfter(work, delay);
      }
      if (!works.has(uid)) return;
    }
    work.running = false;
  };

  const wakeAfter = (work: Work, ms: number): void => {
    const at = clock.now() + Math.max(1, ms);
    if (work.timer && work.timerAt <= at && work.timerAt > clock.now()) return;
    work.timer?.cancel();
    work.timerAt = at;
    work.timer = clock.setTimer(() => {
      work.timer = undefined;
      trigger(refOf(work.pod).uid, true);
    }, at - clock.now());
  };

  const sync = async (work: Work): Promise<void> => {
    const { pod } = work;
    const phase = pod.status?.phase;
    if (work.gone) await removeGone(work);
    else if (pod.metadata?.deletionTimestamp) await terminate(work);
    else if (phase === 'Succeeded' || phase === 'Failed') await keepEnded(work);
    else if (work.failure) await end(work);
    else await keepRunning(work);
  };

  const keepRunning = async (work: Work): Promise<void> => {
    if (!work.admitted && !(await admit(work))) return;
    if (pastDeadline(work)) {
      work.failure = {
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      };
      event(work.pod, 'Normal', 'DeadlineExceeded', work.failure.message);
      await end(work);
      return;
    }
    if (work.dirty) await apply(work);
    const observed = await provider.observePod(refOf(work.pod));
    await save(work, observed, false);
    const renewAt = tokens.renewAt(refOf(work.pod).uid);
    if (renewAt !== undefined) wakeAfter(work, renewAt - clock.now());
  };

  /** Tells the provider how the pod should be. A pod whose volumes cannot be made waits. */
  const apply = async (work: Work): Promise<void> => {
    work.dirty = false;
    const { pod } = work;
    const resolution = await resolvePod(pod, agent.capacity(), {
      client,
      references,
      tokens,
      services: deps.services,
      dns,
      withVolumes: provider.readsVolumes !== false,
    });
    if (resolution.problems.length > 0 && !work.created) {
      for (const { message } of resolution.problems) event(pod, 'Warning', 'FailedMount', message);
      const delay = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(work.failures++, 10));
      await save(work, await provider.observePod(refOf(pod)), false);
      wakeAfter(work, delay);
      return;
    }
    // While a source is missing, what runs goes on with what it had.
    if (resolution.problems.length > 0) return;
    if (work.created) await provider.updatePod(resolution.pod);
    else await provider.createPod(resolution.pod);
    work.created = true;
  };

  /** The node's own check, once for each pod; one that already runs here has passed it. */
  const admit = async (work: Work): Promise<boolean> => {
    const { pod } = work;
    const node = agent.node();
    const began = pod.status?.startTime !== undefined && pod.status.phase !== undefined;
    if (!began && node) {
      const others = [...works.values()]
        .filter((w) => w.admitted && w !== work && !w.gone && !isEnded(w.pod))
        .map((w) => w.pod);
      const refusal = admitPod(pod, node, others);
      if (refusal) {
        event(pod, 'Warning', refusal.reason, refusal.message);
        const fresh = await writeStatus(client, pod, (p) =>
          rejectedStatus(p, refusal.reason, `Pod was rejected: ${refusal.message}`, formatTime(clock.now())),
        );
        if (fresh) adopt(work, fresh);
        return false;
      }
    }
    work.admitted = true;
    return true;
  };

  const pastDeadline = (work: Work): boolean => {
    const seconds = work.pod.spec?.activeDeadlineSeconds;
    const startTime = work.pod.status?.startTime;
    if (seconds === undefined || startTime === undefined) return false;
    const left = parseTime(startTime) + seconds * 1000 - clock.now();
    if (left > 0) wakeAfter(work, left);
    return left <= 0;
  };

  /** A pod that we end: stopped first, then said to have failed, so that nobody replaces it while it still runs. */
  const end = async (work: Work): Promise<void> => {
    stop(work, grace(work.pod));
    const observed = await provider.observePod(refOf(work.pod));
    await save(work, observed, work.stopped);
  };

  /** It has ended, and stays until somebody deletes it: its logs can still be read. */
  const keepEnded = async (work: Work): Promise<void> => {
    work.admitted = true;
    const observed = await provider.observePod(refOf(work.pod));
    if (observed && !observed.finished && !work.stopping) stop(work, grace(work.pod));
    if (observed && work.created) await save(work, observed, work.stopped || observed.finished);
  };

  const terminate = async (work: Work): Promise<void> => {
    if (work.deleted) return;
    const { pod } = work;
    const ref = refOf(pod);
    stop(work, grace(pod));
    // What stops at once is not reported as stopping first.
    if (!work.stopped) await Promise.race([work.stopping?.promise, nextTurn()]);
    const observed = await provider.observePod(ref);
    if (!work.stopped) {
      // Once everything has ended the last word follows at once.
      if (observed && !observed.finished) await save(work, observed, false);
      return;
    }
    await save(work, observed, true);
    await provider.deletePod(ref, 0);
    work.deleted = true;
    try {
      await client.delete(
        podType,
        { namespace: ref.namespace, name: ref.name },
        { gracePeriodSeconds: 0, preconditions: { uid: ref.uid } },
      );
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return;
      work.deleted = false;
      throw error;
    }
  };

  /** The API has forgotten it (it was deleted by force): nothing of it may go on. */
  const removeGone = async (work: Work): Promise<void> => {
    const ref = refOf(work.pod);
    if (!work.deleted) await provider.deletePod(ref, grace(work.pod));
    work.timer?.cancel();
    references.release(ref.uid);
    tokens.forget(ref.uid);
    works.delete(ref.uid);
    if (byName.get(nameKey(ref)) === ref.uid) byName.delete(nameKey(ref));
  };

  /** Begins to stop the pod, or takes a shorter grace over; another turn follows when it has stopped. */
  const stop = (work: Work, graceSeconds: number): void => {
    if (work.stopped || (work.stopping && work.stopping.graceSeconds <= graceSeconds)) return;
    const ref = refOf(work.pod);
    const promise = provider.stopPod(ref, graceSeconds).then(
      () => {
        work.stopped = true;
        trigger(ref.uid, false);
      },
      (error: unknown) => {
        if (!(error instanceof ProviderError && error.code === 'unavailable'))
          log.warn('pod could not be stopped', { pod: formatPod(ref), error });
        work.stopping = undefined;
        wakeAfter(work, firstRetryMs * 4);
      },
    );
    work.stopping = { graceSeconds, promise };
  };

  const save = async (work: Work, observed: ObservedPod | undefined, ended: boolean): Promise<void> => {
    const hostIps = agent
      .capacity()
      .addresses.filter((a) => a.type === 'InternalIP')
      .map((a) => a.address);
    const now = formatTime(clock.now());
    const fresh = await writeStatus(client, work.pod, (pod) =>
      podStatus(pod, observed, { now, hostIps, ended, failure: work.failure }),
    );
    if (fresh) adopt(work, fresh);
  };

  /** Takes over what a write answered, unless the watch has brought something newer. */
  const adopt = (work: Work, fresh: Pod): void => {
    if (revision(fresh) > revision(work.pod)) work.pod = fresh;
  };

  const event = (pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void => {
    events.event(
      { ...pod, apiVersion: 'v1', kind: 'Pod' },
      type,
      reason,
      message,
      fieldPath === undefined ? {} : { fieldPath },
    );
  };

  return {
    set(pod) {
      const ref = refOf(pod);
      const known = works.get(ref.uid);
      if (known) {
        const before = known.pod;
        if (revision(pod) > revision(before)) known.pod = pod;
        // Our own status writes come back here: they are no news for the provider.
        const news = !sameForProvider(before, pod);
        if (
          news ||
          before.metadata?.deletionTimestamp !== pod.metadata?.deletionTimestamp ||
          hasForeignStatus(before, pod)
        )
          trigger(ref.uid, news);
        return;
      }
      works.set(ref.uid, newWork(pod));
      byName.set(nameKey(ref), ref.uid);
      trigger(ref.uid, true);
    },
    removed(pod) {
      const work = works.get(refOf(pod).uid);
      if (!work) return;
      work.gone = true;
      trigger(refOf(pod).uid, false);
    },
    observed: (uid) => trigger(uid, false),
    report({ ref, type, reason, message, fieldPath }) {
      const work = works.get(ref.uid);
      if (work) event(work.pod, type, reason, message, fieldPath);
    },
    has: (uid) => works.has(uid),
    find(namespace, name) {
      const uid = byName.get(`${namespace}/${name}`);
      const work = uid === undefined ? undefined : works.get(uid);
      return work?.gone ? undefined : work?.pod;
    },
    list: () => [...works.values()].filter((w) => !w.gone).map((w) => w.pod),
    stop() {
      closed = true;
      references.stop();
      for (const work of works.values()) work.timer?.cancel();
    },
  };
}
