/** The kubelet of virtual nodes as a controller: its requests are pods, and nothing of it has to live between two of them. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import { formatTime } from '@nodeless/apimachinery/time';
import type { Client } from '@nodeless/client/client';
import { pods, services } from '@nodeless/client/resource-types';
import {
  type Controller,
  type ReconcileContext,
  type Request,
  type Result,
  type WatchRule,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import type { EventRecorder } from '@nodeless/controller-runtime/events';
import { apiService, isApiService } from './api-service.ts';
import { admitPod } from './pod-admission.ts';
import { withLatestVerdicts } from './agent/apply-report.ts';
import type { ClusterDns } from './pod-dns.ts';
import { refOf } from './pod-names.ts';
import { readReferences } from './pod-reads.ts';
import { podSignature } from './pod-signature.ts';
import { podStatus, rejectedStatus, sameStatus } from './pod-status.ts';
import { after, deadlineOf, graceOf, mountRetryMs, patience } from './pod-timing.ts';
import {
  type NodeCapacity,
  type ObservedPod,
  type PodProvider,
  type PodRecords,
  type PodRef,
  ProviderError,
} from './providers/provider.ts';
import { resolvePod } from './resolve-pod.ts';
import { withOwnConditions } from './status-conditions.ts';
import { writeStatus } from './status-writer.ts';
import { stopNotBefore } from './stop-delay.ts';

export interface PodReconcilerOptions {
  readonly provider: PodProvider & PodRecords;
  readonly isOurs: (nodeName: string) => boolean;
  /** A client that acts as the node. */
  readonly clientFor: (nodeName: string) => Client;
  readonly eventsFor: (nodeName: string) => EventRecorder;
  readonly dns: ClusterDns;
  /** What pods are told of the Service `kubernetes`: the API is not behind its ClusterIP. */
  readonly apiHost: string;
  /** Tasks against pods; called with a function that reconciles one pod. Answers when to look again, where that is known. */
  readonly sweep?: (
    context: ReconcileContext,
    reconcile: (pod: Pod) => Promise<Result | void>,
  ) => Promise<Result | void>;
  readonly random?: () => number;
}

export const podReconcilerName = 'virtual-kubelet';
export const sweepMs = 300_000;
const throttleRetryMs = 1_000;

/** One turn of one pod. */
interface Turn {
  pod: Pod;
  readonly ref: PodRef;
  readonly node: NodeCapacity;
  readonly client: Client;
  readonly context: ReconcileContext;
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string) => void;
}

