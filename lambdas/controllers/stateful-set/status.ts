import type {
  ControllerRevision,
  StatefulSet,
  StatefulSetStatus,
} from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodAvailable } from '@nodeless/apimachinery/pod-conditions';
import { revisionOf } from './identity.ts';
import { isHealthy } from './plan.ts';

/** What the pods amount to; a rolling update that is complete makes its revision the current one. */
export function statefulSetStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  current: ControllerRevision,
  update: ControllerRevision,
  now: number,
): StatefulSetStatus {
  const running = pods.filter((pod) => pod.status?.phase === 'Running');
  const counted = pods.filter((pod) => pod.status?.phase && !pod.metadata?.deletionTimestamp);
  const [currentName = '', updateName = ''] = [current.metadata?.name, update.metadata?.name];
  const of = (revision: string): number => counted.filter((pod) => revisionOf(pod) === revision).length;
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata?.generation,
    replicas: pods.filter((pod) => pod.status?.phase).length,
    readyReplicas: running.filter((pod) =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
    ).length,
    currentReplicas: of(currentName),
    updatedReplicas: of(updateName),
    currentRevision: currentName,
    updateRevision: updateName,
    collisionCount: set.status?.collisionCount ?? 0,
    availableReplicas: pods.filter((pod) => isHealthy(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now))
      .length,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
  const wanted = set.spec?.replicas ?? 1;
  const complete =
    set.spec?.updateStrategy?.type === 'RollingUpdate' &&
    status.updatedReplicas === wanted &&
    status.readyReplicas === wanted &&
    status.replicas === wanted;
  const settled = complete
    ? { ...status, currentReplicas: status.updatedReplicas, currentRevision: updateName }
    : status;
  // Zeros are left out on the wire, but for replicas and availableReplicas.
  return Object.fromEntries(
    Object.entries(settled).filter(
      ([key, value]) => value !== 0 || key === 'replicas' || key === 'availableReplicas' || key === 'collisionCount',
    ),
  ) as unknown as StatefulSetStatus;
}
