import type { Container, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import { equalResources } from '@nodeless/apimachinery/resource-list';

/** What a change of a running container's CPU and memory asks for: nothing, an update in place, or a new start. */
export function resizeNeeded(
  applied: ResourceRequirements | undefined,
  container: Container,
): 'none' | 'update' | 'restart' {
  if (applied === undefined) return 'none';
  const changed = (['cpu', 'memory'] as const).filter((resource) => !same(applied, container.resources, resource));
  if (changed.length === 0) return 'none';
  const restarts = changed.some((resource) =>
    container.resizePolicy?.some((p) => p.resourceName === resource && p.restartPolicy === 'RestartContainer'),
  );
  return restarts ? 'restart' : 'update';
}

function same(a: ResourceRequirements, b: ResourceRequirements | undefined, resource: 'cpu' | 'memory'): boolean {
  const only = (list: ResourceRequirements['limits']): Record<string, string | number> => {
    const quantity = list?.[resource];
    return quantity === undefined ? {} : { [resource]: quantity };
  };
  return equalResources(only(a.limits), only(b?.limits)) && equalResources(only(a.requests), only(b?.requests));
}