export function createPodReconciler(options: PodReconcilerOptions): Controller {
  const { provider, isOurs, clientFor, eventsFor, dns, random = Math.random } = options;
  const turns = new Map<string, Turn>();
  /** UIDs that a name has had, as far as this process knows. */
  const uids = new Map<string, Set<string>>();

  provider.subscribe?.(
    () => {},
    ({ ref, type, reason, message, fieldPath }) => turns.get(ref.uid)?.event(type, reason, message, fieldPath),
  );

  const reconcilePod = async (pod: Pod, context: ReconcileContext): Promise<Result | void> => {
    const nodeName = pod.spec?.nodeName ?? '';
    const node = (await provider.nodes()).get(nodeName);
    if (!node) return;
    const ref = refOf(pod);
    const recorder = eventsFor(nodeName);
    const turn: Turn = {
      pod,
      ref,
      node,
      client: clientFor(nodeName),
      context,
      event: (type, reason, message, fieldPath) =>
        recorder.event(
          { ...pod, apiVersion: 'v1', kind: 'Pod' },
          type,
          reason,
          message,
          fieldPath === undefined ? {} : { fieldPath },
        ),
    };
    turns.set(ref.uid, turn);
    try {
      provider.recall(pod);
      const phase = pod.status?.phase;
      if (pod.metadata?.deletionTimestamp) return await terminate(turn);
      if (phase === 'Succeeded' || phase === 'Failed') return await keepEnded(turn);
      return await keepRunning(turn);
    } finally {
      turns.delete(ref.uid);
    }
  };

  const keepRunning = async (turn: Turn): Promise<Result | void> => {
    const { context } = turn;
    if (!(await admit(turn))) return;
    const deadline = deadlineOf(turn.pod);
    if (deadline !== undefined && deadline <= context.clock.now()) return end(turn);
    let again = deadline;
    const soon = (at: number | undefined): void => {
      if (at !== undefined) again = again === undefined ? at : Math.min(again, at);
    };
    if (await provider.settle(turn.ref)) soon(await start(turn));
    const observed = await provider.observePod(turn.ref);
    if (!(await save(turn, observed, {}))) return;
    if (observed?.disruption && !observed.finished) return evict(turn, observed.disruption.message);
    soon(provider.wakeAt(turn.ref));
    return after(again, context.clock);
  };

  /** Starts the pod; answers when to try again, where that is known. */
  const start = async (turn: Turn): Promise<number | undefined> => {
    const { pod, node, client, context } = turn;
    const known = await context.cache.list(services);
    const { pod: resolved, problems } = await resolvePod(pod, node, {
      client,
      references: readReferences(client),
      // Tokens are the agent's to fetch; here it only matters that everything else is there.
      tokens: { token: () => Promise.resolve(''), renewAt: () => undefined, forget: () => {} },
      services: () => [...known.filter((service) => !isApiService(service)), apiService(options.apiHost)],
      dns,
      withVolumes: true,
    });
    for (const { message } of problems) turn.event('Warning', 'FailedMount', message);
    if (problems.length > 0) return context.clock.now() + patience(pod, context.clock.now());
    try {
      await provider.createPod(resolved);
      const broken = Object.values(resolved.containers).some((c) => c.error);
      return broken ? context.clock.now() + patience(pod, context.clock.now()) : undefined;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      // The provider has told why, and knows when to try again.
      return error.code === 'throttled' ? context.clock.now() + throttleRetryMs * (1 + random()) : undefined;
    }
  };

  /** The node's own check, before anything is started. */
  const admit = async (turn: Turn): Promise<boolean> => {
    const { pod, context, client } = turn;
    if (pod.status?.startTime !== undefined && pod.status.phase !== undefined) return true;
    const labels = turn.node.labels;
    const own = { metadata: { name: pod.spec?.nodeName ?? '', labels: { ...labels, ...archLabels(turn.node) } } };
    const refusal = admitPod(pod, { ...own, status: { allocatable: { ...turn.node.allocatable } } }, []);
    if (!refusal) return true;
    turn.event('Warning', refusal.reason, refusal.message);
    await writeStatus(client, pod, (p) =>
      rejectedStatus(p, refusal.reason, `Pod was rejected: ${refusal.message}`, formatTime(context.clock.now())),
    );
    return false;
  };

  /** Ended by its own deadline: stopped first, then said to have failed. */
  const end = async (turn: Turn): Promise<Result | void> => {
    const { ref, context } = turn;
    const failure = {
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    };
    turn.event('Normal', failure.reason, failure.message);
    await provider.beginStop(ref, graceOf(turn.pod));
    const observed = await provider.observePod(ref);
    const ended = observed === undefined || observed.finished;
    if (!(await save(turn, observed, { ended, failure }))) return;
    return ended ? undefined : after(provider.wakeAt(ref), context.clock);
  };

  /** It has ended and stays to be looked at; nothing of it may run. */
  const keepEnded = async (turn: Turn): Promise<Result | void> => {
    const observed = await provider.observePod(turn.ref);
    if (!observed || observed.finished) {
      if (observed) await save(turn, observed, { ended: true });
      return;
    }
    await provider.beginStop(turn.ref, graceOf(turn.pod));
    await save(turn, observed, {});
    return after(provider.wakeAt(turn.ref), turn.context.clock);
  };

  const terminate = async (turn: Turn): Promise<Result | void> => {
    const { ref, client, context } = turn;
    const notBefore = stopNotBefore(turn.pod) ?? 0;
    const waits = notBefore > context.clock.now();
    if (!waits) await provider.beginStop(ref, graceOf(turn.pod));
    const observed = await provider.observePod(ref);
    if (waits && observed && !observed.finished) {
      await save(turn, observed, {});
      return after(notBefore, context.clock);
    }
    if (observed && !observed.finished) {
      await save(turn, observed, {});
      return after(provider.wakeAt(ref) ?? context.clock.now() + mountRetryMs, context.clock);
    }
    await save(turn, observed, { ended: true });
    await provider.deletePod(ref, 0);
    try {
      const { namespace, name, uid } = ref;
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  };

  /** What it runs on is taken away: as with a node that is drained, whoever owns it makes another one at once. */
  const evict = async (turn: Turn, message: string): Promise<void> => {
    const { namespace, name, uid } = turn.ref;
    turn.event('Warning', 'SpotInterruption', message);
    try {
      await turn.client.delete(pods, { namespace, name }, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  };

  /** False: the pod is gone. */
  const save = async (
    turn: Turn,
    observed: ObservedPod | undefined,
    options: { ended?: boolean; failure?: { reason: string; message: string } },
  ): Promise<boolean> => {
    const { ref, node, client, context } = turn;
    const now = formatTime(context.clock.now());
    const hostIps = node.addresses.filter((a) => a.type === 'InternalIP').map((a) => a.address);
    const fresh = await writeStatus(client, turn.pod, (pod) => {
      const status = podStatus(pod, observed && withLatestVerdicts(observed, pod), {
        now,
        hostIps,
        ended: options.ended ?? false,
        failure: options.failure,
      });
      const own = provider.conditions(ref);
      const before = pod.status?.conditions ?? [];
      const full = withOwnConditions(pod, status, provider.conditionTypes, own, observed?.disruption, now);
      // What is told by each event of the provider, but changes nothing, is not written each time.
      const old = own.map((c) => before.find((b) => b.type === c.type && !provider.isNews(b, c)) ?? c);
      const least = withOwnConditions(pod, status, provider.conditionTypes, old, observed?.disruption, now);
      return sameStatus(pod.status, least) ? least : full;
    });
    if (!fresh) return false;
    turn.pod = fresh;
    provider.recall(fresh);
    return true;
  };

  /** The API has forgotten it, by force: nothing of it may go on. */
  const removeOthers = async (
    key: string,
    except: string | undefined,
    namespace: string,
    name: string,
  ): Promise<void> => {
    for (const uid of uids.get(key) ?? []) {
      if (uid === except) continue;
      await provider.beginStop({ namespace, name, uid }, 0);
      uids.get(key)?.delete(uid);
    }
    if (uids.get(key)?.size === 0) uids.delete(key);
  };

  const reconcile = async (request: Request, context: ReconcileContext): Promise<Result | void> => {
    if (request.name === '') return options.sweep?.(context, (pod) => reconcilePod(pod, context));
    const { namespace = '', name } = request;
    const key = `${namespace}/${name}`;
    const pod = await context.cache.get(pods, request);
    const uid = pod?.metadata?.uid;
    await removeOthers(key, uid, namespace, name);
    if (!pod || uid === undefined || !isOurs(pod.spec?.nodeName ?? '')) return;
    uids.set(key, new Set([uid]));
    const result = await reconcilePod(pod, context);
    return result;
  };

  return {
    name: podReconcilerName,
    watches: [podRule(isOurs)],
    concurrency: 32,
    ...(options.sweep ? { resyncMs: sweepMs } : {}),
    reconcile,
  };
}

/** What of pods concerns their kubelet. */
export function podRule(isOurs: (nodeName: string) => boolean): WatchRule {
  return watchRule<Pod>({
    type: pods,
    requests({ type, object, previous }) {
      if (!isOurs(object.spec?.nodeName ?? '')) return [];
      if (type === 'modified' && previous && podSignature(previous) === podSignature(object)) return [];
      return [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }];
    },
  });
}

const archLabels = ({ info }: NodeCapacity): Record<string, string> => ({
  'kubernetes.io/arch': info.architecture,
  'kubernetes.io/os': info.operatingSystem,
});
