import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { baselineChecks } from './baseline.ts';
import type { PodCheck, Violation } from './check.ts';
import type { Policy } from './policy.ts';
import { restrictedChecks } from './restricted.ts';

/** The minor version that `latest` stands for. */
const servedMinor = 36;

/** Everything about the pod that the policy forbids, in upstream's order: baseline's checks by name, then restricted's. */
export function violationsOf({ level, version }: Policy, pod: Readonly<Pod>): Violation[] {
  if (level === 'privileged') return [];
  const minor = version === 'latest' ? servedMinor : Number(/^v1\.(\d+)$/.exec(version)?.[1] ?? servedMinor);
  const applies = (check: PodCheck): boolean => (check.since ?? 0) <= minor;
  const checks =
    level === 'baseline'
      ? baselineChecks
      : [...baselineChecks.filter((check) => !check.overriddenByRestricted), ...restrictedChecks];
  return checks
    .filter(applies)
    .map((check) => check.check(pod))
    .filter((violation) => violation !== undefined);
}
