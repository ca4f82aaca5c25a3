/** Gives Ingresses their application load balancers: one for each group. */
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import type { Ingress } from '@nodeless/apimachinery/generated/types/networking/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { isNotFound } from '@nodeless/apimachinery/status';
import { resourceType } from '@nodeless/client/client';
import { endpointSlices, ingresses, pods, services } from '@nodeless/client/resource-types';
import type { IngressClass } from '@nodeless/apimachinery/generated/types/networking/v1';
import { type Action, event, patch, perform } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type Lister,
  type ReconcileContext,
  type Request,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { serviceNameLabel } from '../endpoints/endpoint-slice-plan.ts';
import { explain } from '../load-balancers/elbv2/aws-problems.ts';
import type { Certificates } from '../load-balancers/elbv2/certificates.ts';
import type { StackOwner } from '../load-balancers/elbv2/desired-stack.ts';
import type { Elbv2 } from '../load-balancers/elbv2/elbv2.ts';
import { createNoticeMemory } from '../load-balancers/notice-memory.ts';
import { gatedServices, healthGateChanged, waitsForHealthOnly } from '@nodeless/apimachinery/target-health';
import { candidateTargets } from '../load-balancers/service-endpoints.ts';
import { type ApplicationModel, buildApplicationModel } from './application-model.ts';
import { backendServices } from './ingress-backends.ts';
import { finalizerOf, groupId, groupOf, groupsConcerned, holds, isServed } from './ingress-groups.ts';

export const ingressClasses = resourceType<IngressClass>(
  'networking.k8s.io',
  'v1',
  'ingressclasses',
  'IngressClass',
  false,
);

const provisioningMs = 15_000;
const removingMs = 10_000;
const resyncMs = 10 * 60_000;

export interface IngressControllerOptions {
  readonly elbv2: Elbv2;
  readonly certificates: Certificates;
}

const keyOf = ({ metadata }: Ingress): { namespace?: string; name: string } => ({
  namespace: metadata?.namespace,
  name: metadata?.name ?? '',
});
const idOf = ({ metadata }: Ingress): string => `${metadata?.namespace}/${metadata?.name}`;
const setFinalizers = (ingress: Ingress, finalizers: readonly string[]): Action =>
  patch(ingresses, keyOf(ingress), 'merge', {
    metadata: { finalizers, resourceVersion: ingress.metadata?.resourceVersion },
  });
const setHostname = (ingress: Ingress, hostname: string | undefined): Action[] => {
  const wanted = hostname === undefined ? {} : { ingress: [{ hostname }] };
  if (semanticEqual(ingress.status?.loadBalancer ?? {}, wanted)) return [];
  return [
    patch(
      ingresses,
      keyOf(ingress),
      'merge',
      { status: { loadBalancer: { ingress: wanted.ingress ?? null } } },
      'status',
    ),
  ];
};

/** Of members that are new to the group: the finalizer comes before the load balancer. */
export function planFinalizers(members: readonly Ingress[], group: Request): Action[] {
  return members
    .filter((ingress) => !holds(ingress, group))
    .map((ingress) => setFinalizers(ingress, [...(ingress.metadata?.finalizers ?? []), finalizerOf(group)]));
}

/** Of those that were members and are so no more, once nothing of them stands in the load balancer. */
export function planReleases(leavers: readonly Ingress[], group: Request): Action[] {
  return leavers.flatMap((ingress) => {
    const finalizers = (ingress.metadata?.finalizers ?? []).filter((name) => name !== finalizerOf(group));
    // In another group already: its address is that one's to write.
    const elsewhere = finalizers.some((name) => name.includes('ingress.k8s.aws/'));
    return [
      ...(ingress.metadata?.deletionTimestamp || elsewhere ? [] : setHostname(ingress, undefined)),
      setFinalizers(ingress, finalizers),
    ];
  });
}

/** Addresses, once the load balancer takes traffic. */
export function planStatus(members: readonly Ingress[], hostname: string): Action[] {
  return members.flatMap((ingress) => {
    const actions = setHostname(ingress, hostname);
    return actions.length > 0
      ? [...actions, event(ingress, 'Normal', 'SuccessfullyReconciled', 'Successfully reconciled')]
      : [];
  });
}

