/**
 * The one way to open a connection to an address of the cluster (a pod, a node, a Service's ClusterIP): directly where this
 * machine has a route, through a node helper, or in a VPC. Webhooks, aggregated APIs, proxies and probes use it and
 * nothing else.
 */
import type { Duplex } from 'node:stream';

export interface ClusterDialer {
  /**
   * Resolves when connected. A ClusterIP leads to one of its Service's ready endpoints. Rejects with an Error whose `code`
   * is Node's (ECONNREFUSED where nothing listens or a Service has no endpoint, ETIMEDOUT, EHOSTUNREACH), or with the
   * signal's reason. The stream is the caller's: it must listen to `error` and destroy it.
   */
  connect(address: string, port: number, signal?: AbortSignal): Promise<Duplex>;
}

/** For clusters whose pods have no network: simulated ones. */
export const refusingDialer: ClusterDialer = {
  connect(address, port) {
    const error = new Error(`connect ECONNREFUSED ${address}:${port}: pods of this cluster have no network`);
    return Promise.reject(Object.assign(error, { code: 'ECONNREFUSED', address, port, syscall: 'connect' }));
  },
};
