/** One task of the ECS model: its containers' lives and its states, by timers of the clock it is given. */
import type { Container, ContainerDefinition, Task } from '@aws-sdk/client-ecs';
import type { Clock, Timer } from '@nodeless/component-base/clock';

/** What a container does once it is started. */
export interface ContainerLife {
  /** It ends by itself after so long. Absent: it runs until it is stopped. */
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  /** ECS' reason: `OutOfMemoryError: container killed due to memory usage`. */
  readonly reason?: string;
  /** The image is not there: the task fails to start with this text. */
  readonly pullError?: string;
  /** What SIGTERM makes of it: it ends after so long with this code. Absent: at once, with 143. `never`: killed at its stopTimeout. */
  readonly onStop?: { readonly afterMs: number; readonly exitCode: number } | 'never';
  /** For containers with a health check: when it becomes so. Default HEALTHY after its first interval. */
  readonly health?: { readonly status: 'HEALTHY' | 'UNHEALTHY'; readonly afterMs: number };
}

export interface TaskTiming {
  /** PROVISIONING: the network interface is made. */
  readonly provisioningMs: number;
  /** Of all images together. */
  readonly pullMs: number;
  readonly startMs: number;
  readonly deprovisioningMs: number;
}

export const usualTiming: TaskTiming = {
  provisioningMs: 8_000,
  pullMs: 12_000,
  startMs: 2_000,
  deprovisioningMs: 10_000,
};

export interface TaskLife {
  /** As DescribeTasks shows it, with dates. */
  readonly task: Task;
  stop(code: Task['stopCode'], reason: string): void;
  /** Two minutes' warning, then it is stopped. */
  interrupt(): void;
  readonly stopped: boolean;
}

export interface TaskLifeOptions {
  readonly task: Task;
  readonly definitions: readonly ContainerDefinition[];
  readonly clock: Clock;
  readonly timing: TaskTiming;
  readonly lives: (container: string) => ContainerLife;
  /** Each time the task's version has grown. */
  readonly onChange: (task: Task) => void;
  /** Something other than an image keeps it from starting: stop code TaskFailedToStart, this reason. */
  readonly startError?: string;
}

const spotNoticeMs = 120_000;
const killed = 137;

