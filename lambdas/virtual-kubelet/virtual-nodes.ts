/** Keeps the Node objects of a provider whose nodes are no machines: registered, and said to be well at each tick. */
import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import { isAlreadyExists, isConflict, isNotFound } from '@nodeless/apimachinery/status';
import { formatTime } from '@nodeless/apimachinery/time';
import type { Client } from '@nodeless/client/client';
import { nodes } from '@nodeless/client/resource-types';
import {
  type Controller,
  type ReconcileContext,
  type WatchRule,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { mergeStatus, newNode, type NodeIdentity, nodeLabels, nodeStatus, saysMore } from './node.ts';
import type { NodeCapacity, PodProvider } from './providers/provider.ts';

export interface VirtualNodesOptions {
  readonly provider: Pick<PodProvider, 'nodes'>;
  /** By the form of the name. */
  readonly isOurs: (nodeName: string) => boolean;
  /** `v1.36.3` */
  readonly kubeletVersion: string;
  /** A client that acts as the node. */
  readonly clientFor: (nodeName: string) => Client;
}

export const virtualNodesName = 'virtual-nodes';
/** The status is written at each tick (every five minutes), so that those who watch nodes do not begin to doubt. */
export const heartbeatMs = 300_000;
const tries = 5;

export function createVirtualNodes(options: VirtualNodesOptions): Controller {
  const { provider, isOurs, kubeletVersion, clientFor } = options;

  const ensure = async (name: string, capacity: NodeCapacity, { clock, cache }: ReconcileContext): Promise<void> => {
    const client = clientFor(name);
    const identity: NodeIdentity = { name, kubeletVersion };
    const health = { problem: undefined };
    const now = formatTime(clock.now());
    let node = await cache.get(nodes, { name });
    for (let attempt = 1; ; attempt++) {
      try {
        if (!node) {
          await client.create(nodes, newNode(identity, capacity, health, now));
          return;
        }
        node = await relabelled(client, node, nodeLabels(identity, capacity));
        const status = nodeStatus(identity, capacity, health, node.status, now);
        const beat = node.status?.conditions?.find((c) => c.type === 'Ready')?.lastHeartbeatTime;
        const due = beat === undefined || clock.now() - Date.parse(beat) >= heartbeatMs / 2;
        if (!due && !saysMore(status, node.status)) return;
        await client.update(nodes, { ...node, status: mergeStatus(node.status, status) }, { subresource: 'status' });
        return;
      } catch (error) {
        if (isNotFound(error)) node = undefined;
        else if ((isConflict(error) || isAlreadyExists(error)) && attempt < tries)
          node = await client.get(nodes, { name });
        else throw error;
      }
    }
  };

  return {
    name: virtualNodesName,
    watches: [nodeRule(isOurs)],
    resyncMs: heartbeatMs,
    async reconcile({ name }, context) {
      const offered = await provider.nodes();
      const wanted = name === '' ? [...offered] : [...offered].filter(([one]) => one === name);
      await Promise.all(wanted.map(([one, capacity]) => ensure(one, capacity, context)));
    },
  };
}

/** One that was deleted comes back; what others write on a node is their business. */
export function nodeRule(isOurs: (nodeName: string) => boolean): WatchRule {
  return watchRule<Node>({
    type: nodes,
    requests: ({ type, object }) =>
      type === 'deleted' && isOurs(object.metadata?.name ?? '') ? [{ name: object.metadata?.name ?? '' }] : [],
  });
}

/** Labels that describe it are set to what is true now; others stay. (Taints a node may only bring along when it is made.) */
async function relabelled(client: Client, node: Node, labels: Readonly<Record<string, string>>): Promise<Node> {
  const changed = Object.entries(labels).filter(([key, value]) => node.metadata?.labels?.[key] !== value);
  if (changed.length === 0) return node;
  return client.patch(nodes, { name: node.metadata?.name ?? '' }, 'merge', {
    metadata: { labels: Object.fromEntries(changed) },
  });
}
