import { filterPlugin, ok, scorePlugin, unfit } from '../framework.ts';
import type { NodeInfo } from '../snapshot.ts';
import type { PodInfo, Resources } from '../pod-info.ts';

/** Requests must fit into what is allocatable and not taken yet; `Too many pods` and `Insufficient x` as upstream words it. */
export const nodeResourcesFit = filterPlugin({
  name: 'NodeResourcesFit',
  filter(pod, node) {
    const reasons: string[] = [];
    let resolvable = true;
    if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
    for (const [name, wanted] of Object.entries(pod.requests)) {
      if (wanted === 0) continue;
      const allocatable = node.allocatable[name] ?? 0;
      if (wanted <= allocatable - (node.requested[name] ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      if (wanted > allocatable) resolvable = false;
    }
    return reasons.length === 0 ? ok : unfit(reasons, resolvable);
  },
  retryOn: ['node-added', 'node-allocatable', 'pod-deleted', 'pod-updated'],
});

/** What pods without requests are counted as in scores, so that they spread too: 100 millicores and 200 MB. */
const defaults: Record<string, number> = { cpu: 100, memory: 200 * 1024 * 1024 };
const scored = ['cpu', 'memory'] as const;

function usage(pod: PodInfo, node: NodeInfo, name: string): { used: number; total: number } {
  const of = (requests: Resources): number => requests[name] || (defaults[name] as number);
  return { used: (node.nonZeroRequested[name] ?? 0) + of(pod.requests), total: node.allocatable[name] ?? 0 };
}

/** LeastAllocated: the share that stays free, averaged over CPU and memory. */
export const leastAllocated = scorePlugin({
  name: 'NodeResourcesFit',
  score(pod, node) {
    let sum = 0;
    for (const name of scored) {
      const { used, total } = usage(pod, node, name);
      sum += total === 0 || used > total ? 0 : Math.floor(((total - used) * 100) / total);
    }
    return Math.floor(sum / scored.length);
  },
});

/** BalancedAllocation: the nearer CPU's and memory's shares are to each other, the better. */
export const balancedAllocation = scorePlugin({
  name: 'NodeResourcesBalancedAllocation',
  prepare: (pod) => (Object.values(pod.requests).every((v) => v === 0) ? 'skip' : undefined),
  score(pod, node) {
    const shares = scored.map((name) => {
      const total = node.allocatable[name] ?? 0;
      return total === 0 ? 1 : Math.min(1, ((node.requested[name] ?? 0) + (pod.requests[name] ?? 0)) / total);
    });
    return Math.floor((1 - Math.abs((shares[0] as number) - (shares[1] as number)) / 2) * 100);
  },
});
