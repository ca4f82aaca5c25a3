import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodRef } from './providers/provider.ts';

export function refOf(pod: Pod): PodRef {
  return { namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '', uid: pod.metadata?.uid ?? '' };
}

/** `name_namespace(uid)`: how the kubelet names a pod in its messages. */
export function formatPod(ref: PodRef): string {
  return `${ref.name}_${ref.namespace}(${ref.uid})`;
}
