import type { Clock } from '@nodeless/component-base/clock';

export interface IdleMemoryOptions {
  readonly clock: Clock;
  /** CPU time of this process so far, in milliseconds. */
  readonly cpuMs: () => number;
  /** Bytes of the heap in use. */
  readonly heapBytes: () => number;
  /** A full collection that also gives free memory back to the system. */
  readonly collect: () => void;
}

const intervalMs = 1_000;
/** A second with less work than this is a quiet one. */
const quietMs = 30;
const quietSeconds = 2;
/** What has to have been worked since the last time: a heartbeat makes little garbage. */
const worthMs = 300;
/** The pause is some 1 ms a MiB; a cluster so large has other uses for its memory. */
const largestHeap = 256 * 1024 * 1024;

/**
 * Gives memory back once a busy time is over. V8 collects old objects only when it needs room for more, so a process keeps the
 * garbage of its last burst of work for as long as nothing happens.
 */
export function trimWhenIdle({ clock, cpuMs, heapBytes, collect }: IdleMemoryOptions): { stop(): void } {
  let last = cpuMs();
  let collected = 0;
  let quiet = 0;
  const look = (): void => {
    const now = cpuMs();
    quiet = now - last < quietMs ? quiet + 1 : 0;
    last = now;
    if (quiet >= quietSeconds && now - collected >= worthMs && heapBytes() <= largestHeap) {
      collect();
      collected = last = cpuMs();
      quiet = 0;
    }
    timer = clock.setTimer(look, intervalMs);
  };
  let timer = clock.setTimer(look, intervalMs);
  return { stop: () => timer.cancel() };
}

/** For this process, where node was started with --expose-gc; otherwise nothing is done. */
export function trimThisProcess(clock: Clock): { stop(): void } {
  const { gc } = globalThis;
  if (!gc) return { stop() {} };
  return trimWhenIdle({
    clock,
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    heapBytes: () => process.memoryUsage().heapUsed,
    // Asynchronous, so that nothing on the stack is taken for a reference.
    collect: () => void gc({ type: 'major', execution: 'async', flavor: 'last-resort' }),
  });
}
