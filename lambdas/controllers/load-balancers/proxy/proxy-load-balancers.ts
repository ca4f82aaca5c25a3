import { cidrContains, parseCidr, parseIp } from '@nodeless/apimachinery/ip';
import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { candidateAddresses } from '../loopback-addresses.ts';
import type {
  LoadBalancerModel,
  LoadBalancerNotice,
  LoadBalancerOwner,
  LoadBalancerPort,
  LoadBalancerProvider,
  LoadBalancerState,
} from '../load-balancer.ts';
import { type AddressClaim, claimAddress } from './address-claim.ts';
import { candidatePlaces, formatElsewhere, parseElsewhere, type Place, portKey, refusalOf } from './places.ts';
import { type Backend, createTargetChoice } from './target-choice.ts';
import { listenTcp, type PortListener } from './tcp-listener.ts';
import { listenUdp } from './udp-listener.ts';

export interface ProxyLoadBalancersOptions {
  /** Chooses the block of addresses; unique among the clusters of this machine. */
  readonly clusterId: string;
  readonly dialer: ClusterDialer;
  /** Whether datagrams can be sent to pods from this process; without, UDP ports are refused with an event. */
  readonly canSendDatagrams: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly platform?: NodeJS.Platform;
}

export interface ProxyLoadBalancers extends LoadBalancerProvider {
  /** Stops listening; addresses stay with their Services and are taken again by `ensure`. */
  close(): Promise<void>;
}

interface OpenPort {
  readonly listener: PortListener;
  readonly place: Place;
  backend: Backend;
}

interface Held {
  readonly owner: LoadBalancerOwner;
  readonly address: string;
  readonly claim: AddressClaim;
  readonly ports: Map<string, OpenPort>;
  /** Ports that were refused, so that each is told once. */
  readonly refused: Set<string>;
}

/**
 * Load balancers as listeners of this process on loopback addresses: one address a Service on Linux, where all of
 * 127.0.0.0/8 is there, and 127.0.0.1 for all of them elsewhere.
 */
