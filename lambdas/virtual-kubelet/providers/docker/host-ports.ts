import { ProviderError } from '../provider.ts';
import type { NodeHelper } from './node-helper.ts';

export interface HostPort {
  /** '' or 0.0.0.0 = every address of the node. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly port: number;
  /** tcp, udp, sctp */
  readonly protocol: string;
}

export interface HostPortTarget extends HostPort {
  readonly podIp: string;
}

const table = 'nodeless_hostports';
/** Marks connections of ours, so that only they are given the node's address on their way to the pod. */
const connectionMark = '0x6e6f6465';

export function parseHostPorts(text: string | undefined): readonly HostPort[] {
  if (!text) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? (parsed as HostPort[]) : [];
  } catch {
    return [];
  }
}

/**
 * The nftables rules of a node's host ports, complete: applying them replaces what was there in one step. Answers pass
 * through the node again because the connection gets the node's address (client and pod may sit on the same network).
 */
export function hostPortRules(targets: readonly HostPortTarget[]): string {
  const rules = targets.map(({ hostIp, hostPort, port, protocol, podIp }) => {
    const destination = hostIp === '' || hostIp === '0.0.0.0' ? 'fib daddr type local' : `ip daddr ${hostIp}`;
    return `${destination} ${protocol} dport ${hostPort} ct mark set ${connectionMark} dnat to ${podIp}:${port}`;
  });
  // A rule for one address comes before one for all of them.
  rules.sort((a, b) => Number(a.startsWith('fib')) - Number(b.startsWith('fib')));
  const body = rules.map((rule) => `    ${rule}`).join('\n');
  return [
    `table ip ${table}`,
    `delete table ip ${table}`,
    `table ip ${table} {`,
    '  chain prerouting {',
    '    type nat hook prerouting priority -100; policy accept;',
    body,
    '  }',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    body,
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority 100; policy accept;',
    `    ct mark ${connectionMark} masquerade`,
    '  }',
    '}',
    '',
  ].join('\n');
}

export async function applyHostPorts(helper: NodeHelper, targets: readonly HostPortTarget[]): Promise<void> {
  const { exitCode, output } = await helper.exec(['nft', '-f', '-'], {
    stdin: hostPortRules(targets),
    timeoutMs: 10_000,
  });
  if (exitCode === 0) return;
  const missing = exitCode === 126 || exitCode === 127;
  throw new ProviderError(
    'invalid',
    missing
      ? 'host ports need nft in the node helper: install nftables on this machine and restart'
      : `host ports could not be set: ${output.trim()}`,
  );
}
