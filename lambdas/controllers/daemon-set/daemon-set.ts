import type { ControllerRevision, DaemonSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { isNotFound } from '@nodeless/apimachinery/status';
import { controllerRevisions, daemonSets, nodes, pods } from '@nodeless/client/resource-types';
import { perform, performOne, remove, slowStart, updateStatus } from '@nodeless/controller-runtime/actions';
import {
  type Change,
  type Controller,
  type Lister,
  type ReconcileContext,
  type Request,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { isCollision, planHistory, planHistoryCleanup, revisionLabel } from '../controller-revisions.ts';
import { claim, isControlledBy, ownerRequests } from '../ownership.ts';
import { sameStatus } from '../replica-set.ts';
import { newDaemonPod } from './nodes.ts';
import { type DaemonPlan, planDaemonSet } from './plan.ts';

const keyOf = ({ metadata }: { metadata?: { namespace?: string; name?: string } }): Request => ({
  namespace: metadata?.namespace,
  name: metadata?.name ?? '',
});
/** Upstream's back-off for pods that fail on a node: a second, doubled with each failure. */
const baseBackoffMs = 1_000;
const maxBackoffMs = 15 * 60_000;

async function podRequests(change: Change<Pod>, lookup: Lister): Promise<readonly Request[]> {
  const owners = ownerRequests('DaemonSet', 'apps')(change);
  const { metadata } = change.object;
  if (owners.length > 0 || metadata?.ownerReferences?.some((o) => o.controller)) return owners;
  const all = await lookup.list(daemonSets, metadata?.namespace);
  return all.filter((set) => matcherOf(set.spec?.selector)(metadata?.labels ?? {})).map(keyOf);
}

/** Heartbeats change nothing about where daemons run. */
async function nodeRequests({ object, previous, type }: Change<Node>, lookup: Lister): Promise<readonly Request[]> {
  const same =
    previous &&
    semanticEqual(previous.metadata?.labels, object.metadata?.labels) &&
    semanticEqual(previous.spec?.taints ?? [], object.spec?.taints ?? []);
  return type === 'modified' && same ? [] : (await lookup.list(daemonSets)).map(keyOf);
}

async function historyOf(set: DaemonSet, context: ReconcileContext) {
  const { namespace, uid = '' } = set.metadata ?? {};
  const { cache } = context;
  const candidates = [
    ...(await cache.ownedBy(controllerRevisions, uid, namespace)),
    ...(await cache.ownedBy(controllerRevisions, '', namespace)),
  ];
  const name = `${set.metadata?.name}-`;
  const claimed = claim(
    set,
    controllerRevisions,
    candidates.filter((r) => r.metadata?.name?.startsWith(name)),
    matcherOf(set.spec?.selector),
  );
  await perform(claimed.actions, context);
  const { collisionCount } = set.status ?? {};
  const labels = (hash: string): Record<string, string> => ({
    ...set.spec?.template.metadata?.labels,
    [revisionLabel]: hash,
  });
  const plan = planHistory(claimed.owned, {
    owner: set,
    template: set.spec?.template,
    collisionCount,
    labels,
    annotations: set.metadata?.annotations,
  });
  try {
    await perform(plan.actions, context);
  } catch (error) {
    if (await isCollision(error, plan.actions[0], set, context)) {
      const status = {
        currentNumberScheduled: 0,
        numberMisscheduled: 0,
        desiredNumberScheduled: 0,
        numberReady: 0,
        ...set.status,
        collisionCount: (collisionCount ?? 0) + 1,
      };
      await performOne(updateStatus(daemonSets, { ...set, status }), context);
    }
    throw error;
  }
  return plan;
}

const hashOf = (revision: ControllerRevision): string => revision.metadata?.labels?.[revisionLabel] ?? '';

async function apply(
  set: DaemonSet,
  plan: DaemonPlan,
  hash: string,
  { client, events }: ReconcileContext,
): Promise<unknown> {
  for (const { pod, nodeName } of plan.ended) {
    const failed = pod.status?.phase === 'Failed';
    const message = failed
      ? `Found failed daemon pod ${pod.metadata?.namespace}/${pod.metadata?.name} on node ${nodeName}, will try to kill it`
      : `Found succeeded daemon pod ${pod.metadata?.namespace}/${pod.metadata?.name} on node ${nodeName}, will try to delete it`;
    events.event(set, failed ? 'Warning' : 'Normal', failed ? 'FailedDaemonPod' : 'SucceededDaemonPod', message);
  }
  const { error } = await slowStart(plan.create.length, async (i) => {
    try {
      const made = await client.create(pods, newDaemonPod(set, plan.create[i] as string, hash));
      events.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata?.name}`);
    } catch (cause) {
      events.event(set, 'Warning', 'FailedCreate', `Error creating: ${(cause as Error).message}`);
      throw cause;
    }
  });
  const deletions = await Promise.allSettled(
    plan.remove.map(async (pod) => {
      try {
        await performOne(remove(pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid } }), { client, events });
        events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`);
      } catch (cause) {
        if (!isNotFound(cause)) throw cause;
      }
    }),
  );
  return error ?? deletions.find((d) => d.status === 'rejected')?.reason;
}

