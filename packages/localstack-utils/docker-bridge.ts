import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The address by which containers on Docker's default network reach this machine; undefined where there is none. */
export async function dockerBridgeAddress(): Promise<string | undefined> {
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}';
  const { stdout } = spawnSync('docker', ['network', 'inspect', 'bridge', '--format', format], { encoding: 'utf8' });
  const address = stdout?.trim();
  if (!address) return undefined;
  // In Docker Desktop the bridge is in a virtual machine, and nothing here can listen on it. An interface without containers is
  // not listed as running, and can be listened on all the same.
  const server = createServer().listen(0, address);
  try {
    await once(server, 'listening');
    return address;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
