import type Docker from 'dockerode';
import { callEngine, type Engine, isMissing } from './engine.ts';

export interface Usage {
  readonly cpuNanocores: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

interface Sample {
  readonly at: number;
  readonly cpu: number;
  readonly usage: Usage;
}

/** Rates come from two samples; one that is younger than this is not replaced, so that frequent callers share it. */
const youngestMs = 1_000;

/** CPU and memory of single containers, from the engine's counters. */
export function createUsageReader(engine: Engine, now: () => number): (id: string) => Promise<Usage | undefined> {
  const samples = new Map<string, Sample>();
  return async (id) => {
    const before = samples.get(id);
    if (before && now() - before.at < youngestMs) return before.usage;
    return callEngine(async () => {
      try {
        // `one-shot` spares the engine's own wait of a second for a rate.
        const stats = (await engine
          .getContainer(id)
          .stats({ stream: false, 'one-shot': true } as { stream: false })) as Docker.ContainerStats;
        const at = now();
        const cpu = stats.cpu_stats.cpu_usage.total_usage;
        const memory = (stats.memory_stats.usage ?? 0) - inactive(stats);
        const rate = before && cpu >= before.cpu ? Math.round((cpu - before.cpu) / ((at - before.at) / 1000)) : 0;
        const usage = { cpuNanocores: rate, cpuSeconds: cpu / 1e9, memoryBytes: Math.max(0, memory) };
        samples.set(id, { at, cpu, usage });
        return usage;
      } catch (error) {
        if (!isMissing(error)) throw error;
        samples.delete(id);
        return undefined;
      }
    });
  };
}

/** Cache that the kernel would give back first does not count as working set. */
function inactive(stats: Docker.ContainerStats): number {
  const detail = stats.memory_stats.stats as unknown as Record<string, number> | undefined;
  return detail?.['total_inactive_file'] ?? detail?.['inactive_file'] ?? 0;
}
