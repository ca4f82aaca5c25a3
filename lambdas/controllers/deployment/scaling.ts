import type { Deployment, ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import { maxSurge, maxUnavailable } from './limits.ts';
import { byAge, desiredReplicasAnnotation, maxReplicasAnnotation } from './revision.ts';

export interface Scale {
  readonly replicaSet: ReplicaSet;
  readonly to: number;
}

export const replicasOf = (rs: ReplicaSet | undefined): number => rs?.spec?.replicas ?? (rs ? 1 : 0);
const totalReplicas = (all: readonly ReplicaSet[]): number => all.reduce((sum, rs) => sum + replicasOf(rs), 0);
const available = (all: readonly ReplicaSet[]): number =>
  all.reduce((sum, rs) => sum + (rs.status?.availableReplicas ?? 0), 0);

/** How many replicas the new ReplicaSet should have in this step. */
export function newReplicas(deployment: Deployment, all: readonly ReplicaSet[], fresh: ReplicaSet | undefined): number {
  const wanted = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type !== 'RollingUpdate') return wanted;
  const current = replicasOf(fresh);
  const room = wanted + maxSurge(deployment) - totalReplicas(all);
  if (room <= 0) return current;
  return current + Math.min(room, wanted - current);
}

/** One step of a rolling update: the new one up, or else the old ones down as far as availability allows. */
export function planRolling(deployment: Deployment, old: readonly ReplicaSet[], fresh: ReplicaSet): readonly Scale[] {
  const all = [...old, fresh];
  const wanted = deployment.spec?.replicas ?? 1;
  if (replicasOf(fresh) !== wanted) {
    const to = replicasOf(fresh) > wanted ? wanted : newReplicas(deployment, all, fresh);
    if (to !== replicasOf(fresh)) return [{ replicaSet: fresh, to }];
  }
  const shrinking = old.filter((rs) => replicasOf(rs) > 0);
  if (shrinking.length === 0) return [];
  const minAvailable = wanted - maxUnavailable(deployment);
  const unavailableFresh = replicasOf(fresh) - (fresh.status?.availableReplicas ?? 0);
  let spare = totalReplicas(all) - minAvailable - unavailableFresh;
  if (spare <= 0) return [];
  const to = new Map(shrinking.map((rs) => [rs, replicasOf(rs)]));
  // Replicas that do not work anyway go first: they cost no availability.
  for (const rs of byAge(shrinking)) {
    const unhealthy = Math.min(replicasOf(rs) - (rs.status?.availableReplicas ?? 0), spare);
    if (unhealthy <= 0) continue;
    to.set(rs, replicasOf(rs) - unhealthy);
    spare -= unhealthy;
  }
  let removable = available(all) - minAvailable;
  for (const rs of byAge(shrinking)) {
    const left = to.get(rs) as number;
    const take = Math.min(left, removable);
    if (take <= 0) continue;
    to.set(rs, left - take);
    removable -= take;
  }
  return [...to]
    .filter(([rs, replicas]) => replicas !== replicasOf(rs))
    .map(([replicaSet, replicas]) => ({ replicaSet, to: replicas }));
}

/** Whether the Deployment's replicas changed since its ReplicaSets were last scaled for it. */
export function wasScaled(deployment: Deployment, all: readonly ReplicaSet[]): boolean {
  return all.some((rs) => {
    const desired = rs.metadata?.annotations?.[desiredReplicasAnnotation];
    return replicasOf(rs) > 0 && desired !== undefined && Number(desired) !== (deployment.spec?.replicas ?? 1);
  });
}

/**
 * Scaling apart from a rollout: a single active (or a saturated new) ReplicaSet takes it all; in the middle of a rolling
 * update each active one gets its share, the largest first, so that a bad new version does not take over by scaling.
 */
export function planScaling(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
): readonly Scale[] {
  const wanted = deployment.spec?.replicas ?? 1;
  const all = fresh ? [...old, fresh] : [...old];
  const active = all.filter((rs) => replicasOf(rs) > 0);
  const single = active.length === 0 ? (fresh ?? byAge(old).at(-1)) : active.length === 1 ? active[0] : undefined;
  if (single) return replicasOf(single) === wanted ? [] : [{ replicaSet: single, to: wanted }];
  if (fresh && isSaturated(deployment, fresh))
    return old.filter((rs) => replicasOf(rs) > 0).map((replicaSet) => ({ replicaSet, to: 0 }));
  if (deployment.spec?.strategy?.type !== 'RollingUpdate') return [];
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - totalReplicas(all);
  const ranked = active.toSorted(
    (a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? -1 : 1) * (byAge([a, b])[0] === a ? -1 : 1),
  );
  let added = 0;
  const targets = ranked.map((replicaSet) => {
    const share = toAdd === 0 ? 0 : proportion(replicaSet, deployment, toAdd, added, allowed);
    added += share;
    return { replicaSet, to: replicasOf(replicaSet) + share };
  });
  const [largest] = targets;
  // What rounding left over goes to the largest.
  if (largest && toAdd !== 0) largest.to = Math.max(0, largest.to + toAdd - added);
  return targets.filter(({ replicaSet, to }) => to !== replicasOf(replicaSet));
}

function proportion(rs: ReplicaSet, deployment: Deployment, toAdd: number, added: number, allowed: number): number {
  const before = Number(rs.metadata?.annotations?.[maxReplicasAnnotation]) || deployment.status?.replicas || 1;
  const share = Math.round((replicasOf(rs) * allowed) / before) - replicasOf(rs);
  const left = toAdd - added;
  return toAdd > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
}

function isSaturated(deployment: Deployment, rs: ReplicaSet): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  const desired = Number(rs.metadata?.annotations?.[desiredReplicasAnnotation]);
  return replicasOf(rs) === wanted && desired === wanted && (rs.status?.availableReplicas ?? 0) === wanted;
}
