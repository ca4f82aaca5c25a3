/** One step of a StatefulSet: upstream's defaultStatefulSetControl, as a decision over what is there. */
import type { ControllerRevision, StatefulSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { PersistentVolumeClaim, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { scaledValue } from '@nodeless/apimachinery/int-or-string';
import { isPodAvailable, isPodReady, podReadySince } from '@nodeless/apimachinery/pod-conditions';
import { persistentVolumeClaims, pods as podType } from '@nodeless/client/resource-types';
import { type Action, create, event, remove, requeue, update } from '@nodeless/controller-runtime/actions';
import { templateOf } from '../controller-revisions.ts';
import {
  claimOwners,
  claimsOf,
  hasIdentity,
  identityLabels,
  newPod,
  ordinalOf,
  podName,
  revisionOf,
  startOrdinal,
} from './identity.ts';

export interface ObservedStatefulSet {
  readonly set: StatefulSet;
  /** Those that the set controls. */
  readonly pods: readonly Pod[];
  /** Claims of the namespace by name. */
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  /** What pods below the partition are made of, and what the set's template is now. */
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
}

export const isHealthy = (pod: Pod): boolean =>
  pod.status?.phase === 'Running' && isPodReady(pod) && !pod.metadata?.deletionTimestamp;
const isTerminating = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;
const nameOf = ({ metadata }: { metadata?: { name?: string } }): string => metadata?.name ?? '';

/** Everything is done in order of ordinals, and, unless pods are managed in parallel, one after the other. */
export function planStatefulSet(observed: ObservedStatefulSet, now: number): Action[] {
  const { set, pods } = observed;
  const parallel = set.spec?.podManagementPolicy === 'Parallel';
  const minReady = set.spec?.minReadySeconds ?? 0;
  const start = startOrdinal(set);
  const end = start + (set.spec?.replicas ?? 1);
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal >= 0 && (ordinal < start || ordinal >= end))
    .toSorted(([a], [b]) => b - a);
  const replicas = Array.from({ length: end - start }, (_, i) => byOrdinal.get(start + i));
  const actions: Action[] = [...waitForAvailability(pods, minReady, now)];
  if (set.metadata?.deletionTimestamp) return actions;
  const available = (pod: Pod): boolean => isHealthy(pod) && isPodAvailable(pod, minReady, now);

  for (const [i, pod] of replicas.entries()) {
    const ordinal = start + i;
    if (!pod) {
      actions.push(...createPod(observed, ordinal));
      if (!parallel) return actions;
      continue;
    }
    if (isFinished(pod)) {
      if (!isTerminating(pod)) actions.push(...replaceFinished(set, pod));
      // The next one comes when this one is gone.
      if (!parallel) return actions;
      continue;
    }
    if (pod.status?.phase === 'Pending') actions.push(...createClaims(observed, ordinal));
    if (!parallel && !available(pod)) return actions;
    if (!hasIdentity(set, pod, ordinal))
      actions.push(
        update(podType, {
          ...pod,
          metadata: { ...pod.metadata, labels: { ...pod.metadata?.labels, ...identityLabels(set, ordinal) } },
        }),
      );
    actions.push(...ownClaims(observed, ordinal, undefined));
  }

  for (const [ordinal, pod] of condemned) actions.push(...ownClaims(observed, ordinal, pod));
  const firstUnhealthy = [...replicas, ...condemned.map(([, pod]) => pod).toReversed()].find(
    (pod) => pod !== undefined && !isHealthy(pod),
  );
  for (const [, pod] of condemned) {
    if (isTerminating(pod)) {
      if (!parallel) return actions;
      continue;
    }
    if (!parallel && !available(pod) && pod !== firstUnhealthy) return actions;
    actions.push(...deletePod(set, pod));
    if (!parallel) return actions;
  }
  if (set.spec?.updateStrategy?.type !== 'OnDelete') actions.push(...planUpdate(observed, replicas, available));
  return actions;
}

/** Pods of another revision go from the highest ordinal down, each once those above it are well again. */
function planUpdate(
  { set, update: target }: ObservedStatefulSet,
  replicas: readonly (Pod | undefined)[],
  available: (pod: Pod) => boolean,
): Action[] {
  const rolling = set.spec?.updateStrategy?.rollingUpdate;
  // Counted from the first ordinal, whatever that is.
  const first = rolling?.partition ?? 0;
  const outdated = (pod: Pod): boolean => revisionOf(pod) !== nameOf(target) && !isTerminating(pod);
  if (rolling?.maxUnavailable === undefined) {
    for (const pod of replicas.slice(first).toReversed()) {
      if (!pod) return [];
      if (outdated(pod)) return deletePod(set, pod);
      if (!available(pod)) return [];
    }
    return [];
  }
  const allowed = Math.max(1, scaledValue(rolling.maxUnavailable, replicas.length, 'up'));
  const unavailable = replicas.filter((pod) => !pod || !available(pod)).length;
  return replicas
    .slice(first)
    .toReversed()
    .filter((pod) => pod !== undefined && outdated(pod))
    .slice(0, Math.max(0, allowed - unavailable))
    .flatMap((pod) => deletePod(set, pod as Pod));
}

const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';

function replaceFinished(set: StatefulSet, pod: Pod): Action[] {
  const about = `StatefulSet ${set.metadata?.namespace}/${nameOf(set)} is recreating`;
  const told =
    pod.status?.phase === 'Failed'
      ? event(set, 'Warning', 'RecreatingFailedPod', `${about} failed Pod ${nameOf(pod)}`)
      : event(set, 'Normal', 'RecreatingTerminatedPod', `${about} terminated Pod ${nameOf(pod)}`);
  return [told, ...deletePod(set, pod)];
}

function deletePod(set: StatefulSet, pod: Pod): Action[] {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  return [
    remove(podType, { namespace, name }, { preconditions: { uid } }),
    event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${nameOf(set)} successful`),
  ];
}

function createPod(observed: ObservedStatefulSet, ordinal: number): Action[] {
  const { set, current, update: target } = observed;
  const revision = usesCurrent(observed, ordinal) ? current : target;
  const pod = newPod(set, templateOf(revision), nameOf(revision), ordinal);
  return [
    ...createClaims(observed, ordinal),
    create(podType, pod),
    event(set, 'Normal', 'SuccessfulCreate', `create Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} successful`),
  ];
}

/** Below the partition of a rolling update pods keep the revision that they had. */
function usesCurrent({ set, current, update: target }: ObservedStatefulSet, ordinal: number): boolean {
  const strategy = set.spec?.updateStrategy;
  if (strategy?.type !== 'RollingUpdate' || nameOf(current) === nameOf(target)) return false;
  if (!strategy.rollingUpdate) return ordinal < startOrdinal(set) + (set.status?.currentReplicas ?? 0);
  return ordinal < startOrdinal(set) + (strategy.rollingUpdate.partition ?? 0);
}

function createClaims({ set, claims }: ObservedStatefulSet, ordinal: number): Action[] {
  return claimsOf(set, ordinal)
    .filter((claim) => !claims.has(nameOf(claim)))
    .flatMap((claim) => {
      const ownerReferences = claimOwners(set, claim, undefined);
      const owned = ownerReferences ? { ...claim, metadata: { ...claim.metadata, ownerReferences } } : claim;
      return [
        create(persistentVolumeClaims, owned),
        event(
          set,
          'Normal',
          'SuccessfulCreate',
          `create Claim ${nameOf(claim)} Pod ${podName(set, ordinal)} in StatefulSet ${nameOf(set)} success`,
        ),
      ];
    });
}

function ownClaims({ set, claims }: ObservedStatefulSet, ordinal: number, condemned: Pod | undefined): Action[] {
  return claimsOf(set, ordinal).flatMap((wanted) => {
    const claim = claims.get(nameOf(wanted));
    const ownerReferences =
      claim && !claim.metadata?.deletionTimestamp ? claimOwners(set, claim, condemned) : undefined;
    return claim && ownerReferences
      ? [update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, ownerReferences } })]
      : [];
  });
}

function waitForAvailability(pods: readonly Pod[], minReadySeconds: number, now: number): Action[] {
  const waits = pods
    .filter((pod) => isHealthy(pod) && !isPodAvailable(pod, minReadySeconds, now))
    .map((pod) => Math.max(1, Date.parse(podReadySince(pod) ?? '') + minReadySeconds * 1000 - now));
  return waits.length > 0 ? [requeue(Math.min(...waits))] : [];
}
