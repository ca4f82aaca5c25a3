/**
 * ClusterIPs from this machine: routes to a node, whose rules do the rest, TCP and UDP. They are set from inside the node's
 * helper, which sees the engine's machine, so they need no more rights than the use of the engine does. Where the engine runs
 * elsewhere (a virtual machine, another host) there is nothing to set.
 *
 * The first cluster takes the whole range with one route; another one beside it, with the same range, a route for each of its
 * Services.
 */
import type { Logger } from '@nodeless/component-base/logger';
import type { NodeHelper } from '@nodeless/virtual-kubelet/providers/docker/node-helper';
import { ownNetworkNamespace } from './own-namespace.ts';

export interface HostRoutes {
  /** Why ClusterIPs cannot be had on this machine; undefined when they can. */
  start(): Promise<string | undefined>;
  /** The ClusterIPs there are. Returns at once. */
  want(addresses: ReadonlySet<string>): void;
  /** Sets all of them again: the engine was away, and what it had made may be new. */
  renew(): void;
  /** Resolves when the routes are as they were wanted last. */
  settled(): Promise<void>;
  /** Takes all of them away. */
  remove(): Promise<void>;
}

export interface HostRoutesOptions {
  readonly helper: Pick<NodeHelper, 'exec' | 'address'>;
  readonly cidr: string;
  /** Addresses that every cluster has: they stay with the first. */
  readonly common: ReadonlySet<string>;
  readonly log: Logger;
  /** For tests: the namespace of this process. */
  readonly ownNamespace?: () => string | undefined;
}

/** This process, as the helper sees it if it sees it at all. */
const here = `/proc/${process.pid}/ns/net`;
const timeoutMs = 10_000;
const maxOutput = 4 * 1024 * 1024;

export function createHostRoutes(options: HostRoutesOptions): HostRoutes {
  const { helper, cidr, common, log, ownNamespace = ownNetworkNamespace } = options;
  let mode: 'none' | 'range' | 'each' = 'none';
  let wanted: ReadonlySet<string> = new Set();
  let present = new Set<string>();
  let work: Promise<void> = Promise.resolve();
  let queued = false;

  const shell = async (script: string): Promise<{ readonly exitCode: number; readonly output: string }> =>
    helper.exec(['nsenter', `--net=${here}`, '/bin/sh', '-c', script], { timeoutMs });
  const via = `via ${helper.address}`;

  const reconcile = async (): Promise<void> => {
    const added = [...wanted].filter((ip) => !present.has(ip) && !common.has(ip));
    const removed = [...present].filter((ip) => !wanted.has(ip));
    const lines = [
      ...removed.map((ip) => `ip route del ${ip} ${via} 2>/dev/null`),
      ...added.map((ip) => `ip route add ${ip} ${via} 2>/dev/null`),
    ];
    if (lines.length === 0) return;
    await shell(lines.join('\n'));
    for (const ip of removed) present.delete(ip);
    for (const ip of added) present.add(ip);
  };

  const schedule = (): void => {
    if (mode !== 'each' || queued) return;
    queued = true;
    work = work.then(async () => {
      queued = false;
      await reconcile().catch((error: unknown) => log.warn('routes to ClusterIPs could not be set', { error }));
    });
  };

  return {
    async start() {
      const own = ownNamespace();
      // The same namespace by its number; another process over there may happen to have our process id.
      const script = `[ "$(readlink ${here})" = '${own}' ] && exec nsenter --net=${here} ip route show`;
      const seen =
        own === undefined ? undefined : await helper.exec(['/bin/sh', '-c', script], { timeoutMs, maxOutput });
      if (seen?.exitCode !== 0) return 'the container engine does not run on this machine itself';
      const routes = parseRoutes(seen.output);
      const range = routes.find(({ to }) => to === cidr);
      present = new Set(
        routes.filter((route) => route.via === helper.address && route.to !== cidr).map(({ to }) => to),
      );
      if (!range) {
        const { exitCode, output } = await shell(`ip route add ${cidr} ${via}`);
        if (exitCode !== 0) return `a route to ${cidr} cannot be set: ${output.trim()}`;
      }
      mode = !range || range.via === helper.address ? 'range' : 'each';
      if (mode === 'range') wanted = new Set();
      await reconcile();
      return undefined;
    },
    want(addresses) {
      if (mode === 'range') return;
      wanted = new Set(addresses);
      schedule();
    },
    renew() {
      present = new Set();
      schedule();
      if (mode !== 'range') return;
      work = work.then(async () => {
        await shell(`ip route add ${cidr} ${via} 2>/dev/null`).catch(() => {});
      });
    },
    settled: () => work,
    async remove() {
      const last = mode;
      mode = 'none';
      await work;
      if (last === 'range') await shell(`ip route del ${cidr} ${via}`);
      wanted = new Set();
      await reconcile();
    },
  };
}

export interface Route {
  /** As it is shown: a range, or an address alone. */
  readonly to: string;
  /** '' = on the link. */
  readonly via: string;
}

/** What `ip route show` prints. */
export function parseRoutes(table: string): Route[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([to]) => to !== undefined && to !== '')
    .map(([to = '', ...words]) => ({ to, via: words[0] === 'via' ? (words[1] ?? '') : '' }));
}
