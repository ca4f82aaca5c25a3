import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';

/** The address by which containers on Docker's default network reach this machine; undefined where there is none. */
export function dockerBridgeAddress(): string | undefined {
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}';
  const { stdout } = spawnSync('docker', ['network', 'inspect', 'bridge', '--format', format], { encoding: 'utf8' });
  const address = stdout?.trim();
  if (!address) return undefined;
  // In Docker Desktop the bridge is in a virtual machine, and nothing here can listen on it.
  const own = Object.values(networkInterfaces()).flat();
  return own.some((one) => one?.address === address) ? address : undefined;
}
