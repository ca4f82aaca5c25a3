import type { LoadBalancerIngress, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { isNotFound } from '@nodeless/apimachinery/status';
import { endpointSlices, pods, services } from '@nodeless/client/resource-types';
import { type Action, event, patch, perform } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Request,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { serviceNameLabel } from './endpoints/endpoint-slice-plan.ts';
import { gatedServices, healthGateChanged, waitsForHealthOnly } from '@nodeless/apimachinery/target-health';
import { buildModel, wantsLoadBalancer } from './load-balancers/build-model.ts';
import {
  elsewhereAnnotation,
  type LoadBalancerOwner,
  LoadBalancerProblem,
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
    waiting: ReadonlySet<string>,
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
      state = await provider.ensure(buildModel(service, slices, (podName) => waiting.has(podName)));
    } catch (error) {
      await perform(
        [
          event(
            service,
            'Warning',
            error instanceof LoadBalancerProblem ? error.reason : 'SyncLoadBalancerFailed',
            `Error syncing load balancer: ${error instanceof Error ? error.message : String(error)}`,
          ),
        ],
        context,
      );
      // Its cause is outside of the cluster: it goes without telling us.
      if (error instanceof LoadBalancerProblem) return { requeueAfterMs: error.retryAfterMs };
      throw error;
    }
    await perform(planEnsured(service, state), context);
    return state.retryAfterMs === undefined ? {} : { requeueAfterMs: state.retryAfterMs };
  };

  const release = async (service: Service, context: ReconcileContext): Promise<Result> => {
    await perform([event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer')], context);
    try {
      const unfinished = await provider.remove(ownerOf(service));
      if (unfinished) return { requeueAfterMs: unfinished.retryAfterMs };
    } catch (error) {
      if (!(error instanceof LoadBalancerProblem)) throw error;
      await perform(
        [event(service, 'Warning', error.reason, `Error deleting load balancer: ${error.message}`)],
        context,
      );
      return { requeueAfterMs: error.retryAfterMs };
    }
    await ignoreMissing(perform(planReleased(service), context));
    return {};
  };

  const wants = (service: Service): boolean =>
    wantsLoadBalancer(service, provider.loadBalancerClass, provider.alsoServes);

  const removeOrphans = async (request: Request): Promise<Result | void> => {
    const of = { namespace: request.namespace ?? '', name: request.name };
    for (const owner of await provider.list(of)) {
      if (owner.namespace !== of.namespace || owner.name !== of.name) continue;
      const unfinished = await provider.remove(owner);
      if (unfinished) return { requeueAfterMs: unfinished.retryAfterMs };
    }
  };

  const reconcile = async (request: Request, context: ReconcileContext): Promise<Result | void> => {
    const { cache } = context;
    const service = await cache.get(services, request);
    if (!service) {
      // Removed without waiting for its finalizer: what it had is not left behind. Where asking is dear, the sweep does it.
      return provider.resyncMs === undefined ? removeOrphans(request) : undefined;
    }
    if (!wants(service)) {
      if (hasFinalizer(service) && isOurs(service, provider)) return release(service, context);
      return;
    }
    const slices = (await cache.list(endpointSlices, request.namespace)).filter(
      ({ metadata }) => metadata?.labels?.[serviceNameLabel] === request.name,
    );
    return ensure(service, slices, await waitingPods(slices, context), context);
  };

  /** Everything once more, as if it had changed: others can change load balancers too, and what has no Service any more goes. */
  const sweep = async (context: ReconcileContext): Promise<Result | void> => {
    const all = await context.cache.list(services);
    let first: unknown;
    let requeueAfterMs: number | undefined;
    const one = async (work: Promise<Result | void>): Promise<void> => {
      try {
        const result = await work;
        if (result?.requeueAfterMs !== undefined)
          requeueAfterMs = Math.min(requeueAfterMs ?? Infinity, result.requeueAfterMs);
      } catch (error) {
        first ??= error;
      }
    };
    for (const service of all)
      if (wants(service) || hasFinalizer(service))
        await one(reconcile({ namespace: service.metadata?.namespace, name: service.metadata?.name ?? '' }, context));
    const known = new Set(all.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`));
    for (const { namespace, name } of await provider.list())
      if (!known.has(`${namespace}/${name}`)) await one(removeOrphans({ namespace, name }));
    if (first !== undefined) throw first;
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  };

  return {
    name: 'service-controller',
    watches: [
      watchRule({ type: services, requests: self }),
      watchRule({
        type: endpointSlices,
        async requests({ object: { metadata } }, lookup) {
          const name = metadata?.labels?.[serviceNameLabel];
          if (!name) return [];
          // Most Services have no load balancer: their endpoints are nobody's business here.
          const service = await lookup.get(services, { namespace: metadata?.namespace, name });
          const concerned = service && (service.spec?.type === 'LoadBalancer' || hasFinalizer(service));
          return concerned ? [{ namespace: metadata?.namespace, name }] : [];
        },
      }),
      watchRule({
        type: pods,
        // Slices do not show a pod whose containers have become ready while a health gate still holds it back.
        requests: (change) =>
          healthGateChanged(change)
            ? gatedServices(change.object).map((name) => ({ namespace: change.object.metadata?.namespace, name }))
            : [],
      }),
    ],
    resyncMs: provider.resyncMs,
    reconcile: (request, context) => (request.name === '' ? sweep(context) : reconcile(request, context)),
  };
}

/** Names of pods behind these slices that wait for nothing but a load balancer's health check. */
async function waitingPods(
  slices: readonly EndpointSlice[],
  { cache }: ReconcileContext,
): Promise<ReadonlySet<string>> {
  const waiting = new Set<string>();
  for (const { metadata, endpoints = [] } of slices)
    for (const { conditions, targetRef } of endpoints ?? []) {
      if (conditions?.ready !== false || conditions.terminating || targetRef?.kind !== 'Pod') continue;
      const name = targetRef.name ?? '';
      const pod = waiting.has(name) ? undefined : await cache.get(pods, { namespace: metadata?.namespace, name });
      if (pod && waitsForHealthOnly(pod)) waiting.add(name);
    }
  return waiting;
}

/** A Service that names another class has another controller, also for its end. */
function isOurs(service: Service, provider: LoadBalancerProvider): boolean {
  const wanted = service.spec?.loadBalancerClass;
  return (
    service.spec?.type !== 'LoadBalancer' ||
    !wanted ||
    wanted === provider.loadBalancerClass ||
    provider.alsoServes?.includes(wanted) === true
  );
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
