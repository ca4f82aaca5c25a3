/**
 * The rules of a pod's and of a node's network namespace. Every connection is translated where it begins (the pod's own
 * `output`), so that the far side sees the client's address and answers need no way back through anything. The node's
 * namespace does the same for host-network pods, and forwards what comes to its addresses from outside; there the source
 * becomes the node, since client and pod share a network and the answer would not come back through it.
 */
import type { DataPath, DataPathPort } from '../data-path-model.ts';
import { type PortRules, renderPort } from './port-rules.ts';
import type { Ruleset } from './ruleset.ts';

export interface RenderOptions {
  /** The range of ClusterIPs: what is in it and leads nowhere must not leave the namespace. */
  readonly serviceCidr: string;
  /** The conntrack zone of each UDP port, by id (udp-zones.ts). */
  readonly zoneOf: (port: DataPathPort) => number;
}

export interface Renderer {
  pod(nodeName: string): Ruleset;
  node(nodeName: string): Ruleset;
}

/** Connections that a node forwards are known by it. */
const forwardedMark = '0x6e6f7376';
const key = '{ type ipv4_addr . inet_proto . inet_service : verdict; }';

const shared = (serviceCidr: string): string => `
set cluster_ips { type ipv4_addr; }
map services ${key}
map refused ${key}
map udp_zones { typeof ip daddr . udp dport : ct zone; }
chain refuse {
  meta l4proto tcp reject with tcp reset
  reject
}
chain stray {
  ip daddr @cluster_ips goto refuse
  ip daddr ${serviceCidr} drop
}
chain zone_output {
  type filter hook output priority -300; policy accept;
  ct original zone set ip daddr . udp dport map @udp_zones
}
chain refuse_output {
  type filter hook output priority -110; policy accept;
  ct state new ip daddr . meta l4proto . th dport vmap @refused
}
chain nat_output {
  type nat hook output priority -100; policy accept;
  ip daddr . meta l4proto . th dport vmap @services
}
chain stray_output {
  type filter hook output priority 0; policy accept;
  ct state new jump stray
}`;

const nodeOnly = `
map external ${key}
map refused_external ${key}
chain zone_prerouting {
  type filter hook prerouting priority -300; policy accept;
  ct original zone set ip daddr . udp dport map @udp_zones
}
chain nat_prerouting {
  type nat hook prerouting priority -100; policy accept;
  ip daddr . meta l4proto . th dport vmap @external
}
chain refuse_input {
  type filter hook input priority -110; policy accept;
  ct state new ip daddr . meta l4proto . th dport vmap @refused_external
}
chain forward {
  type filter hook forward priority -110; policy accept;
  ct state new ip daddr . meta l4proto . th dport vmap @refused_external
  ct state new jump stray
  ct state new ct status dnat ct mark set ${forwardedMark}
}
chain nat_postrouting {
  type nat hook postrouting priority 100; policy accept;
  ct mark ${forwardedMark} masquerade
  ip saddr 127.0.0.0/8 oifname != "lo" ct status dnat masquerade
}`;

export function createRenderer(model: DataPath, options: RenderOptions): Renderer {
  const nodeNames = model.nodes.map(({ name }) => name);
  const rules = new Map(model.ports.map((port) => [port, rulesOf(port, nodeNames)]));
  const made = new Map<string, Ruleset>();
  const remembered = (id: string, make: () => Ruleset): Ruleset => {
    const found = made.get(id) ?? make();
    made.set(id, found);
    return found;
  };
  return {
    pod: (nodeName) => remembered(`pod ${nodeName}`, () => renderNamespace(model, rules, nodeName, false, options)),
    node: (nodeName) => remembered(`node ${nodeName}`, () => renderNamespace(model, rules, nodeName, true, options)),
  };
}

/** A port's rules depend on nothing else: those of ports that did not change are kept. */
const known = new WeakMap<DataPathPort, { readonly nodes: string; readonly rules: PortRules }>();

function rulesOf(port: DataPathPort, nodes: readonly string[]): PortRules {
  const names = port.internalLocal || port.externalLocal ? nodes.join() : '';
  const found = known.get(port);
  if (found?.nodes === names) return found.rules;
  const rules = renderPort(port, nodes);
  known.set(port, { nodes: names, rules });
  return rules;
}

function renderNamespace(
  model: DataPath,
  rulesOfPort: ReadonlyMap<DataPathPort, PortRules>,
  nodeName: string,
  isNode: boolean,
  options: RenderOptions,
): Ruleset {
  const chains = new Map<string, readonly string[]>();
  const sets = new Map<string, string>();
  const elements = {
    cluster_ips: new Map<string, string>(),
    services: new Map<string, string>(),
    refused: new Map<string, string>(),
    udp_zones: new Map<string, string>(),
    external: new Map<string, string>(),
    refused_external: new Map<string, string>(),
  };
  const ownAddresses = model.nodes.find(({ name }) => name === nodeName)?.addresses ?? [];

  for (const [port, rules] of rulesOfPort) {
    for (const [name, body] of rules.chains) chains.set(name, body);
    for (const [name, body] of rules.sets) sets.set(name, body);

    const answer = (
      map: 'services' | 'external',
      address: string,
      number: number,
      verdict: string | undefined,
    ): void => {
      const at = `${address} . ${port.protocol} . ${number}`;
      const refusals = map === 'services' ? elements.refused : elements.refused_external;
      // With targets elsewhere, only this way is closed: as kube-proxy, do not answer.
      if (verdict === undefined) refusals.set(at, rules.toAny ? 'drop' : 'goto refuse');
      else elements[map].set(at, verdict);
      if (verdict !== undefined && port.protocol === 'udp')
        elements.udp_zones.set(`${address} . ${number}`, String(options.zoneOf(port)));
    };
    const internal = port.internalLocal ? rules.toNode(nodeName) : rules.toAny;
    const fromOutside = port.externalLocal ? rules.toNode(nodeName) : rules.toAny;

    for (const ip of port.clusterIps) {
      elements.cluster_ips.set(ip, '');
      answer('services', ip, port.port, internal);
      if (isNode) answer('external', ip, port.port, internal);
    }
    for (const ip of port.externalIps) {
      const restricted = port.loadBalancerIps.includes(ip);
      // From inside, every target will do, whatever the policy for traffic from outside.
      answer('services', ip, port.port, restricted ? rules.toAnyInRange : rules.toAny);
      if (isNode) answer('external', ip, port.port, fromOutside);
    }
    if (port.nodePort === undefined) continue;
    for (const { name, addresses } of model.nodes) {
      const verdict = port.externalLocal ? rules.toNode(name) : rules.toAny;
      for (const ip of addresses) answer('services', ip, port.nodePort, verdict);
    }
    if (!isNode) continue;
    answer('services', '127.0.0.1', port.nodePort, fromOutside);
    for (const ip of ownAddresses) answer('external', ip, port.nodePort, fromOutside);
  }
  const { external, refused_external, ...everywhere } = elements;
  return {
    skeleton: shared(options.serviceCidr) + (isNode ? nodeOnly : ''),
    sets,
    chains,
    elements: new Map(Object.entries(isNode ? { ...everywhere, external, refused_external } : everywhere)),
  };
}
