/** Waits between restarts of one container: none before the first, then 10 s doubling to 5 min, forgotten after 10 min. */
const firstMs = 10_000;
const longestMs = 300_000;
const forgottenAfterMs = 2 * longestMs;

export interface EndedRun {
  /** The wait that follows this run, decided when it started. */
  readonly backoffMs: number;
  readonly createdAt: number;
  readonly finishedAt: number;
}

/** When the next run may start, and the wait that will follow that one. */
export function nextRun(
  ended: EndedRun,
  now: number,
): { readonly startAt: number; readonly waitMs: number; readonly backoffMs: number } {
  const forgotten = now - ended.createdAt > forgottenAfterMs;
  if (forgotten || ended.backoffMs === 0) return { startAt: ended.finishedAt, waitMs: 0, backoffMs: firstMs };
  return {
    startAt: ended.finishedAt + ended.backoffMs,
    waitMs: ended.backoffMs,
    backoffMs: Math.min(longestMs, ended.backoffMs * 2),
  };
}

/** The wait after the n-th failed pull in a row (n from 1). */
export function pullBackoff(failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 10));
}

/** As Go prints a whole number of seconds: `10s`, `1m20s`, `5m0s`. */
export function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${seconds % 60}s`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds % 60}s`;
}
