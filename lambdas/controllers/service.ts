import type { LoadBalancerIngress, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { isNotFound } from '@nodeless/apimachinery/status';
import { endpointSlices, services } from '@nodeless/client/resource-types';
import { type Action, event, patch, perform } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Request,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { serviceNameLabel } from './endpoints/endpoint-slice-plan.ts';
import { buildModel, wantsLoadBalancer } from './load-balancers/build-model.ts';
import {
  elsewhereAnnotation,
  type LoadBalancerOwner,
  type LoadBalancerProvider,
  type LoadBalancerState,
} from './load-balancers/load-balancer.ts';

/** Keeps a Service until its load balancer is gone. */
export const cleanupFinalizer = 'service.kubernetes.io/load-balancer-cleanup';

const hasFinalizer = (service: Service): boolean => service.metadata?.finalizers?.includes(cleanupFinalizer) ?? false;

/** The name upstream gives what is on the list of "Service ports" of an ingress that is delivered with its own traffic. */
const withDefaults = (ingress: readonly LoadBalancerIngress[]): LoadBalancerIngress[] =>
  ingress.map((one) => (one.ip ? { ipMode: 'VIP', ...one } : one));

/** Status and metadata after the load balancer is in place; upstream writes both through the status subresource. */
export function planEnsured(service: Service, state: LoadBalancerState): Action[] {
  const notices = state.notices.map(({ type, reason, message }) => event(service, type, reason, message));
  if (state.ingress.length === 0) return notices;
  const status = { loadBalancer: { ingress: withDefaults(state.ingress) } };
  const sameStatus = semanticEqual(service.status?.loadBalancer ?? {}, status.loadBalancer);
  const elsewhere = service.metadata?.annotations?.[elsewhereAnnotation] ?? '';
  if (sameStatus && elsewhere === state.elsewhere) return notices;
  const annotations = { [elsewhereAnnotation]: state.elsewhere === '' ? null : state.elsewhere };
  return [
    ...notices,
    patchStatus(service, { ...(elsewhere === state.elsewhere ? {} : { metadata: { annotations } }), status }),
    event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer'),
  ];
}

/** The finalizer first: from here on a load balancer may exist. */
export function planFinalizer(service: Service): Action[] {
  if (hasFinalizer(service)) return [];
  return [
    patchStatus(service, {
      metadata: {
        finalizers: [...(service.metadata?.finalizers ?? []), cleanupFinalizer],
        resourceVersion: service.metadata?.resourceVersion,
      },
    }),
  ];
}

/** Once the load balancer is gone. */
export function planReleased(service: Service): Action[] {
  const finalizers = (service.metadata?.finalizers ?? []).filter((name) => name !== cleanupFinalizer);
  const annotated = service.metadata?.annotations?.[elsewhereAnnotation] !== undefined;
  const metadata = {
    finalizers,
    resourceVersion: service.metadata?.resourceVersion,
    ...(annotated ? { annotations: { [elsewhereAnnotation]: null } } : {}),
  };
  const hadAddress = (service.status?.loadBalancer?.ingress?.length ?? 0) > 0;
  return [
    patchStatus(service, { metadata, ...(hadAddress ? { status: { loadBalancer: { ingress: null } } } : {}) }),
    event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer'),
  ];
}

function patchStatus(service: Service, body: unknown): Action {
  const { namespace, name = '' } = service.metadata ?? {};
  return patch(services, { namespace, name }, 'merge', body, 'status');
}

const self = ({ object }: { object: Service }): Request[] => [
  { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' },
];

/** Gives Services of type LoadBalancer their address, and keeps what is behind it current. */
export function createServiceController(provider: LoadBalancerProvider): Controller {
  const ensure = async (
    service: Service,
    slices: readonly EndpointSlice[],
    context: ReconcileContext,
  ): Promise<Result> => {
    if (!hasFinalizer(service)) {
      await perform(
        [event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer'), ...planFinalizer(service)],
        context,
      );
    }
    let state: LoadBalancerState;
    try {
      state = await provider.ensure(buildModel(service, slices));
    } catch (error) {
      await perform(
        [
          event(
            service,
            'Warning',
            'SyncLoadBalancerFailed',
            `Error syncing load balancer: ${error instanceof Error ? error.message : String(error)}`,
          ),
        ],
        context,
      );
      throw error;
    }
    await perform(planEnsured(service, state), context);
    return state.retryAfterMs === undefined ? {} : { requeueAfterMs: state.retryAfterMs };
  };

  const release = async (service: Service, context: ReconcileContext): Promise<void> => {
    await perform([event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer')], context);
    await provider.remove(ownerOf(service));
    await ignoreMissing(perform(planReleased(service), context));
  };

  return {
    name: 'service-controller',
    watches: [
      watchRule({ type: services, requests: self }),
      watchRule({
        type: endpointSlices,
        requests({ object: { metadata } }) {
          const name = metadata?.labels?.[serviceNameLabel];
          return name ? [{ namespace: metadata?.namespace, name }] : [];
        },
      }),
    ],
    async reconcile(request, context) {
      const { cache } = context;
      const service = await cache.get(services, request);
      if (!service) {
        // Removed without waiting for its finalizer: what it had is not left behind.
        for (const owner of await provider.list())
          if (owner.namespace === (request.namespace ?? '') && owner.name === request.name)
            await provider.remove(owner);
        return;
      }
      if (!wantsLoadBalancer(service, provider.loadBalancerClass)) {
        if (hasFinalizer(service) && isOurs(service, provider)) await release(service, context);
        return;
      }
      const slices = (await cache.list(endpointSlices, request.namespace)).filter(
        ({ metadata }) => metadata?.labels?.[serviceNameLabel] === request.name,
      );
      return ensure(service, slices, context);
    },
  };
}

/** A Service that names another class has another controller, also for its end. */
function isOurs(service: Service, provider: LoadBalancerProvider): boolean {
  const wanted = service.spec?.loadBalancerClass;
  return service.spec?.type !== 'LoadBalancer' || !wanted || wanted === provider.loadBalancerClass;
}

function ownerOf({ metadata }: Service): LoadBalancerOwner {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}

/** A Service whose last finalizer was ours may be gone before its status is written. */
async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
