import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matchesSet } from '@nodeless/apimachinery/labels';
import { endpointSlices, nodes, pods, services } from '@nodeless/client/resource-types';
import { perform } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';
import { managedBy, managedByLabel, planEndpointSlices, serviceNameLabel } from './endpoint-slice-plan.ts';
import { podToServices } from './service-requests.ts';

export const endpointSliceController: Controller = {
  name: 'endpointslice-controller',
  minIntervalMs: 100,
  watches: [
    watchRule({
      type: services,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
    podToServices,
    watchRule({
      type: endpointSlices,
      // Only to mend what others changed or removed; our own writes come back here and find nothing to do.
      requests: ({ object }) => {
        const name = object.metadata?.labels?.[serviceNameLabel];
        return name && object.metadata?.labels?.[managedByLabel] === managedBy
          ? [{ namespace: object.metadata.namespace, name }]
          : [];
      },
    }),
    watchRule({ type: nodes, requests: () => [] }),
  ],
  async reconcile(request, context) {
    const { cache } = context;
    const service = await cache.get(services, request);
    if (!service || service.spec?.type === 'ExternalName' || !service.spec?.selector) return;
    const { namespace, uid = '' } = service.metadata ?? {};
    const selected = (await cache.list(pods, namespace)).filter((pod: Pod) =>
      matchesSet(service.spec?.selector, pod.metadata?.labels ?? {}),
    );
    const existing = (await cache.ownedBy(endpointSlices, uid, namespace)).filter(
      (slice) => slice.metadata?.labels?.[managedByLabel] === managedBy,
    );
    const zones = new Map<string, string | undefined>();
    for (const name of new Set(selected.map((pod) => pod.spec?.nodeName).filter((n) => n !== undefined))) {
      zones.set(name, (await cache.get(nodes, { name }))?.metadata?.labels?.['topology.kubernetes.io/zone']);
    }
    await perform(planEndpointSlices(service, selected, existing, { zone: (name) => zones.get(name) }), context);
  },
};
