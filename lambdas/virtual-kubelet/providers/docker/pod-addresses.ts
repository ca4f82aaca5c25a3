import { nextPodAddress } from './addresses.ts';
import { ProviderError } from '../provider.ts';

/** Which pod has which address. What it knows at first comes from the sandboxes that run. */
export interface PodAddresses {
  /** The pod's address, the same one until it is released. Throws `capacity` when the node has none left. */
  take(uid: string, nodeIndex: number): Promise<string>;
  /** It turned out to be in use by something else: never given out again, and the pod gets another. */
  refuse(uid: string, address: string): void;
  release(uid: string): void;
}

export function createPodAddresses(deps: {
  readonly subnet: () => Promise<string>;
  readonly inUse: () => Promise<ReadonlyMap<string, string>>;
}): PodAddresses {
  const byPod = new Map<string, string>();
  const refused = new Set<string>();
  const lastByNode = new Map<number, string>();
  let loaded: Promise<void> | undefined;

  const load = async (): Promise<void> => {
    for (const [uid, address] of await deps.inUse()) if (!byPod.has(uid)) byPod.set(uid, address);
  };

  return {
    async take(uid, nodeIndex) {
      loaded ??= load().catch((error: unknown) => {
        loaded = undefined;
        throw error;
      });
      await loaded;
      const subnet = await deps.subnet();
      const known = byPod.get(uid);
      if (known !== undefined) return known;
      const used = new Set([...byPod.values(), ...refused]);
      const address = nextPodAddress(subnet, nodeIndex, used, lastByNode.get(nodeIndex));
      if (address === undefined) throw new ProviderError('capacity', 'no pod address is free on this node');
      byPod.set(uid, address);
      lastByNode.set(nodeIndex, address);
      return address;
    },
    refuse(uid, address) {
      refused.add(address);
      if (byPod.get(uid) === address) byPod.delete(uid);
    },
    release: (uid) => void byPod.delete(uid),
  };
}
