import { createHash } from 'node:crypto';
import type { Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { chooseDataPath, dataPathAnnotation, type DataPathSettings } from '@nodeless/apimachinery/service-data-path';
import { serviceLoopback } from '@nodeless/apimachinery/service-loopback';
import type { Client } from '@nodeless/client/client';
import { endpointSlices, services } from '@nodeless/client/resource-types';
import type {
  AgentEndpoints,
  AgentService,
  EndpointsQuery,
  EndpointsResponse,
  ServicesResponse,
} from '../agent/agent-protocol.ts';

/** What agents are told of the Services whose data path they are. */
export interface ServiceDirectory {
  table(pod: Pod): Promise<ServicesResponse>;
  endpoints(pod: Pod, query: EndpointsQuery): Promise<EndpointsResponse>;
}

const serviceName = 'kubernetes.io/service-name';
/** Each use of a Service asks again at most this often. */
const ttlMs = 10_000;

/** `client`: may list Services and EndpointSlices everywhere. */
export function createServiceDirectory(deps: {
  readonly client: Client;
  readonly dataPaths: DataPathSettings;
}): ServiceDirectory {
  const { client, dataPaths } = deps;

  const slicesOf = async (namespace: string, name: string): Promise<readonly EndpointSlice[]> =>
    (await client.list(endpointSlices, { namespace, labelSelector: `${serviceName}=${name}` })).items;

  const isCarried = async (service: Service): Promise<boolean> => {
    const { namespace = '', name = '', deletionTimestamp } = service.metadata ?? {};
    if (deletionTimestamp || (service.spec?.ports ?? []).length === 0) return false;
    const named = service.spec?.ports?.some((port) => typeof port.targetPort === 'string') ?? false;
    const ports = named ? portsByName(await slicesOf(namespace, name)) : undefined;
    return chooseDataPath(service, dataPaths, ports).path === 'agent';
  };

  return {
    async table(pod) {
      const found: AgentService[] = [];
      // A pod that wants all ports for itself.
      if (pod.metadata?.annotations?.[dataPathAnnotation] !== 'none') {
        for (const service of (await client.list(services)).items) {
          const address = serviceLoopback(service.spec?.clusterIP ?? '');
          if (address && (await isCarried(service))) found.push(agentService(service, address));
        }
      }
      found.sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
      return {
        revision: createHash('sha256').update(JSON.stringify(found)).digest('hex').slice(0, 32),
        services: found,
      };
    },
    async endpoints(_pod, query) {
      const found = new Map<string, readonly AgentEndpoints[]>();
      await Promise.all(
        query.services.map(async (key) => {
          const [namespace = '', name = ''] = key.split('/');
          // By list: what carries Services may list and watch, and not get (system:node-proxier).
          const { items } = await client.list(services, { namespace, fieldSelector: `metadata.name=${name}` });
          const service = items.find((one) => one.metadata?.name === name);
          if (service) found.set(key, endpointsOf(service, await slicesOf(namespace, name)));
        }),
      );
      return { services: Object.fromEntries(found), ttl: ttlMs };
    },
  };
}

function agentService({ metadata, spec }: Service, address: string): AgentService {
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    address,
    clientIpAffinitySeconds:
      spec?.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : 0,
    ports: (spec?.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
      protocol === 'TCP' || protocol === 'UDP' ? [{ name, protocol, port }] : [],
    ),
  };
}

function portsByName(slices: readonly EndpointSlice[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { ports, endpoints } of slices)
    for (const { name = '', port } of (endpoints?.length ?? 0) > 0 ? (ports ?? []) : [])
      if (port && !found.get(name)?.includes(port)) found.set(name, [...(found.get(name) ?? []), port]);
  return found;
}

/** As kube-proxy: those that are ready, or, where none is, those that still serve while they end. */
function endpointsOf(service: Service, slices: readonly EndpointSlice[]): AgentEndpoints[] {
  const unready = service.spec?.publishNotReadyAddresses === true;
  const isReady = ({ conditions }: Endpoint): boolean => unready || (conditions?.ready ?? true);
  const isDraining = ({ conditions }: Endpoint): boolean => Boolean(conditions?.terminating && conditions.serving);
  return (service.spec?.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) => {
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    const targets = (accept: (endpoint: Endpoint) => boolean) =>
      slices
        .filter((slice) => slice.addressType === 'IPv4')
        .flatMap((slice) => {
          const target = slice.ports?.find((p) => (p.name ?? '') === name && (p.protocol ?? 'TCP') === protocol)?.port;
          return target === undefined
            ? []
            : (slice.endpoints ?? [])
                .filter(accept)
                .flatMap(({ addresses }) => addresses.slice(0, 1).map((address) => ({ address, port: target })));
        });
    const ready = targets(isReady);
    return [{ port, protocol, targets: ready.length > 0 ? ready : targets(isDraining) }];
  });
}
