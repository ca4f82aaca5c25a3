import { candidateAddresses } from '../loopback-addresses.ts';
import { type LoadBalancerOwner, type LoadBalancerProvider } from '../load-balancer.ts';

/**
 * Gives out addresses with nothing behind them, for clusters whose pods have no network: connections to them are refused.
 * They are loopback addresses, so that a client learns that at once and nothing leaves the machine.
 */
export function createSimulatedLoadBalancers(options: {
  readonly clusterId: string;
  readonly loadBalancerClass?: string;
}): LoadBalancerProvider {
  const held = new Map<string, { readonly owner: LoadBalancerOwner; readonly address: string }>();
  return {
    name: 'simulated',
    loadBalancerClass: options.loadBalancerClass ?? 'nodeless.dev/local',
    async ensure({ owner, previous, requestedIp }) {
      let address = held.get(owner.uid)?.address;
      if (address === undefined) {
        const used = new Set([...held.values()].map((one) => one.address));
        const id = `${owner.namespace}/${owner.name}`;
        address =
          candidateAddresses({
            clusterId: options.clusterId,
            owner: id,
            previous: previous[0]?.ip ?? '',
            requested: requestedIp,
            used,
          }).next().value ?? undefined;
        if (address === undefined) throw new Error('no address is free: every one of 254 is in use by another Service');
        held.set(owner.uid, { owner, address });
      }
      return { ingress: [{ ip: address, ipMode: 'Proxy' }], elsewhere: '', notices: [] };
    },
    async remove({ uid }) {
      held.delete(uid);
    },
    async list() {
      return [...held.values()].map(({ owner }) => owner);
    },
  };
}
