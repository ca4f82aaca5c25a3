import type { Preemption } from './preemption.ts';

/** Upstream's FitError text, with the answers of its PostFilter plugins: dynamic resources, which we have none of, and preemption. */
export function explainFailure(
  total: number,
  reasons: readonly string[],
  unresolvable: number,
  preemption: Preemption,
): string {
  if (total === 0) return 'no nodes available to schedule pods';
  const failure = `0/${total} nodes are available: ${counted(reasons)}.`;
  switch (preemption.type) {
    case 'candidate':
      return failure;
    case 'ineligible':
      return `${failure} no new claims to deallocate, preemption: ${preemption.message}`;
    case 'none': {
      const unhelpful = Array.from({ length: unresolvable }, () => 'Preemption is not helpful for scheduling');
      return `${failure} no new claims to deallocate, preemption: 0/${total} nodes are available: ${counted([...preemption.reasons, ...unhelpful])}.`;
    }
  }
}

function counted(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(', ');
}
