/**
 * ClusterIPs from this machine: one route to a node, whose rules do the rest, TCP and UDP. It is set from inside the node's
 * helper, which sees the engine's machine, so it needs no more rights than the use of the engine does. Where the engine runs
 * elsewhere (a virtual machine, another host) there is nothing to set.
 */
import { ownNetworkNamespace } from './own-namespace.ts';
import type { NodeHelper } from '@nodeless/virtual-kubelet/providers/docker/node-helper';

export interface HostRoute {
  /** 'ours' = ClusterIPs of this cluster answer on this machine; otherwise who or what stands in the way. */
  readonly result: 'ours' | { readonly problem: string };
  remove(): Promise<void>;
}

type Helper = Pick<NodeHelper, 'exec' | 'address'>;

/** This process, as the helper sees it if it sees it at all. */
const here = `/proc/${process.pid}/ns/net`;
const timeoutMs = 5_000;

export async function ensureHostRoute(helper: Helper, cidr: string, ownNamespace: () => string | undefined = ownNetworkNamespace): Promise<HostRoute> {
  const nothing = (problem: string): HostRoute => ({ result: { problem }, remove: () => Promise.resolve() });
  const own = ownNamespace();
  const seen = await helper.exec(['readlink', here], { timeoutMs });
  // The same namespace by its number, or another process that happens to have our process id over there.
  if (own === undefined || seen.exitCode !== 0 || seen.output.trim() !== own) return nothing('the container engine does not run on this machine itself');
  const ip = (...words: string[]) => helper.exec(['nsenter', `--net=${here}`, 'ip', 'route', ...words], { timeoutMs });
  const remove = async (): Promise<void> => void (await ip('del', cidr, 'via', helper.address));

  const shown = await ip('show');
  const others = routesTo(shown.output, cidr);
  const mine = others.find((route) => route.via === helper.address);
  const first = others[0];
  if (!mine) {
    // After those that are there: whoever came first keeps the range, and we follow when it goes.
    const metric = others.length === 0 ? 0 : Math.max(...others.map((route) => route.metric)) + 1;
    const { exitCode, output } = await ip('add', cidr, 'via', helper.address, ...(metric > 0 ? ['metric', String(metric)] : []));
    if (exitCode !== 0) return nothing(`a route to ${cidr} cannot be set: ${output.trim()}`);
  }
  if (first && first.via !== helper.address) return { result: { problem: `${cidr} leads to ${first.via || 'another network'} already, perhaps another cluster's` }, remove };
  return { result: 'ours', remove };
}

interface Route {
  readonly via: string;
  readonly metric: number;
}

/** Routes to exactly this range, the one that is used first. Pure. */
export function routesTo(table: string, cidr: string): Route[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[0] === cidr)
    .map((words) => ({ via: after(words, 'via') ?? '', metric: Number(after(words, 'metric') ?? 0) }))
    .sort((a, b) => a.metric - b.metric);
}

function after(words: readonly string[], word: string): string | undefined {
  const at = words.indexOf(word);
  return at < 0 ? undefined : words[at + 1];
}
