import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { podQos } from '../../pod-qos.ts';
import { milliValue, wholeValue } from '../../quantities.ts';

const leastShares = 2;
const sharesPerCpu = 1024;
export const cpuPeriod = 100_000;
const leastQuota = 1_000;

/** Relative CPU weight for a request. */
export function cpuShares(milliCpu: number): number {
  return milliCpu === 0
    ? leastShares
    : Math.min(262_144, Math.max(leastShares, Math.floor((milliCpu * sharesPerCpu) / 1000)));
}

/** Microseconds of CPU time a period for a limit; 0 = no limit. */
export function cpuQuota(milliCpu: number): number {
  return milliCpu === 0 ? 0 : Math.max(leastQuota, Math.floor((milliCpu * cpuPeriod) / 1000));
}

export interface EngineResources {
  readonly CpuShares: number;
  readonly CpuQuota?: number;
  readonly CpuPeriod?: number;
  readonly Memory?: number;
  /** Equal to Memory: no swap beside it. */
  readonly MemorySwap?: number;
}

export function engineResources(container: Container): EngineResources {
  const { limits, requests } = container.resources ?? {};
  const limit = milliValue(limits?.['cpu']);
  const memory = wholeValue(limits?.['memory']);
  return {
    CpuShares: cpuShares(requests?.['cpu'] === undefined ? limit : milliValue(requests['cpu'])),
    ...(limit > 0 ? { CpuQuota: cpuQuota(limit), CpuPeriod: cpuPeriod } : {}),
    ...(memory > 0 ? { Memory: memory, MemorySwap: memory } : {}),
  };
}

/** How readily the kernel kills the container when the machine runs out of memory: by quality of service. */
export function oomScore(pod: Pod, container: Container, machineMemory: number): number {
  if ((pod.spec?.priority ?? 0) >= 2_000_001_000) return -997;
  const qos = podQos(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort' || machineMemory <= 0) return 1000;
  const request = wholeValue(container.resources?.requests?.['memory'] ?? container.resources?.limits?.['memory']);
  const score = 1000 - Math.floor((1000 * request) / machineMemory);
  return Math.min(999, Math.max(3, score));
}
