import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';

/** How a simulated pod lives. Times in milliseconds, from the moment before. */
export interface Life {
  /** Until its containers run. */
  readonly startDelayMs: number;
  /** Until they are ready. */
  readonly readyDelayMs: number;
  /** Until they end by themselves; undefined = they run until they are stopped. */
  readonly runForMs: number | undefined;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** They never start: the waiting reason that is shown instead. */
  readonly waitingReason:
    | 'ErrImagePull'
    | 'ImagePullBackOff'
    | 'InvalidImageName'
    | 'CreateContainerConfigError'
    | undefined;
  readonly neverReady: boolean;
  /** How long they take to end when told to. */
  readonly stopDelayMs: number;
}

/** Gives pods with these labels (all of them) another life. The first rule that matches counts; annotations go over it. */
export interface LifeRule {
  readonly namespace?: string;
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly life: Partial<Life>;
}

export const quietLife: Life = {
  startDelayMs: 0,
  readyDelayMs: 0,
  runForMs: undefined,
  exitCode: 0,
  oomKilled: false,
  waitingReason: undefined,
  neverReady: false,
  stopDelayMs: 0,
};

/** Pods of Jobs are there to end: theirs is the only life that does so untold. */
const jobLife: Life = { ...quietLife, runForMs: 1000 };

const prefix = 'simulated.nodeless.dev/';

/**
 * The life of a pod by rules and annotations:
 *   start-delay, ready-delay, run-for, stop-delay: durations (`500ms`, `2s`, `1m`)
 *   fail: ErrImagePull | ImagePullBackOff | InvalidImageName | CreateContainerConfigError | CrashLoop | OOMKilled | exit:N | NotReady
 */
export function lifeOf(pod: Pod, rules: readonly LifeRule[] = []): Life {
  const rule = rules.find((r) => matches(r, pod));
  const annotations = pod.metadata?.annotations ?? {};
  const read = (name: string): string | undefined =>
    Object.hasOwn(annotations, prefix + name) ? annotations[prefix + name] : undefined;
  const duration = (name: string, otherwise: number | undefined): number | undefined =>
    parseDuration(read(name)) ?? otherwise;
  const ofJob = pod.metadata?.ownerReferences?.some((owner) => owner.controller === true && owner.kind === 'Job');
  const base: Life = { ...(ofJob ? jobLife : quietLife), ...rule?.life };
  return {
    ...base,
    startDelayMs: duration('start-delay', base.startDelayMs) ?? 0,
    readyDelayMs: duration('ready-delay', base.readyDelayMs) ?? 0,
    runForMs: duration('run-for', base.runForMs),
    stopDelayMs: duration('stop-delay', base.stopDelayMs) ?? 0,
    ...failure(read('fail'), duration('run-for', base.runForMs)),
  };
}

function failure(kind: string | undefined, runForMs: number | undefined): Partial<Life> {
  switch (kind) {
    case undefined:
      return {};
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'InvalidImageName':
    case 'CreateContainerConfigError':
      return { waitingReason: kind };
    case 'CrashLoop':
      return { exitCode: 1, runForMs: runForMs ?? 0 };
    case 'OOMKilled':
      return { exitCode: 137, oomKilled: true, runForMs: runForMs ?? 0 };
    case 'NotReady':
      return { neverReady: true };
    default: {
      const code = /^exit:(\d{1,3})$/.exec(kind)?.[1];
      return code === undefined ? {} : { exitCode: Number(code), runForMs: runForMs ?? 0 };
    }
  }
}

function matches(rule: LifeRule, pod: Pod): boolean {
  if (rule.namespace !== undefined && rule.namespace !== pod.metadata?.namespace) return false;
  const labels = pod.metadata?.labels ?? {};
  return Object.entries(rule.matchLabels ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export function parseDuration(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text ?? '');
  return match ? Number(match[1]) * (units[match[2] as string] as number) : undefined;
}
