import type { Deployment } from '@nodeless/apimachinery/generated/types/apps/v1';
import { scaledValue } from '@nodeless/apimachinery/int-or-string';

/** Percentages round up for surge and down for unavailability; when both come out as zero, one pod may be unavailable. */
function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const { replicas = 1, strategy } = deployment.spec ?? {};
  const surge = scaledValue(strategy?.rollingUpdate?.maxSurge ?? 0, replicas, 'up');
  const unavailable = scaledValue(strategy?.rollingUpdate?.maxUnavailable ?? 0, replicas, 'down');
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

const isRolling = (deployment: Deployment): boolean => deployment.spec?.strategy?.type === 'RollingUpdate';

export function maxSurge(deployment: Deployment): number {
  return isRolling(deployment) ? fenceposts(deployment).surge : 0;
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = deployment.spec?.replicas ?? 1;
  if (!isRolling(deployment) || replicas === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, replicas);
}
