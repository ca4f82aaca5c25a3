import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '@nodeless/apimachinery/generated/types/apps/v1';
import { timestamp } from '../time.ts';
import { maxUnavailable } from './limits.ts';

const sum = (replicaSets: readonly ReplicaSet[], of: (rs: ReplicaSet) => number | undefined): number =>
  replicaSets.reduce((total, rs) => total + (of(rs) ?? 0), 0);

/** Counts over all ReplicaSets, the Available condition, and what the ReplicaSets' failures say; Progressing comes from progress(). */
export function deploymentStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const available = sum(all, (rs) => rs.status?.availableReplicas);
  const total = sum(all, (rs) => rs.status?.replicas);
  const wanted = deployment.spec?.replicas ?? 1;
  const conditions = setCondition(
    deployment.status?.conditions,
    available >= wanted - maxUnavailable(deployment)
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    now,
  );
  const counts = {
    replicas: total,
    updatedReplicas: fresh?.status?.replicas,
    readyReplicas: sum(all, (rs) => rs.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, (rs) => rs.spec?.replicas ?? 1) - available),
  };
  return {
    observedGeneration: deployment.metadata?.generation,
    ...Object.fromEntries(Object.entries(counts).filter(([, value]) => value)),
    terminatingReplicas: sum(all, (rs) => rs.status?.terminatingReplicas),
    conditions,
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
  };
}

export type NewCondition = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;

/** Replaces a condition; the transition time stays while the status does, and nothing changes when status and reason are the same. */
export function setCondition(
  known: readonly DeploymentCondition[] | undefined,
  condition: NewCondition,
  now: number,
): DeploymentCondition[] {
  const before = known?.find((c) => c.type === condition.type);
  if (before && before.status === condition.status && before.reason === condition.reason) return [...(known ?? [])];
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : timestamp(now);
  return [
    ...(known ?? []).filter((c) => c.type !== condition.type),
    { ...condition, lastUpdateTime: timestamp(now), lastTransitionTime },
  ];
}

export function dropCondition(known: readonly DeploymentCondition[] | undefined, type: string): DeploymentCondition[] {
  return (known ?? []).filter((c) => c.type !== type);
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function progressing(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined): number =>
    (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

/** The Progressing condition after a sync, and when to look again for the deadline. */
export function progress(
  deployment: Deployment,
  status: DeploymentStatus,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  now: number,
): { conditions: DeploymentCondition[]; checkAfterMs: number | undefined } {
  const deadline = deployment.spec?.progressDeadlineSeconds;
  const known = status.conditions ?? [];
  const failures = all
    .flatMap((rs) => rs.status?.conditions ?? [])
    .filter((c) => c.type === 'ReplicaFailure' && c.status === 'True');
  const withFailure = (conditions: DeploymentCondition[]): DeploymentCondition[] => {
    const [failure] = failures;
    const without = dropCondition(conditions, 'ReplicaFailure');
    return failure
      ? setCondition(
          [...without, ...known.filter((c) => c.type === 'ReplicaFailure')],
          { type: 'ReplicaFailure', status: failure.status, reason: failure.reason, message: failure.message },
          now,
        )
      : without;
  };
  if (deadline === undefined || deadline === 2_147_483_647)
    return { conditions: withFailure(dropCondition(known, 'Progressing')), checkAfterMs: undefined };
  const current = known.find((c) => c.type === 'Progressing');
  const subject = fresh ? `ReplicaSet "${fresh.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`;
  const done = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (done) return { conditions: withFailure(known), checkAfterMs: undefined };
  if (isComplete(deployment, status)) {
    const condition = {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `${subject} has successfully progressed.`,
    };
    return { conditions: withFailure(setCondition(known, condition, now)), checkAfterMs: undefined };
  }
  if (progressing(deployment.status, status)) {
    const condition: DeploymentCondition = {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      message: `${subject} is progressing.`,
      lastUpdateTime: timestamp(now),
      lastTransitionTime: timestamp(now),
    };
    if (current?.status === 'True') condition.lastTransitionTime = current.lastTransitionTime;
    return {
      conditions: withFailure([...dropCondition(known, 'Progressing'), condition]),
      checkAfterMs: deadline * 1000,
    };
  }
  if (!current || current.reason === 'ProgressDeadlineExceeded')
    return { conditions: withFailure(known), checkAfterMs: undefined };
  const due = Date.parse(current.lastUpdateTime ?? '') + deadline * 1000;
  if (now < due || current.reason === 'DeploymentPaused')
    return { conditions: withFailure(known), checkAfterMs: Math.max(1_000, due - now) };
  const condition = {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `${subject} has timed out progressing.`,
  };
  return { conditions: withFailure(setCondition(known, condition, now)), checkAfterMs: undefined };
}
