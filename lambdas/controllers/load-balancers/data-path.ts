/**
 * Tells users which way their ClusterIPs go, and gives a ClusterIP a load balancer of its own where that is asked for
 * (`nodeless.dev/data-path: nlb`). A network load balancer has one address a zone, and a ClusterIP is one address: so it stands in
 * one zone, in the subnet of the service range that has the ClusterIP, and sends to pods in all zones.
 */
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { cidrAddress, cidrContains, cidrSize, parseCidr, parseIp } from '@nodeless/apimachinery/ip';
import {
  type DataPathNotice,
  type DataPathSettings,
  chooseDataPath,
  dataPathAnnotation,
  dataPathReadyAnnotation,
} from '@nodeless/apimachinery/service-data-path';
import { isNotFound } from '@nodeless/apimachinery/status';
import { endpointSlices, pods, services } from '@nodeless/client/resource-types';
import { event, patch, perform } from '@nodeless/controller-runtime/actions';
import {
  type Controller,
  type ReconcileContext,
  type Request,
  type Result,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { serviceNameLabel } from '../endpoints/endpoint-slice-plan.ts';
import { buildModel } from './build-model.ts';
import { endpointPortsOf } from './dns/records.ts';
import { explain } from './elbv2/aws-problems.ts';
import type { StackOwner } from './elbv2/desired-stack.ts';
import type { Elbv2 } from './elbv2/elbv2.ts';
import { createNoticeMemory } from './notice-memory.ts';
import { buildNetworkModel } from './elbv2/network-model.ts';
import { gatedServices, healthGateChanged, waitsForHealthOnly } from '@nodeless/apimachinery/target-health';
import { LoadBalancerProblem } from './load-balancer.ts';

export const dataPathFinalizer = 'nodeless.dev/data-path';
const provisioningMs = 15_000;
const removingMs = 10_000;
const price = 'a network load balancer costs about 16 dollars a month and its traffic';

export interface ServiceSubnet {
  readonly id: string;
  readonly cidr: string;
}

export interface DataPathControllerOptions {
  readonly elbv2: Elbv2;
  readonly dataPaths: DataPathSettings;
  /** Subnets that the service range consists of; [] = it is no part of the VPC. */
  readonly serviceSubnets: readonly ServiceSubnet[];
}

/** The subnet that can give a load balancer this address; else why there is none. */
export function subnetFor(address: string, subnets: readonly ServiceSubnet[]): ServiceSubnet | string {
  const ip = parseIp(address);
  const found =
    ip &&
    subnets.find(({ cidr }) => {
      const parsed = parseCidr(cidr);
      return parsed && cidrContains(parsed, ip);
    });
  if (!found) return `${address} lies in no subnet of the service range`;
  const cidr = parseCidr(found.cidr);
  const reserved = cidr ? [0n, 1n, 2n, 3n, cidrSize(cidr) - 1n].map((n) => cidrAddress(cidr, n)) : [];
  return reserved.includes(address)
    ? `${address} is one of the addresses that AWS keeps for itself in ${found.cidr}: make the Service again with another clusterIP`
    : found;
}

export function createDataPathController(options: DataPathControllerOptions): Controller {
  const { elbv2, dataPaths, serviceSubnets } = options;
  const told = createNoticeMemory();
  const idOf = ({ namespace, name }: Request): string => `${namespace}/${name}`;
  const ownerOf = (request: Request): StackOwner => ({ kind: 'cluster-ip', id: idOf(request), uid: '' });
  const has = ({ metadata }: Service): boolean => metadata?.finalizers?.includes(dataPathFinalizer) ?? false;

  const tell = (service: Service, notices: readonly DataPathNotice[], context: ReconcileContext): Promise<unknown> =>
    perform(
      told(`${service.metadata?.namespace}/${service.metadata?.name}`, notices).map(({ type, reason, message }) =>
        event(service, type, reason, message),
      ),
      context,
    );
  /** The finalizer while there may be a load balancer, the annotation while it takes traffic. */
  const mark = async (
    service: Service,
    { held, ready }: { readonly held: boolean; readonly ready: boolean },
    context: ReconcileContext,
  ): Promise<void> => {
    const { namespace, name = '', finalizers = [], resourceVersion, annotations } = service.metadata ?? {};
    if (held === has(service) && ready === (annotations?.[dataPathReadyAnnotation] === 'true')) return;
    const others = finalizers.filter((one) => one !== dataPathFinalizer);
    const metadata = {
      resourceVersion,
      finalizers: held ? [...others, dataPathFinalizer] : others,
      annotations: { [dataPathReadyAnnotation]: ready ? 'true' : null },
    };
    await perform([patch(services, { namespace, name }, 'merge', { metadata })], context);
  };

  const remove = async (service: Service, request: Request, context: ReconcileContext): Promise<Result | void> => {
    if (!(await elbv2.deployer.remove(ownerOf(request)))) return { requeueAfterMs: removingMs };
    await mark(service, { held: false, ready: false }, context).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  };

  const ensure = async (
    service: Service,
    request: Request,
    notices: readonly DataPathNotice[],
    context: ReconcileContext,
  ): Promise<Result | void> => {
    const subnet = subnetFor(service.spec?.clusterIP ?? '', serviceSubnets);
    if (typeof subnet === 'string') throw new LoadBalancerProblem('DataPathUnavailable', subnet);
    if (!has(service)) {
      await perform(
        [event(service, 'Normal', 'DataPathPrice', `the ClusterIP gets a load balancer: ${price}`)],
        context,
      );
      await mark(service, { held: true, ready: false }, context);
    }
    const slices = (await context.cache.list(endpointSlices, request.namespace)).filter(
      ({ metadata }) => metadata?.labels?.[serviceNameLabel] === request.name,
    );
    const waiting = new Set<string>();
    for (const { conditions, targetRef } of slices.flatMap(({ endpoints }) => endpoints ?? [])) {
      if (conditions?.ready !== false || targetRef?.kind !== 'Pod') continue;
      const pod = await context.cache.get(pods, { namespace: request.namespace, name: targetRef.name ?? '' });
      if (pod && waitsForHealthOnly(pod)) waiting.add(targetRef.name ?? '');
    }
    const model = { ...buildModel(service, slices, (pod) => waiting.has(pod)), sourceRanges: [] };
    const built = buildNetworkModel(model, await elbv2.surroundings(), {
      kind: 'cluster-ip',
      subnets: [{ id: subnet.id, privateAddress: service.spec?.clusterIP }],
    });
    await tell(service, [...notices, ...built.notices], context);
    const { active, leftovers } = await elbv2.deployer.deploy(built.stack);
    // A Service that was just given its finalizer has another revision by now: it comes again.
    if (active && has(service)) await mark(service, { held: true, ready: true }, context);
    return active && !leftovers ? undefined : { requeueAfterMs: provisioningMs };
  };

  const reconcile = async (request: Request, context: ReconcileContext): Promise<Result | void> => {
    const service = await context.cache.get(services, request);
    if (!service) return;
    const slices = (await context.cache.list(endpointSlices, request.namespace)).filter(
      ({ metadata }) => metadata?.labels?.[serviceNameLabel] === request.name,
    );
    const { path, notices } = chooseDataPath(service, dataPaths, endpointPortsOf(slices));
    try {
      if (path === 'nlb' && !service.metadata?.deletionTimestamp)
        return await ensure(service, request, notices, context);
      if (!service.metadata?.deletionTimestamp) await tell(service, notices, context);
      return has(service) ? await remove(service, request, context) : undefined;
    } catch (error) {
      const problem = explain(error);
      if (!problem) throw error;
      await perform([event(service, 'Warning', problem.reason, problem.message)], context);
      return { requeueAfterMs: problem.retryAfterMs };
    }
  };

  const sweep = async (context: ReconcileContext): Promise<Result | void> => {
    const all = await context.cache.list(services);
    const known = new Set(all.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`));
    for (const owner of await elbv2.deployer.inventory.owners())
      if (owner.kind === 'cluster-ip' && !known.has(owner.id)) await elbv2.deployer.remove(owner);
    for (const service of all)
      if (has(service))
        await reconcile({ namespace: service.metadata?.namespace, name: service.metadata?.name ?? '' }, context);
  };

  return {
    name: 'data-path-controller',
    minIntervalMs: 500,
    resyncMs: 10 * 60_000,
    watches: [
      watchRule({
        type: services,
        requests: ({ type, object: { metadata } }) =>
          type === 'deleted' ? [] : [{ namespace: metadata?.namespace, name: metadata?.name ?? '' }],
      }),
      watchRule({
        type: endpointSlices,
        async requests({ object: { metadata } }, lookup) {
          const name = metadata?.labels?.[serviceNameLabel];
          if (!name) return [];
          const service = await lookup.get(services, { namespace: metadata?.namespace, name });
          // Only here do endpoints change anything: targets of a load balancer, and what a named port turns out to be.
          const concerned =
            service &&
            (has(service) ||
              service.metadata?.annotations?.[dataPathAnnotation] === 'nlb' ||
              service.spec?.ports?.some(({ targetPort }) => typeof targetPort === 'string'));
          return concerned ? [{ namespace: metadata?.namespace, name }] : [];
        },
      }),
      watchRule({
        type: pods,
        requests: (change) =>
          healthGateChanged(change)
            ? gatedServices(change.object).map((name) => ({ namespace: change.object.metadata?.namespace, name }))
            : [],
      }),
    ],
    reconcile: (request, context) => (request.name === '' ? sweep(context) : reconcile(request, context)),
  };
}
