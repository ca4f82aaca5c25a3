/** Addresses that nothing answers at: nodes in 10.112.0.0/12, pods in 10.128.0.0/9, 1,024 a node. */
const nodeBase = 0x0a700000;
const podBase = 0x0a800000;
const perNode = 1024;

function text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

export function fakeNodeAddress(index: number): string {
  return text(nodeBase + index + 1);
}

export interface FakeAddresses {
  /** `wanted` again where it is free: the address of a pod that outlived this process. */
  take(nodeIndex: number, wanted: string | undefined): string;
  release(address: string): void;
}

export function createFakeAddresses(): FakeAddresses {
  const used = new Set<string>();
  const next = new Map<number, number>();
  return {
    take(nodeIndex, wanted) {
      if (wanted && !used.has(wanted)) {
        used.add(wanted);
        return wanted;
      }
      const start = next.get(nodeIndex) ?? 0;
      for (let i = 0; i < perNode; i++) {
        const offset = (start + i) % perNode;
        const address = text(podBase + nodeIndex * perNode + offset + 1);
        if (used.has(address)) continue;
        used.add(address);
        next.set(nodeIndex, offset + 1);
        return address;
      }
      // More pods than a node's slice: they share the last one, as nothing is ever dialled.
      return text(podBase + nodeIndex * perNode + perNode);
    },
    release: (address) => void used.delete(address),
  };
}