export function createDaemonSetController(): Controller {
  /** Failures by set and node, so that a node that refuses its daemon is not asked again and again. */
  const failures = new Map<string, { count: number; until: number }>();

  return {
    name: 'daemon-set-controller',
    watches: [
      watchRule({ type: daemonSets, requests: ({ object }) => [keyOf(object)] }),
      watchRule({ type: pods, requests: podRequests }),
      watchRule({ type: controllerRevisions, requests: ownerRequests('DaemonSet', 'apps') }),
      watchRule({ type: nodes, requests: nodeRequests }),
    ],
    async reconcile(request, context) {
      const { cache, clock } = context;
      const set = await cache.get(daemonSets, request);
      if (!set) return;
      const { namespace, uid = '' } = set.metadata ?? {};
      const { selector } = set.spec ?? {};
      if (
        !selector ||
        (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0)
      ) {
        context.events.event(
          set,
          'Warning',
          'SelectingAll',
          'This daemon set is selecting all pods. A non-empty selector is required.',
        );
        return;
      }
      const history = await historyOf(set, context);
      const hash = hashOf(history.current);
      const candidates = [
        ...(await cache.ownedBy(pods, uid, namespace)),
        ...(await cache.ownedBy(pods, '', namespace)),
      ];
      const claimed = claim(set, pods, candidates, matcherOf(selector));
      await perform(claimed.actions, context);
      const now = clock.now();
      const failuresOf = (nodeName: string) => failures.get(`${uid}/${nodeName}`);
      const plan = planDaemonSet(
        {
          set,
          nodes: await cache.list(nodes),
          pods: claimed.owned,
          hash,
          backoff: (name) => Math.max(0, (failuresOf(name)?.until ?? 0) - now),
        },
        now,
      );
      for (const { pod, nodeName } of plan.ended) {
        if (pod.status?.phase !== 'Failed') continue;
        const count = failuresOf(nodeName)?.count ?? 0;
        failures.set(`${uid}/${nodeName}`, {
          count: count + 1,
          until: now + Math.min(maxBackoffMs, baseBackoffMs * 2 ** Math.min(count, 20)),
        });
      }
      const error = await apply(set, plan, hash, context);
      if (!sameStatus(set.status, plan.status))
        await performOne(updateStatus(daemonSets, { ...set, status: plan.status }), context);
      if (error) throw error as Error;
      const used = new Set([
        hash,
        ...(await cache.ownedBy(pods, uid, namespace))
          .filter((pod) => isControlledBy(pod, set))
          .map((pod) => pod.metadata?.labels?.[revisionLabel] ?? ''),
      ]);
      await perform(
        planHistoryCleanup(history.known, set.spec?.revisionHistoryLimit, (revision) => used.has(hashOf(revision))),
        context,
      );
      return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
    },
  };
}
