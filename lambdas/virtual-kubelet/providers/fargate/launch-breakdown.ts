import type { TaskState } from './task-state.ts';

/** Where the time from asking for a task to its containers running went: `Started in 34.2s: place 10.1s, pull images 20.0s, start 4.1s`. */
export function launchBreakdown(task: TaskState): string {
  const { createdAt, pullStartedAt, pullStoppedAt, startedAt } = task;
  const parts: string[] = [];
  const part = (name: string, from: number | undefined, to: number | undefined): void => {
    if (from !== undefined && to !== undefined && to >= from) parts.push(`${name} ${seconds(to - from)}`);
  };
  part('place', createdAt, pullStartedAt);
  part('pull images', pullStartedAt, pullStoppedAt);
  part('start', pullStoppedAt, startedAt);
  const total = createdAt === undefined || startedAt === undefined ? '' : ` in ${seconds(startedAt - createdAt)}`;
  return `Started${total}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`;
