/** Sets of completion indexes as a Job's status writes them: `1,3-5,7`. */

export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',').filter(Boolean)) {
    const [first = NaN, last = first] = part.split('-').map(Number);
    for (let i = first; i <= last; i++) indexes.add(i);
  }
  return indexes;
}

/** Ranges of three or more are written with a dash, pairs with a comma, as upstream writes them. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].toSorted((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === (sorted[j] as number) + 1) j += 1;
    if (j - i >= 2) parts.push(`${sorted[i]}-${sorted[j]}`);
    else parts.push(...sorted.slice(i, j + 1).map(String));
    i = j + 1;
  }
  return parts.join(',');
}

const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** undefined for a pod without a (good) index. */
export function indexOf(pod: { metadata?: { annotations?: Record<string, string> } }): number | undefined {
  const text = pod.metadata?.annotations?.[indexAnnotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export { indexAnnotation };
