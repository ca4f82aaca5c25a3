/** Task sizes of Fargate (docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html, Linux 1.4.0). */

export interface FargateSize {
  /** CPU units, 1024 a vCPU. */
  readonly cpu: number;
  /** MiB. */
  readonly memory: number;
}

const gib = 1024;
const range = (from: number, to: number, step: number): readonly number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => (from + i * step) * gib);

/** Memory in MiB that can be had with so many CPU units, smallest first. */
export const fargateSizes: readonly (readonly [cpu: number, memory: readonly number[]])[] = [
  [256, [512, 1024, 2048]],
  [512, range(1, 4, 1)],
  [1024, range(2, 8, 1)],
  [2048, range(4, 16, 1)],
  [4096, range(8, 30, 1)],
  [8192, range(16, 60, 4)],
  [16384, range(32, 120, 8)],
  [32768, [60 * gib, 120 * gib, 244 * gib]],
];

/** What the agent's container takes of each task, beside what the pod asks for. CPU: only what is left over. */
export const agentMemoryMib = 96;

/** Of a task, the agent included. */
export const maxContainers = 10;

/** GiB of disk that every task has without asking and at most. */
export const ephemeralGib = { free: 20, least: 21, most: 200 } as const;

/**
 * The cheapest task that holds so much: the smallest CPU that has it, then the smallest memory. With more CPU than asked for
 * less memory is never cheaper. undefined = none is large enough.
 */
export function fargateSize(cpuMilli: number, memoryBytes: number): FargateSize | undefined {
  const cpu = Math.ceil((cpuMilli * 1024) / 1000);
  const memory = Math.ceil(memoryBytes / 2 ** 20);
  for (const [units, memories] of fargateSizes) {
    if (units < cpu) continue;
    const fits = memories.find((mib) => mib >= memory);
    if (fits !== undefined) return { cpu: units, memory: fits };
  }
  return undefined;
}

/** `0.25vCPU 0.5GB`: how EKS writes it. */
export function formatSize({ cpu, memory }: FargateSize): string {
  return `${cpu / 1024}vCPU ${memory / gib}GB`;
}
