import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';

/** How long a deleted pod lives on: nobody has to stop one that was never placed or has finished. */
export function podGracePeriod(object: Readonly<UnknownObject>, requested: number | undefined): number {
  const { spec, status } = object as Pod;
  if (!spec?.nodeName) return 0;
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  const period = requested ?? spec.terminationGracePeriodSeconds ?? 0;
  return period < 0 ? 1 : period;
}
