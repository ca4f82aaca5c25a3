import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import { usableTargets } from '@nodeless/controllers/load-balancers/service-endpoints';
import type { DataPathPort } from './data-path-model.ts';

const attempts = 3;

/** Leads connections for a ClusterIP to one of its targets, as the rules in a pod's namespace do; others go as they are. */
export function createServiceDialer(options: {
  readonly lookUp: (address: string, port: number) => DataPathPort | undefined;
  readonly direct: ClusterDialer;
  /** Whether the address is in the range of ClusterIPs: none of those is to be dialled as it is. */
  readonly isServiceAddress: (address: string) => boolean;
  readonly random?: () => number;
}): ClusterDialer {
  const { lookUp, direct, isServiceAddress, random = Math.random } = options;
  return {
    async connect(address, port, signal) {
      const service = lookUp(address, port);
      if (!service) {
        if (isServiceAddress(address)) throw refused(address, port, 'no Service has this address and port');
        return direct.connect(address, port, signal);
      }
      const targets = usableTargets(service.targets);
      if (targets.length === 0) throw refused(address, port, `Service port ${service.id} has no ready endpoint`);
      const start = Math.floor(random() * targets.length);
      let failure: unknown;
      for (let i = 0; i < Math.min(attempts, targets.length); i++) {
        const target = targets[(start + i) % targets.length];
        if (!target) break;
        try {
          return await direct.connect(target.address, target.port, signal);
        } catch (error) {
          if (signal?.aborted) throw error;
          failure = error;
        }
      }
      throw failure;
    },
  };
}

function refused(address: string, port: number, why: string): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${address}:${port}: ${why}`), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address,
    port,
  });
}
