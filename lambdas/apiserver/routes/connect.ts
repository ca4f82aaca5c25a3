/** Subresources that lead to a node or an address. One list of who serves which. */
import { serviceUnavailable } from '@nodeless/apimachinery/status';
import { type ClusterDialer, refusingDialer } from '@nodeless/client/cluster-dialer';
import type { NodeConnection } from '@nodeless/client/node-connection';
import type { Registry } from '@nodeless/registry/registry';
import type { ServedResource } from '@nodeless/registry/resource-table';
import type { Answer, Call, CallScope } from '../call.ts';
import type { StreamTerms } from '../stream-terms.ts';
import { createPodExec } from './pod-exec.ts';
import { createPodLog } from './pod-log.ts';
import { createPodPortForward } from './pod-port-forward.ts';
import { createProxy } from './proxy.ts';

export type ConnectHandler = (call: Call, scope: CallScope) => Answer;

export interface ConnectDeps {
  readonly registry: Registry;
  /** Absent: there are no nodes to be reached, and all of these say so. */
  readonly nodes?: NodeConnection;
  readonly dialer?: ClusterDialer;
  readonly terms?: StreamTerms;
}

export interface Connector {
  /** undefined = not one of these. */
  handlerFor(served: ServedResource, subresource: string): ConnectHandler | undefined;
}

const none = (): never => {
  throw serviceUnavailable('no node can be reached from here');
};
const noNodes: NodeConnection = { logs: none, exec: none, attach: none, portForward: none, proxy: none };

export function createConnector({ registry, nodes = noNodes, dialer = refusingDialer, terms }: ConnectDeps): Connector {
  const handlers = new Map<string, ConnectHandler>([
    ['pods/log', createPodLog({ registry, nodes, terms })],
    ['pods/exec', createPodExec({ registry, nodes }, 'exec')],
    ['pods/attach', createPodExec({ registry, nodes }, 'attach')],
    ['pods/portforward', createPodPortForward({ registry, nodes })],
    ['pods/proxy', createProxy({ registry, nodes, dialer }, 'pods')],
    ['services/proxy', createProxy({ registry, nodes, dialer }, 'services')],
    ['nodes/proxy', createProxy({ registry, nodes, dialer }, 'nodes')],
  ]);
  return {
    handlerFor: (served, subresource) =>
      served.group === '' ? handlers.get(`${served.resource}/${subresource}`) : undefined,
  };
}
