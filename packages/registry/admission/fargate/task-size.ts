import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { milliAmount, wholeAmount } from './amounts.ts';
import { agentMemoryMib, type FargateSize, fargateSize } from './fargate-size.ts';

/** The task for the pod and the agent beside it; undefined = none is large enough. */
export function taskSizeOf(pod: Pod): FargateSize | undefined {
  return fargateSize(milliAmount(pod, 'cpu'), wholeAmount(pod, 'memory') + agentMemoryMib * 2 ** 20);
}
