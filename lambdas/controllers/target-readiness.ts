/**
 * Writes what load balancers think of pods: the conditions of their health gates, and `nodeless.dev/drained` on those that are
 * being deleted. A gate that was once open stays open: a pod that worked is not taken out of the cluster's own traffic, and of
 * what a rolling update may count on, because a load balancer has trouble.
 */
import type { Ingress } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { Pod, PodCondition, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodTerminal, podCondition } from '@nodeless/apimachinery/pod-conditions';
import { dataPathReadyAnnotation } from '@nodeless/apimachinery/service-data-path';
import { isNotFound } from '@nodeless/apimachinery/status';
import { ingresses, pods, services } from '@nodeless/client/resource-types';
import { type Action, patch, perform } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { backendServices } from './ingress/ingress-backends.ts';
import type { BackendGroup, BackendHealth } from './load-balancers/backend-health.ts';
import {
  deletionBegan,
  drainLimitMs,
  drainedCondition,
  gatedServices,
  healthGatePrefix,
  waitsForHealthOnly,
} from '@nodeless/apimachinery/target-health';

/** How often the health of targets is asked for while a pod waits for it. */
const pollMs = 5000;

/** How a Service stands: whether anything comes from outside yet, and to which targets. */
export interface Exposure {
  /** Its load balancer, or one of an Ingress that leads to it, has been given an address. */
  readonly served: boolean;
  readonly groups: readonly BackendGroup[];
}

export interface PlannedReadiness {
  readonly actions: readonly Action[];
  /** Something is waited for that no event will tell. */
  readonly pending: boolean;
}

export function planTargetReadiness(
  those: readonly Pod[],
  exposures: ReadonlyMap<string, Exposure>,
  now: number,
): PlannedReadiness {
  const actions: Action[] = [];
  let pending = false;
  for (const pod of those) {
    if (isPodTerminal(pod)) continue;
    const wanted = pod.metadata?.deletionTimestamp
      ? [drained(pod, exposures, now)]
      : gatedServices(pod).map((service) => gate(pod, service, exposures.get(service)));
    const conditions: PodCondition[] = [];
    for (const condition of wanted) {
      if (!condition) continue;
      const before = podCondition(pod, condition.type);
      if (before?.status === 'True') continue;
      // A pod whose containers are not ready yet is waited for by its own events.
      if (condition.status !== 'True') pending ||= condition.type === drainedCondition || waitsForHealthOnly(pod);
      if (before?.status === condition.status && before.reason === condition.reason) continue;
      conditions.push({
        ...condition,
        lastTransitionTime:
          before?.status === condition.status && before.lastTransitionTime
            ? before.lastTransitionTime
            : `${new Date(now).toISOString().slice(0, 19)}Z`,
      });
    }
    if (conditions.length > 0)
      actions.push(
        patch(
          pods,
          { namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' },
          'strategic',
          { metadata: { uid: pod.metadata?.uid }, status: { conditions } },
          'status',
        ),
      );
  }
  return { actions, pending };
}

function gate(pod: Pod, service: string, exposure: Exposure | undefined): PodCondition {
  const type = healthGatePrefix + service;
  const open = (reason: string, message: string): PodCondition => ({ type, status: 'True', reason, message });
  if (!exposure?.served) return open('NoLoadBalancer', 'no load balancer in front of the Service takes traffic yet');
  const groups = exposure.groups.filter(({ checked }) => checked);
  const addresses = addressesOf(pod);
  // A pod need not have every port of the Service; where it has none, it is not behind the load balancer at all.
  const found = groups.flatMap(({ targets }) => {
    const state = addresses.map((ip) => targets.get(ip)).find((one) => one !== undefined);
    return state ? [state] : [];
  });
  if (groups.length === 0 && exposure.groups.length > 0)
    return open('NotChecked', 'the load balancer has no health check for this protocol');
  const bad = found.find(({ health }) => health !== 'healthy');
  if (found.length > 0 && !bad) return open('Healthy', 'the load balancer has found the pod healthy');
  return {
    type,
    status: 'False',
    reason: bad?.reason || 'NotRegistered',
    message: bad?.message || 'the pod is not behind the load balancer yet',
  };
}

function drained(pod: Pod, exposures: ReadonlyMap<string, Exposure>, now: number): PodCondition | undefined {
  const those = gatedServices(pod);
  if (those.length === 0) return undefined;
  const addresses = addressesOf(pod);
  const still = those.find((service) =>
    exposures.get(service)?.groups.some(({ targets }) => addresses.some((ip) => targets.has(ip))),
  );
  if (still === undefined)
    return { type: drainedCondition, status: 'True', reason: 'Drained', message: 'no load balancer leads to the pod' };
  if (now - (deletionBegan(pod) ?? now) >= drainLimitMs)
    return {
      type: drainedCondition,
      status: 'True',
      reason: 'DrainTimeout',
      message: `the load balancer of ${still} still leads to the pod after ${drainLimitMs / 1000} seconds`,
    };
  return {
    type: drainedCondition,
    status: 'False',
    reason: 'Draining',
    message: `the load balancer of ${still} still leads to the pod`,
  };
}

const addressesOf = ({ status }: Pod): string[] =>
  [status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)].filter(
    (ip) => ip !== undefined && ip !== '',
  ) as string[];

