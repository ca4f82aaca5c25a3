import { createHash } from 'node:crypto';
import { type Target, usableTargets } from '@nodeless/controllers/load-balancers/service-endpoints';
import type { DataPathPort } from '../data-path-model.ts';

/** Chains and sets of one Service port, and the verdicts that lead to them. */
export interface PortRules {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly sets: ReadonlyMap<string, string>;
  /** Where traffic for any target goes: `goto <chain>`; undefined = there is no target. */
  readonly toAny: string | undefined;
  /** The same, but only to targets of this node. */
  toNode(node: string): string | undefined;
  /** As `toAny`, for those whom the load balancer's source ranges admit. */
  readonly toAnyInRange: string | undefined;
}

const digest = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);

export function renderPort(port: DataPathPort, nodes: readonly string[]): PortRules {
  const id = digest(port.id, 12);
  const chains = new Map<string, readonly string[]>();
  const sets = new Map<string, string>();

  const balance = (chain: string, targets: readonly Target[]): string | undefined => {
    if (targets.length === 0) return undefined;
    chains.set(chain, port.affinitySeconds === undefined ? [balanceRule(port, targets)] : affinityRules(targets));
    return `goto ${chain}`;
  };

  /** First to the target that has seen this client lately, else to a random one, which will remember it. */
  const affinityRules = (targets: readonly Target[]): string[] => {
    const own = targets.map((target) => {
      const name = digest(`${target.address}:${target.port}`, 10);
      const set = `a_${id}_${name}_${port.affinitySeconds}`;
      const chain = `e_${id}_${name}`;
      sets.set(set, `type ipv4_addr; flags dynamic,timeout; timeout ${port.affinitySeconds}s;`);
      chains.set(chain, [
        `update @${set} { ip saddr }`,
        `meta l4proto ${port.protocol} dnat to ${target.address}:${target.port}`,
      ]);
      return { set, chain };
    });
    const verdicts = own.map(({ chain }, i) => `${i} : goto ${chain}`).join(', ');
    return [
      ...own.map(({ set, chain }) => `ip saddr @${set} goto ${chain}`),
      `numgen random mod ${own.length} vmap { ${verdicts} }`,
    ];
  };

  const toAny = balance(`s_${id}`, usableTargets(port.targets));
  const byNode = new Map<string, string | undefined>();
  if (port.internalLocal || port.externalLocal)
    for (const node of nodes)
      byNode.set(node, balance(`l_${id}_${digest(node, 8)}`, usableTargets(port.targets, node)));
  let toAnyInRange = toAny;
  if (toAny && port.loadBalancerIps.length > 0 && port.sourceRanges.length > 0) {
    // A rule for each: in one set, ranges must not overlap.
    chains.set(`f_${id}`, [...port.sourceRanges.map((range) => `ip saddr ${range} ${toAny}`), 'drop']);
    toAnyInRange = `goto f_${id}`;
  }
  return { chains, sets, toAny, toAnyInRange, toNode: (node) => byNode.get(node) };
}

function balanceRule({ protocol }: DataPathPort, targets: readonly Target[]): string {
  const [only] = targets;
  if (only && targets.length === 1) return `meta l4proto ${protocol} dnat to ${only.address}:${only.port}`;
  const choices = targets.map(({ address, port }, i) => `${i} : ${address} . ${port}`).join(', ');
  return `meta l4proto ${protocol} dnat ip addr . port to numgen random mod ${targets.length} map { ${choices} }`;
}