export function createProxyLoadBalancers(options: ProxyLoadBalancersOptions): ProxyLoadBalancers {
  const { clusterId, dialer, canSendDatagrams, clock, log, platform = process.platform } = options;
  const held = new Map<string, Held>();

  const takeAddress = async (model: LoadBalancerModel): Promise<Held> => {
    const { owner } = model;
    const hold = (address: string, claim: AddressClaim): Held => ({
      owner,
      address,
      claim,
      ports: new Map(),
      refused: new Set(),
    });
    if (platform !== 'linux') return hold('127.0.0.1', { release: () => Promise.resolve() });
    const used = new Set([...held.values()].map((one) => one.address));
    const wishes = {
      clusterId,
      owner: `${owner.namespace}/${owner.name}`,
      previous: model.previous[0]?.ip ?? '',
      requested: model.requestedIp,
      used,
    };
    for (const address of candidateAddresses(wishes)) {
      const claim = await claimAddress(address, platform);
      if (claim) return hold(address, claim);
    }
    throw new Error('no address is free: every one of 254 is in use');
  };

  const open = async (port: LoadBalancerPort, place: Place, backend: () => Backend): Promise<PortListener> => {
    const deps = { dialer, clock, choice: createTargetChoice(clock), backend };
    return port.protocol === 'UDP'
      ? listenUdp(place.address, place.port, deps)
      : listenTcp(place.address, place.port, deps);
  };

  /** Listens on the first place that can be had. Says why when that is not the Service's own. */
  const openAnywhere = async (
    port: LoadBalancerPort,
    places: readonly Place[],
    backend: Backend,
    notices: LoadBalancerNotice[],
  ): Promise<OpenPort> => {
    let why = '';
    for (const place of places) {
      const opened: { current?: OpenPort } = {};
      try {
        const listener = await open(port, place, () => opened.current?.backend ?? backend);
        const real = { address: place.address, port: listener.port };
        opened.current = { listener, place: real, backend };
        if (why !== '')
          notices.push({
            type: 'Warning',
            reason: 'PortUnavailable',
            message: `${places[0]?.address}:${port.port} cannot be listened on (${why}); port ${port.port} answers on ${real.address}:${real.port}`,
          });
        return opened.current;
      } catch (error) {
        const refusal = refusalOf(error, place);
        if (refusal === undefined) throw error;
        why ||= refusal;
      }
    }
    throw new Error(`port ${port.port} cannot be listened on: ${why}`);
  };

  const unsupported = async (port: LoadBalancerPort): Promise<string | undefined> => {
    if (port.protocol === 'SCTP') return `port ${port.port}: SCTP is not supported here; use TCP or UDP`;
    if (port.protocol === 'UDP' && !(await canSendDatagrams()))
      return `port ${port.port}: UDP does not reach pods from this machine, because the container engine runs in a virtual machine`;
    return undefined;
  };

  const ensurePorts = async (model: LoadBalancerModel, state: Held, notices: LoadBalancerNotice[]): Promise<void> => {
    const admits = admitter(model.sourceRanges);
    const elsewhere = parseElsewhere(model.previousElsewhere);
    const wanted = new Set<string>();
    for (const port of model.ports) {
      const key = portKey(port);
      const problem = await unsupported(port);
      if (problem !== undefined) {
        if (!state.refused.has(key)) notices.push({ type: 'Warning', reason: 'UnsupportedProtocol', message: problem });
        state.refused.add(key);
        continue;
      }
      wanted.add(key);
      const backend: Backend = { targets: port.targets, affinitySeconds: model.affinitySeconds, admits };
      const known = state.ports.get(key);
      if (known) known.backend = backend;
      else
        state.ports.set(
          key,
          await openAnywhere(port, candidatePlaces(state.address, port, elsewhere), backend, notices),
        );
    }
    const surplus = [...state.ports].filter(([key]) => !wanted.has(key));
    for (const [key] of surplus) state.ports.delete(key);
    await Promise.all(surplus.map(([, { listener }]) => listener.close()));
  };

  const stop = async (state: Held): Promise<void> => {
    await Promise.all([...state.ports.values()].map(({ listener }) => listener.close()));
    await state.claim.release();
  };

  return {
    name: 'proxy',
    loadBalancerClass: 'nodeless.dev/local',
    async ensure(model): Promise<LoadBalancerState> {
      const notices: LoadBalancerNotice[] = [];
      let state = held.get(model.owner.uid);
      if (!state) {
        state = await takeAddress(model);
        held.set(model.owner.uid, state);
        notices.push(...addressNotices(model, state.address, platform));
        log.debug('took an address for a load balancer', {
          service: `${model.owner.namespace}/${model.owner.name}`,
          address: state.address,
        });
      }
      await ensurePorts(model, state, notices);
      const elsewhere = new Map(
        model.ports.flatMap((port): [string, Place][] => {
          const place = state.ports.get(portKey(port))?.place;
          return place && place.port !== port.port ? [[portKey(port), place]] : [];
        }),
      );
      return { ingress: [{ ip: state.address, ipMode: 'Proxy' }], elsewhere: formatElsewhere(elsewhere), notices };
    },
    async remove({ uid }) {
      const state = held.get(uid);
      if (!state) return;
      held.delete(uid);
      await stop(state);
    },
    async list() {
      return [...held.values()].map(({ owner }) => owner);
    },
    async close() {
      const all = [...held.values()];
      held.clear();
      await Promise.all(all.map(stop));
    },
  };
}

function addressNotices(model: LoadBalancerModel, address: string, platform: NodeJS.Platform): LoadBalancerNotice[] {
  const notices: LoadBalancerNotice[] = [];
  if (model.requestedIp !== '' && model.requestedIp !== address) {
    const why =
      platform === 'linux'
        ? 'only free addresses in 127.0.0.0/8 can be had'
        : 'only 127.0.0.1 can be had on this system';
    notices.push({
      type: 'Warning',
      reason: 'RequestedAddressUnavailable',
      message: `loadBalancerIP ${model.requestedIp} is not available (${why}); using ${address}`,
    });
  }
  const before = model.previous[0]?.ip ?? '';
  if (before !== '' && before !== address && model.requestedIp === '')
    notices.push({
      type: 'Warning',
      reason: 'AddressChanged',
      message: `${before} is taken by another cluster on this machine; using ${address}`,
    });
  return notices;
}

/** Ranges that cannot be read admit nobody, as a firewall would. */
function admitter(ranges: readonly string[]): (client: string) => boolean {
  if (ranges.length === 0) return () => true;
  const parsed = ranges.map(parseCidr);
  return (client) => {
    const ip = parseIp(client);
    return ip !== undefined && parsed.some((range) => range !== undefined && cidrContains(range, ip));
  };
}
