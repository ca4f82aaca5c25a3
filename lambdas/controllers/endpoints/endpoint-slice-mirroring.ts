import type { Endpoints, EndpointSubset, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { endpoints, endpointSlices, services } from '@nodeless/client/resource-types';
import { type Action, create, perform, remove, update } from '@nodeless/controller-runtime/actions';
import { type Controller, type Request, watchRule } from '@nodeless/controller-runtime/controller';
import { managedByLabel, serviceNameLabel } from './endpoint-slice-plan.ts';

const managedBy = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const maxPerSubset = 1000;
/** Annotations that are about the Endpoints object itself. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
]);

/** Endpoints that somebody wrote for a Service without a selector become slices, one for each subset and family. */
export function planMirroring(
  source: Endpoints | undefined,
  service: Service | undefined,
  existing: readonly EndpointSlice[],
): Action[] {
  const mirrored = source && service && shouldMirror(source, service);
  const wanted = mirrored ? (source.subsets ?? []).flatMap((subset) => slicesOf(source, subset)) : [];
  const unused = [...existing];
  const actions: Action[] = [];
  for (const slice of wanted) {
    const at = unused.findIndex(
      (one) => one.addressType === slice.addressType && semanticEqual(one.ports ?? [], slice.ports ?? []),
    );
    const [found] = at < 0 ? [] : unused.splice(at, 1);
    if (!found) actions.push(create(endpointSlices, slice));
    else if (!same(found, slice)) {
      const { labels, annotations } = slice.metadata ?? {};
      actions.push(update(endpointSlices, { ...slice, metadata: { ...found.metadata, labels, annotations } }));
    }
  }
  for (const { metadata } of unused)
    actions.push(remove(endpointSlices, { namespace: metadata?.namespace, name: metadata?.name ?? '' }));
  return actions;
}

function same(a: EndpointSlice, b: EndpointSlice): boolean {
  return (
    semanticEqual(a.endpoints ?? [], b.endpoints ?? []) &&
    semanticEqual(a.metadata?.labels, b.metadata?.labels) &&
    semanticEqual(a.metadata?.annotations ?? {}, b.metadata?.annotations ?? {})
  );
}

function shouldMirror(source: Endpoints, service: Service): boolean {
  return (
    source.metadata?.labels?.[skipLabel] !== 'true' &&
    source.metadata?.annotations?.[leaderAnnotation] === undefined &&
    service.spec?.selector === undefined &&
    !service.metadata?.deletionTimestamp
  );
}

function slicesOf(source: Endpoints, subset: EndpointSubset): EndpointSlice[] {
  const { name = '', namespace, uid = '', labels, annotations } = source.metadata ?? {};
  const copiedAnnotations = Object.entries(annotations ?? {}).filter(([key]) => !ownAnnotations.has(key));
  const all = [
    ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
    ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
  ].slice(0, maxPerSubset);
  return ['IPv4', 'IPv6'].flatMap((addressType) => {
    const endpointsOfType = all.filter(({ address }) => (address.ip.includes(':') ? 'IPv6' : 'IPv4') === addressType);
    if (endpointsOfType.length === 0) return [];
    const copied = Object.entries(labels ?? {}).filter(
      ([key]) => key !== skipLabel && key !== 'endpoints.kubernetes.io/managed-by',
    );
    return [
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          generateName: `${name}-`,
          namespace,
          labels: { ...Object.fromEntries(copied), [serviceNameLabel]: name, [managedByLabel]: managedBy },
          ...(copiedAnnotations.length > 0 && { annotations: Object.fromEntries(copiedAnnotations) }),
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Endpoints', name, uid, controller: true, blockOwnerDeletion: true },
          ],
        },
        addressType,
        ports: (subset.ports ?? []).map((port) => ({
          name: port.name ?? '',
          protocol: port.protocol ?? 'TCP',
          port: port.port,
          ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
        })),
        endpoints: endpointsOfType.map(({ address, ready }) => ({
          addresses: [address.ip],
          conditions: { ready },
          ...(address.hostname ? { hostname: address.hostname } : {}),
          ...(address.nodeName ? { nodeName: address.nodeName } : {}),
          ...(address.targetRef ? { targetRef: address.targetRef } : {}),
        })),
      },
    ];
  });
}

const self = ({ object }: { object: { metadata?: { namespace?: string; name?: string } } }): Request[] => [
  { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' },
];

export const endpointSliceMirroringController: Controller = {
  name: 'endpointslicemirroring-controller',
  watches: [
    watchRule({ type: endpoints, requests: self }),
    watchRule({ type: services, requests: self }),
    watchRule({
      type: endpointSlices,
      requests: ({ object }) => {
        const name = object.metadata?.labels?.[serviceNameLabel];
        return name && object.metadata?.labels?.[managedByLabel] === managedBy
          ? [{ namespace: object.metadata.namespace, name }]
          : [];
      },
    }),
  ],
  async reconcile(request, context) {
    const { cache } = context;
    const source = await cache.get(endpoints, request);
    const slices = (await cache.list(endpointSlices, request.namespace)).filter(
      ({ metadata }) =>
        metadata?.labels?.[serviceNameLabel] === request.name && metadata.labels[managedByLabel] === managedBy,
    );
    await perform(planMirroring(source, await cache.get(services, request), slices), context);
  },
};
