import type { Pod, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import { milliValue } from './quantities.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const counted = ['cpu', 'memory'] as const;

/** The pod's quality of service: by what its containers (or the pod as a whole) ask for and are limited to. */
export function podQos(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === 'Guaranteed' || known === 'Burstable' || known === 'BestEffort') return known;
  const spec = pod.spec;
  const sets: (ResourceRequirements | undefined)[] = spec?.resources
    ? [spec.resources]
    : [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map((c) => c.resources);
  let any = false;
  let guaranteed = true;
  for (const resources of sets) {
    for (const name of counted) {
      const limit = milliValue(resources?.limits?.[name]);
      const request = resources?.requests?.[name] === undefined ? limit : milliValue(resources.requests[name]);
      if (request > 0 || limit > 0) any = true;
      if (limit === 0 || request !== limit) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
