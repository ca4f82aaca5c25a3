import type { ResolvedVolume } from '../provider.ts';

/**
 * A hostPath means the node's file system. A virtual node has its own, in its volume, so that a pod cannot reach into the
 * user's machine by it; only what belongs to the kernel or the engine is the real thing.
 */
const real: readonly string[] = ['/dev', '/sys', '/proc', '/lib/modules', '/var/run/docker.sock', '/run/docker.sock'];

export interface HostPathPlace {
  /** For the engine's bind mount. */
  readonly enginePath: string;
  /** Below the kubelet folder; undefined = the engine's own. */
  readonly nodePath: string | undefined;
}

/** `shared`: folders of the engine's machine that are to be seen under the same or another name, by prefix. */
export function hostPathPlace(
  volume: ResolvedVolume & { kind: 'hostPath' },
  volumePath: string,
  shared: Readonly<Record<string, string>>,
): HostPathPlace {
  const path = normalize(volume.path);
  for (const [prefix, target] of Object.entries(shared)) {
    if (isWithin(path, prefix)) return { enginePath: `${target}${path.slice(prefix.length)}`, nodePath: undefined };
  }
  if (real.some((prefix) => isWithin(path, prefix))) return { enginePath: path, nodePath: undefined };
  return { enginePath: `${volumePath}/host${path === '/' ? '' : path}`, nodePath: `host${path}` };
}

function normalize(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Error(`hostPath ${JSON.stringify(path)} must not contain '..'`);
  return `/${parts.join('/')}`;
}

const isWithin = (path: string, prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
