import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { Timer } from '@nodeless/component-base/clock';

/** What the pod manager knows of one pod. */
export interface Work {
  /** As the API has it; the newest of what the watch brought and our own writes answered. */
  pod: Pod;
  gone: boolean;
  /** Something that the provider has to be told may have changed. */
  dirty: boolean;
  again: boolean;
  running: boolean;
  admitted: boolean;
  created: boolean;
  failures: number;
  /** We are ending it ourselves. */
  failure: { readonly reason: string; readonly message: string } | undefined;
  stopping: { graceSeconds: number; promise: Promise<void> } | undefined;
  stopped: boolean;
  deleted: boolean;
  timer: Timer | undefined;
  timerAt: number;
}

export function newWork(pod: Pod): Work {
  return {
    pod,
    gone: false,
    dirty: true,
    again: false,
    running: false,
    admitted: false,
    created: false,
    failures: 0,
    failure: undefined,
    stopping: undefined,
    stopped: false,
    deleted: false,
    timer: undefined,
    timerAt: 0,
  };
}

/** Lets what is ready to happen happen first. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export const nameKey = (ref: { namespace: string; name: string }): string => `${ref.namespace}/${ref.name}`;

export const isEnded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

export function grace(pod: Pod): number {
  return pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
}

/** Revisions of one cluster and one resource are integers that only grow. */
export function revision(pod: Pod): number {
  return Number(pod.metadata?.resourceVersion ?? 0);
}

export function sameForProvider(a: Pod, b: Pod): boolean {
  return a.metadata?.generation === b.metadata?.generation && a.spec === b.spec
    ? sameMetadata(a, b)
    : sameMetadata(a, b) && semanticEqual(a.spec, b.spec);
}

function sameMetadata(a: Pod, b: Pod): boolean {
  return (
    semanticEqual(a.metadata?.labels, b.metadata?.labels) &&
    semanticEqual(a.metadata?.annotations, b.metadata?.annotations)
  );
}

/** Somebody else wrote a condition that ours depend on (a readiness gate), or changed what we had said. */
export function hasForeignStatus(before: Pod, after: Pod): boolean {
  return revision(after) > revision(before) && !semanticEqual(before.status, after.status);
}
