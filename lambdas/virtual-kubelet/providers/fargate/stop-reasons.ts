/** Why ECS says that a task or container ended, in the words that kubectl's users know. Texts: ECS' documentation of stopped task errors. */
import type { TaskContainer, TaskState } from './task-state.ts';

export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

/** undefined = the task has run, or nothing is known to be wrong. */
export function startProblem(task: TaskState): Waiting | undefined {
  if (task.stopCode !== 'TaskFailedToStart') return undefined;
  // Those that waited for a container which failed did not start either; it is the one that counts.
  if (task.containers.some((c) => (c.exitCode ?? 0) !== 0)) return undefined;
  const message = [task.stoppedReason, ...task.containers.map((c) => c.reason)].find((text) => pullError.test(text));
  if (message !== undefined) return { reason: 'ErrImagePull', message };
  const text = task.stoppedReason;
  if (/volume|EFS|mount/i.test(text)) return { reason: 'FailedMount', message: text };
  if (/ResourceInitializationError/.test(text)) return { reason: 'CreateContainerConfigError', message: text };
  if (capacityError.test(text)) return { reason: 'InsufficientCapacity', message: text };
  if (/network|ENI|interface|subnet|address/i.test(text)) return { reason: 'NetworkNotReady', message: text };
  return { reason: 'RunContainerError', message: text };
}

const pullError = /CannotPull|CannotPullContainerError|InvalidImage|CannotCreateContainerError.*image/i;
export const capacityError = /capacity is unavailable|insufficient capacity|RESOURCE:|unable to place/i;
const outOfMemory = /OutOfMemory/i;

/** Reason and exit code of a container that has ended. */
export function endOf(
  container: TaskContainer,
  task: TaskState | undefined,
): { exitCode: number; reason: string; message?: string } {
  const message = container.reason === '' ? {} : { message: container.reason };
  if (outOfMemory.test(container.reason))
    return { exitCode: container.exitCode ?? 137, reason: 'OOMKilled', ...message };
  if (container.exitCode === undefined) {
    const why = container.reason || task?.stoppedReason || 'the container ended without an exit code';
    return { exitCode: 137, reason: 'ContainerStatusUnknown', message: why };
  }
  return { exitCode: container.exitCode, reason: container.exitCode === 0 ? 'Completed' : 'Error', ...message };
}
