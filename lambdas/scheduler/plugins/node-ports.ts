import { filterPlugin, ok, unfit } from '../framework.ts';
import type { HostPort } from '../pod-info.ts';

/** Two bindings exclude each other on one protocol and port unless both name an address and the addresses differ. */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}

export const nodePorts = filterPlugin({
  name: 'NodePorts',
  prepare: (pod) => (pod.hostPorts.length === 0 ? 'skip' : undefined),
  filter(pod, node) {
    const taken = [...node.hostPorts()].some((used) => pod.hostPorts.some((wanted) => portsConflict(used, wanted)));
    return taken ? unfit("node(s) didn't have free ports for the requested pod ports", true) : ok;
  },
  retryOn: ['node-added', 'pod-deleted', 'pod-updated'],
});