export function beginTask(options: TaskLifeOptions): TaskLife {
  const { task, definitions, clock, timing, lives, onChange } = options;
  const containers = new Map<string, Container>();
  for (const container of task.containers ?? []) containers.set(container.name as string, container);
  const timers = new Set<Timer>();
  const stopping = new Set<string>();
  let running = false;
  let ending = false;

  const later = (ms: number, callback: () => void): void => {
    const timer = clock.setTimer(() => {
      timers.delete(timer);
      callback();
    }, ms);
    timers.add(timer);
  };
  const changed = (): void => {
    task.version = (task.version ?? 0) + 1;
    onChange(task);
  };
  const date = (): Date => new Date(clock.now());

  const start = (): void => {
    const failed = definitions.find((d) => lives(d.name as string).pullError !== undefined);
    task.pullStartedAt = date();
    if (options.startError !== undefined) return end('TaskFailedToStart', options.startError);
    if (failed) {
      const reason = lives(failed.name as string).pullError as string;
      (containers.get(failed.name as string) as Container).reason = reason;
      later(timing.pullMs / 2, () => end('TaskFailedToStart', reason));
      return;
    }
    later(timing.pullMs, () => {
      task.pullStoppedAt = date();
      task.lastStatus = 'ACTIVATING';
      changed();
      later(timing.startMs, startReady);
    });
  };

  /** Starts every container whose dependencies are met. */
  const startReady = (): void => {
    if (ending) return;
    let moved = false;
    for (const definition of definitions) {
      const container = containers.get(definition.name as string) as Container;
      if (container.lastStatus !== 'PENDING') continue;
      const verdicts = (definition.dependsOn ?? []).map((d) => dependency(d.containerName ?? '', d.condition ?? ''));
      if (verdicts.includes('failed')) {
        container.lastStatus = 'STOPPED';
        container.reason = 'dependency container did not meet its condition';
        if (definition.essential !== false)
          return end('TaskFailedToStart', 'A dependency of a container failed to start');
        moved = true;
      } else if (verdicts.every((v) => v === 'met')) {
        moved = true;
        startContainer(definition, container);
      }
    }
    if (moved) settle();
    if (moved) startReady();
  };

  const dependency = (name: string, condition: string): 'met' | 'wait' | 'failed' => {
    const container = containers.get(name) as Container;
    const ended = container.lastStatus === 'STOPPED';
    switch (condition) {
      case 'START':
        return container.lastStatus === 'RUNNING' || ended ? 'met' : 'wait';
      case 'HEALTHY':
        return ended || container.healthStatus === 'UNHEALTHY'
          ? 'failed'
          : container.healthStatus === 'HEALTHY'
            ? 'met'
            : 'wait';
      case 'SUCCESS':
        return !ended ? 'wait' : container.exitCode === 0 ? 'met' : 'failed';
      default:
        return ended ? 'met' : 'wait';
    }
  };

  const startContainer = (definition: ContainerDefinition, container: Container): void => {
    const name = definition.name as string;
    const life = lives(name);
    container.lastStatus = 'RUNNING';
    container.runtimeId = `${(task.taskArn ?? '').split('/').at(-1)}-${name.length}${definitions.indexOf(definition)}`;
    container.imageDigest = `sha256:${'0'.repeat(64)}`;
    if (definition.healthCheck) {
      const { status, afterMs } = life.health ?? {
        status: 'HEALTHY' as const,
        afterMs: (definition.healthCheck.interval ?? 30) * 1000,
      };
      later(afterMs, () => {
        container.healthStatus = status;
        // Health is no part of task state change events: the version stays.
        startReady();
      });
    }
    if (life.exitAfterMs !== undefined) later(life.exitAfterMs, () => exited(definition, container, life, clock.now()));
  };

  const exited = (definition: ContainerDefinition, container: Container, life: ContainerLife, _at: number): void => {
    if (container.lastStatus === 'STOPPED') return;
    const code = life.exitCode ?? 0;
    const policy = definition.restartPolicy;
    const ranLongEnough = (life.exitAfterMs ?? 0) >= (policy?.restartAttemptPeriod ?? 300) * 1000;
    // Restarted in place and without a word in any event.
    if (!ending && policy?.enabled && ranLongEnough && !(policy.ignoredExitCodes ?? []).includes(code)) {
      later(life.exitAfterMs ?? 0, () => exited(definition, container, life, clock.now()));
      return;
    }
    container.lastStatus = 'STOPPED';
    container.exitCode = code;
    if (life.reason !== undefined) container.reason = life.reason;
    if (ending) return allStopped();
    if (definition.essential !== false) return end('EssentialContainerExited', 'Essential container in task exited');
    changed();
    startReady();
    settle();
  };

  /** RUNNING once no container waits any more. */
  const settle = (): void => {
    if (running || ending) return;
    const states = [...containers.values()].map((c) => c.lastStatus);
    if (states.includes('PENDING') || !states.includes('RUNNING')) return;
    running = true;
    task.lastStatus = 'RUNNING';
    task.startedAt = date();
    task.connectivity = 'CONNECTED';
    changed();
  };

  const end = (code: Task['stopCode'], reason: string): void => {
    if (ending) return;
    ending = true;
    task.desiredStatus = 'STOPPED';
    task.stopCode = code;
    task.stoppedReason = reason;
    task.stoppingAt = date();
    task.lastStatus = 'DEACTIVATING';
    changed();
    for (const definition of definitions) {
      const name = definition.name as string;
      const container = containers.get(name) as Container;
      if (container.lastStatus === 'PENDING') {
        container.lastStatus = 'STOPPED';
        continue;
      }
      if (container.lastStatus !== 'RUNNING') continue;
      const { onStop } = lives(name);
      const timeoutMs = (definition.stopTimeout ?? 30) * 1000;
      const dies = onStop === undefined ? { afterMs: 0, exitCode: 143 } : onStop === 'never' ? undefined : onStop;
      const inTime = dies !== undefined && dies.afterMs <= timeoutMs;
      stopping.add(name);
      later(inTime ? dies.afterMs : timeoutMs, () =>
        exited(definition, container, { exitAfterMs: 0, exitCode: inTime ? dies.exitCode : killed }, clock.now()),
      );
    }
    allStopped();
  };

  const allStopped = (): void => {
    if (task.lastStatus !== 'DEACTIVATING') return;
    if (![...containers.values()].every((c) => c.lastStatus === 'STOPPED')) return;
    task.executionStoppedAt = date();
    task.lastStatus = 'DEPROVISIONING';
    changed();
    later(timing.deprovisioningMs, () => {
      task.lastStatus = 'STOPPED';
      task.stoppedAt = date();
      for (const timer of timers) timer.cancel();
      changed();
    });
  };

  later(timing.provisioningMs, () => {
    if (ending) return;
    const address = task.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address ?? '';
    for (const attachment of task.attachments ?? []) {
      attachment.status = 'ATTACHED';
      attachment.details = [...(attachment.details ?? []), { name: 'privateIPv4Address', value: address }];
    }
    task.lastStatus = 'PENDING';
    changed();
    start();
  });

  return {
    task,
    stop: (code, reason) => end(code, reason),
    interrupt() {
      if (ending) return;
      // The warning: still running, wanted stopped, and why.
      task.desiredStatus = 'STOPPED';
      task.stopCode = 'SpotInterruption';
      task.stoppedReason = 'Your Spot Task was interrupted.';
      changed();
      later(spotNoticeMs, () => end('SpotInterruption', 'Your Spot Task was interrupted.'));
    },
    get stopped() {
      return task.lastStatus === 'STOPPED';
    },
  };
}
