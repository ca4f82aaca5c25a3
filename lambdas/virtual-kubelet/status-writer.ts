import type { Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { pods } from '@nodeless/client/resource-types';
import { sameStatus } from './pod-status.ts';

const tries = 5;

/**
 * Writes the status that `compute` gives for the pod as it is, only where it differs; after a conflict again for the pod as
 * it has become. Returns the pod as it is then; undefined = it is gone (or another one has its name).
 */
export async function writeStatus(
  client: Client,
  pod: Pod,
  compute: (pod: Pod) => PodStatus,
): Promise<Pod | undefined> {
  let current = pod;
  for (let attempt = 1; ; attempt++) {
    const status = compute(current);
    if (sameStatus(current.status, status)) return current;
    try {
      return await client.update(pods, { ...current, status }, { subresource: 'status' });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isConflict(error) || attempt >= tries) throw error;
      const fresh = await reread(client, pod);
      if (!fresh) return undefined;
      current = fresh;
    }
  }
}

async function reread(client: Client, pod: Pod): Promise<Pod | undefined> {
  try {
    const fresh = await client.get(pods, { namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' });
    return fresh.metadata?.uid === pod.metadata?.uid ? fresh : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
