/** Shows what becomes of submitted objects: pods as they start, until everything that was asked for runs. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import type { Watch } from '@nodeless/client/client';
import type { HttpClient } from '@nodeless/client/http-client';
import { pods } from '@nodeless/client/resource-types';
import type { Output } from './output.ts';
import type { Submitted } from './submit.ts';

interface WorkloadStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
  readonly numberReady?: number;
  readonly desiredNumberScheduled?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** Whether a workload is where its spec wants it; undefined for kinds that have no pods. */
export function isSettled(object: UnknownObject): boolean | undefined {
  const status = (object['status'] ?? {}) as WorkloadStatus;
  const wanted = (object['spec'] as { replicas?: number } | undefined)?.replicas ?? 1;
  const seen = (status.observedGeneration ?? 0) >= (object.metadata?.generation ?? 0);
  switch (object.kind) {
    case 'Pod':
      return isPodReady(object as Pod) || isPodTerminal(object as Pod);
    case 'Deployment':
    case 'StatefulSet':
      return (
        seen &&
        [status.updatedReplicas ?? 0, status.readyReplicas ?? 0, status.replicas ?? 0].every(
          (count) => count === wanted,
        )
      );
    case 'ReplicaSet':
    case 'ReplicationController':
      return seen && (status.readyReplicas ?? 0) === wanted;
    case 'DaemonSet':
      return seen && (status.numberReady ?? 0) === (status.desiredNumberScheduled ?? 0);
    case 'Job':
      return (
        status.conditions?.some(
          ({ type, status: value }) => value === 'True' && (type === 'Complete' || type === 'Failed'),
        ) === true
      );
    default:
      return undefined;
  }
}

/** One word for what a pod is doing, as `kubectl get pods` shows it. */
export function stateOf(pod: Pod): string {
  if (isPodReady(pod)) return 'Ready';
  const waiting = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
    .map((status) => status.state?.waiting?.reason)
    .find(Boolean);
  return waiting ?? pod.status?.phase ?? 'Pending';
}

/** Resolves true when every workload is settled, false at the signal or the deadline. */
export async function follow(
  client: HttpClient,
  submitted: readonly Submitted[],
  output: Output,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<boolean> {
  const pending = new Set(submitted.filter(({ object }) => isSettled(object) !== undefined));
  if (pending.size === 0) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const watches: Watch[] = [];
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const onEnd = (error: Error | undefined): void => (error ? reject(error) : resolve(false));
  for (const one of pending) {
    const { namespace, name = '' } = one.object.metadata ?? {};
    watches.push(
      client.watch(
        one.type,
        { namespace, fieldSelector: `metadata.name=${name}` },
        {
          onEvent(event) {
            if (event.type === 'BOOKMARK') return;
            if (event.type === 'DELETED' || isSettled({ ...event.object, kind: one.type.kind })) pending.delete(one);
            else pending.add(one);
            // The pods' own watch may lag behind: its last lines come first.
            if (pending.size === 0) setImmediate(resolve, true);
          },
          onEnd,
        },
      ),
    );
  }
  watches.push(watchPods(client, submitted, output, onEnd));
  const timer = setTimeout(resolve, deadlineMs, false);
  const onAbort = (): void => resolve(false);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) resolve(false);
  try {
    return await Promise.race([promise, failed]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    for (const watch of watches) watch.stop();
  }
}

function watchPods(
  client: HttpClient,
  submitted: readonly Submitted[],
  output: Output,
  onEnd: (error: Error | undefined) => void,
): Watch {
  const names = submitted
    .filter(({ object }) => isSettled(object) !== undefined)
    .map(({ object }) => ({ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }));
  const ours = ({ metadata }: Pod): boolean =>
    names.some(
      ({ namespace, name }) =>
        metadata?.namespace === namespace && (metadata?.name === name || metadata?.name?.startsWith(`${name}-`)),
    );
  const told = new Map<string, string>();
  return client.watch(
    pods,
    {},
    {
      onEvent(event) {
        if (
          event.type === 'BOOKMARK' ||
          event.type === 'DELETED' ||
          !ours(event.object) ||
          event.object.metadata?.deletionTimestamp
        )
          return;
        const name = event.object.metadata?.name ?? '';
        const state = stateOf(event.object);
        if (told.get(name) === state) return;
        told.set(name, state);
        output.line(`  pod/${name} ${state}`);
      },
      onEnd,
    },
  );
}