const hasAddress = (status: Service['status'] | Ingress['status']): boolean =>
  (status?.loadBalancer?.ingress?.length ?? 0) > 0;

export function createTargetReadinessController(options: { readonly health: BackendHealth }): Controller {
  const exposure = async (namespace: string, name: string, { cache }: ReconcileContext): Promise<Exposure> => {
    const service = await cache.get(services, { namespace, name });
    const served =
      (service?.spec?.type === 'LoadBalancer' && hasAddress(service.status)) ||
      service?.metadata?.annotations?.[dataPathReadyAnnotation] === 'true' ||
      (await cache.list(ingresses, namespace)).some(
        (ingress) => hasAddress(ingress.status) && backendServices(ingress).includes(name),
      );
    // Asked also where no address is shown any more: what is being removed may still send traffic.
    return { served, groups: await options.health.of(namespace, name) };
  };

  return {
    name: 'target-readiness-controller',
    minIntervalMs: 1000,
    watches: [
      watchRule({
        type: pods,
        requests: ({ type, object, previous }) =>
          type !== 'deleted' && (!previous || concernsUs(previous, object))
            ? gatedServices(object).map((name) => ({ namespace: object.metadata?.namespace, name }))
            : [],
      }),
      watchRule({
        type: services,
        requests: ({ object: { metadata, spec } }) =>
          spec?.type === 'LoadBalancer' || metadata?.annotations?.[dataPathReadyAnnotation]
            ? [{ namespace: metadata?.namespace, name: metadata?.name ?? '' }]
            : [],
      }),
      watchRule({
        type: ingresses,
        requests: ({ object }) =>
          backendServices(object).map((name) => ({ namespace: object.metadata?.namespace, name })),
      }),
    ],
    async reconcile({ namespace = '', name }, context): Promise<Result | void> {
      const those = (await context.cache.list(pods, namespace)).filter(
        (pod) => gatedServices(pod).includes(name) && isOpenQuestion(pod),
      );
      if (those.length === 0) return;
      const exposures = new Map<string, Exposure>();
      for (const service of new Set(those.flatMap(gatedServices)))
        exposures.set(service, await exposure(namespace, service, context));
      const { actions, pending } = planTargetReadiness(those, exposures, context.clock.now());
      for (const action of actions)
        await perform([action], context).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      return pending ? { requeueAfterMs: pollMs } : undefined;
    },
  };
}

/** Gates that are not open, or a deletion that is not drained; nothing else costs a call to AWS. */
function isOpenQuestion(pod: Pod): boolean {
  if (isPodTerminal(pod)) return false;
  if (pod.metadata?.deletionTimestamp) return podCondition(pod, drainedCondition)?.status !== 'True';
  return (
    podCondition(pod, 'ContainersReady')?.status === 'True' &&
    gatedServices(pod).some((service) => podCondition(pod, healthGatePrefix + service)?.status !== 'True')
  );
}

function concernsUs(before: Pod, after: Pod): boolean {
  return (
    before.metadata?.deletionTimestamp !== after.metadata?.deletionTimestamp ||
    before.status?.podIP !== after.status?.podIP ||
    podCondition(before, 'ContainersReady')?.status !== podCondition(after, 'ContainersReady')?.status
  );
}