export function createIngressController({ elbv2, certificates }: IngressControllerOptions): Controller {
  const told = createNoticeMemory();
  const ownerOf = (group: Request): StackOwner => ({ kind: 'ingress', id: groupId(group), uid: '' });

  const remove = async (
    group: Request,
    leavers: readonly Ingress[],
    context: ReconcileContext,
  ): Promise<Result | void> => {
    try {
      if (!(await elbv2.deployer.remove(ownerOf(group)))) return { requeueAfterMs: removingMs };
    } catch (error) {
      return refuse(error, leavers, context);
    }
    await release(leavers, group, context);
  };
  const release = async (leavers: readonly Ingress[], group: Request, context: ReconcileContext): Promise<void> => {
    for (const leaver of leavers)
      await perform(planReleases([leaver], group), context).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  };
  const refuse = async (error: unknown, those: readonly Ingress[], context: ReconcileContext): Promise<Result> => {
    const problem = explain(error);
    const reason = problem?.reason ?? 'FailedDeployModel';
    const message = problem?.message ?? (error instanceof Error ? error.message : String(error));
    await perform(
      those.map((ingress) => event(ingress, 'Warning', reason, message)),
      context,
    );
    if (!problem) throw error;
    return { requeueAfterMs: problem.retryAfterMs };
  };

  /** `orphan`: something of the group stands in AWS though no Ingress says so. */
  const reconcile = async (group: Request, context: ReconcileContext, orphan = false): Promise<Result | void> => {
    const { cache } = context;
    const classes = await cache.list(ingressClasses);
    const all = await cache.list(ingresses, group.namespace);
    const members = all.filter(
      (ingress) =>
        !ingress.metadata?.deletionTimestamp &&
        isServed(ingress, classes) &&
        groupId(groupOf(ingress)) === groupId(group),
    );
    const leavers = all.filter((ingress) => holds(ingress, group) && !members.includes(ingress));
    if (members.length === 0) return orphan || leavers.length > 0 ? remove(group, leavers, context) : undefined;
    await perform(planFinalizers(members, group), context);
    let model: ApplicationModel;
    try {
      model = await build(group, members, context);
      const { hostname, active, leftovers } = await elbv2.deployer.deploy(model.stack);
      for (const ingress of members) {
        const notices = told(idOf(ingress), model.notices.get(idOf(ingress)) ?? []);
        await perform(
          notices.map(({ type, reason, message }) => event(ingress, type, reason, message)),
          context,
        );
      }
      if (active) await perform(planStatus(members, hostname), context);
      await release(leavers, group, context);
      return active && !leftovers ? undefined : { requeueAfterMs: provisioningMs };
    } catch (error) {
      return refuse(error, members, context);
    }
  };

  const build = async (
    group: Request,
    members: readonly Ingress[],
    { cache }: ReconcileContext,
  ): Promise<ApplicationModel> => {
    const found = new Map<string, { service: Service; slices: readonly EndpointSlice[] }>();
    const waiting = new Set<string>();
    for (const member of members) {
      const namespace = member.metadata?.namespace ?? '';
      for (const name of namedServices(member)) {
        const service = found.has(`${namespace}/${name}`) ? undefined : await cache.get(services, { namespace, name });
        if (!service) continue;
        const slices = (await cache.list(endpointSlices, namespace)).filter(
          ({ metadata }) => metadata?.labels?.[serviceNameLabel] === name,
        );
        found.set(`${namespace}/${name}`, { service, slices });
        for (const { conditions, targetRef } of slices.flatMap(({ endpoints }) => endpoints ?? [])) {
          if (conditions?.ready !== false || conditions.terminating || targetRef?.kind !== 'Pod') continue;
          const pod = await cache.get(pods, { namespace, name: targetRef.name ?? '' });
          if (pod && waitsForHealthOnly(pod)) waiting.add(`${namespace}/${targetRef.name}`);
        }
      }
    }
    const hosts = members
      .filter(
        ({ spec, metadata }) =>
          (spec?.tls?.length ?? 0) > 0 || JSON.stringify(metadata?.annotations ?? {}).includes('HTTPS'),
      )
      .flatMap(({ spec }) => [
        ...(spec?.tls ?? []).flatMap((tls) => tls.hosts ?? []),
        ...(spec?.rules ?? []).flatMap(({ host }) => (host ? [host] : [])),
      ]);
    const arns = hosts.length > 0 ? await certificates.find([...new Set(hosts)]) : new Map<string, string>();
    return buildApplicationModel({
      group,
      members,
      around: await elbv2.surroundings(),
      service: (namespace, name) => found.get(`${namespace}/${name}`)?.service,
      targets({ metadata }, port) {
        const namespace = metadata?.namespace;
        const slices = found.get(`${namespace}/${metadata?.name}`)?.slices ?? [];
        return candidateTargets(port, slices, (pod) => waiting.has(`${namespace}/${pod}`)).map((target) => ({
          address: target.address,
          port: target.port,
        }));
      },
      certificateFor: (host) => arns.get(host),
    });
  };

  /** Everything once more: others can change load balancers too, and what has no Ingress any more goes. */
  const sweep = async (context: ReconcileContext): Promise<Result | void> => {
    const classes = await context.cache.list(ingressClasses);
    const groups = new Map<string, Request>();
    for (const ingress of await context.cache.list(ingresses))
      for (const group of groupsConcerned(ingress))
        if (isServed(ingress, classes) || holds(ingress, group)) groups.set(groupId(group), group);
    const orphans = new Set<string>();
    for (const { kind, id } of await elbv2.deployer.inventory.owners()) {
      if (kind !== 'ingress' || groups.has(id)) continue;
      const [namespace, name] = id.includes('/') ? id.split('/') : [undefined, id];
      groups.set(id, { namespace, name: name ?? '' });
      orphans.add(id);
    }
    let first: unknown;
    let requeueAfterMs: number | undefined;
    for (const [id, group] of groups) {
      try {
        const result = await reconcile(group, context, orphans.has(id));
        if (result?.requeueAfterMs !== undefined)
          requeueAfterMs = Math.min(requeueAfterMs ?? Infinity, result.requeueAfterMs);
      } catch (error) {
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  };

  return {
    name: 'ingress-controller',
    minIntervalMs: 500,
    resyncMs,
    watches: [
      watchRule({
        type: ingresses,
        requests: ({ object, previous }) => [
          ...groupsConcerned(object),
          ...(previous ? groupsConcerned(previous).filter((group) => groupId(group) !== groupId(groupOf(object))) : []),
        ],
      }),
      watchRule({
        type: ingressClasses,
        requests: async (_change, lookup) => (await lookup.list(ingresses)).flatMap(groupsConcerned),
      }),
      watchRule({
        type: services,
        requests: ({ object: { metadata } }, lookup) =>
          groupsBehind(metadata?.namespace, [metadata?.name ?? ''], lookup),
      }),
      watchRule({
        type: endpointSlices,
        requests({ object: { metadata } }, lookup) {
          const name = metadata?.labels?.[serviceNameLabel];
          return name ? groupsBehind(metadata?.namespace, [name], lookup) : [];
        },
      }),
      watchRule({
        type: pods,
        requests: (change, lookup) =>
          healthGateChanged(change)
            ? groupsBehind(change.object.metadata?.namespace, gatedServices(change.object), lookup)
            : [],
      }),
    ],
    reconcile: (request, context) => (request.name === '' ? sweep(context) : reconcile(request, context)),
  };
}

/** Services that an Ingress leads to, those of annotated actions too. */
function namedServices(ingress: Ingress): string[] {
  const annotated = Object.values(ingress.metadata?.annotations ?? {}).flatMap((value) =>
    [...value.matchAll(/"serviceName"\s*:\s*"([^"]+)"/g)].map((match) => match[1] as string),
  );
  return [...new Set([...backendServices(ingress), ...annotated])];
}

async function groupsBehind(
  namespace: string | undefined,
  names: readonly string[],
  lookup: Lister,
): Promise<Request[]> {
  const found = await lookup.list(ingresses, namespace);
  return found.filter((ingress) => namedServices(ingress).some((name) => names.includes(name))).map(groupOf);
}
