import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Lease } from '@nodeless/apimachinery/generated/types/coordination/v1';
import { isAlreadyExists, isConflict, isNotFound } from '@nodeless/apimachinery/status';
import { formatMicroTime, formatTime } from '@nodeless/apimachinery/time';
import type { Client } from '@nodeless/client/client';
import { leases, nodes } from '@nodeless/client/resource-types';
import { type Clock, sleep, type Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { mergeStatus, newNode, type NodeIdentity, nodeLabels, nodeStatus, saysMore } from './node.ts';
import type { NodeCapacity } from './providers/provider.ts';

const leaseNamespace = 'kube-node-lease';
const leaseSeconds = 40;
const reportTries = 5;
const registerRetryMs = 1_000;
const tickMs = 10_000;
/** Without news the status is still written this often. */
const reportMs = 300_000;

export interface NodeAgentDeps {
  readonly identity: NodeIdentity;
  /** Acts as the node. */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** The node as its provider sees it now; rejects when it cannot run pods, with the reason. */
  readonly look: () => Promise<NodeCapacity>;
}

/** Keeps one Node and its Lease: registers it, says how it is, and says so again before others begin to doubt it. */
export interface NodeAgent {
  /** Resolves once the Node exists. */
  start(): Promise<void>;
  /** Looks again at once: something about the provider has changed. */
  poke(): void;
  stop(): void;
  /** The Node as last written or read. */
  node(): Node | undefined;
  capacity(): NodeCapacity;
}

export function createNodeAgent(deps: NodeAgentDeps, initial: NodeCapacity): NodeAgent {
  const { identity, client, clock, log, look } = deps;
  const { name } = identity;
  let capacity = initial;
  let problem: string | undefined;
  let node: Node | undefined;
  let lease: Lease | undefined;
  let reportedAt = -Infinity;
  let timer: Timer | undefined;
  let stopped = false;
  let ticking: Promise<void> | undefined;

  const register = async (): Promise<void> => {
    try {
      node = await client.create(nodes, newNode(identity, capacity, { problem }, formatTime(clock.now())));
      reportedAt = clock.now();
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      node = await client.get(nodes, { name });
      await refreshLabels();
    }
  };

  /** The API may not answer yet when a kubelet starts. */
  const registerWithPatience = async (): Promise<void> => {
    for (let told = false; !stopped; told = true) {
      try {
        return await register();
      } catch (error) {
        if (!told) log.warn('node could not be registered yet', { node: name, error });
        await sleep(clock, registerRetryMs);
      }
    }
  };

  /** A node that was registered before keeps what others gave it; its own labels are set to what is true now. */
  const refreshLabels = async (): Promise<void> => {
    const wanted = nodeLabels(identity, capacity);
    const known = node?.metadata?.labels ?? {};
    const changed = Object.entries(wanted).filter(([key, value]) => known[key] !== value);
    if (changed.length > 0)
      node = await client.patch(nodes, { name }, 'merge', { metadata: { labels: Object.fromEntries(changed) } });
  };

  const report = async (): Promise<void> => {
    const now = clock.now();
    const status = nodeStatus(identity, capacity, { problem }, node?.status, formatTime(now));
    if (now - reportedAt < reportMs && !saysMore(status, node?.status)) return;
    for (let attempt = 1; ; attempt++) {
      try {
        const fresh = await client.get(nodes, { name });
        node = await client.update(
          nodes,
          {
            ...fresh,
            status: mergeStatus(
              fresh.status,
              nodeStatus(identity, capacity, { problem }, fresh.status, formatTime(now)),
            ),
          },
          { subresource: 'status' },
        );
        reportedAt = now;
        return;
      } catch (error) {
        // Somebody deleted the Node of a kubelet that lives: it comes back.
        if (isNotFound(error)) return register();
        if (!isConflict(error) || attempt >= reportTries) throw error;
      }
    }
  };

  const renewLease = async (): Promise<void> => {
    const renewTime = formatMicroTime(clock.now());
    try {
      if (lease) {
        lease = await client.update(leases, {
          ...lease,
          spec: { ...lease.spec, holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime },
        });
        return;
      }
      const owner =
        node?.metadata?.uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid }];
      lease = await client.create(leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: leaseNamespace, ownerReferences: owner },
        spec: { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime },
      });
    } catch (error) {
      lease = undefined;
      if (isAlreadyExists(error) || isConflict(error))
        lease = await client.get(leases, { namespace: leaseNamespace, name });
      else if (!isNotFound(error)) throw error;
    }
  };

  const observe = async (): Promise<void> => {
    try {
      capacity = await look();
      problem = undefined;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  };

  const tick = async (): Promise<void> => {
    timer?.cancel();
    try {
      await observe();
      if (!stopped) await Promise.all([node ? report() : register(), renewLease()]);
    } catch (error) {
      log.warn('node could not be reported', { node: name, error });
    }
    if (!stopped) timer = clock.setTimer(next, tickMs);
  };
  const next = (): void => {
    ticking ??= tick().finally(() => {
      ticking = undefined;
    });
  };

  return {
    async start() {
      await registerWithPatience();
      await renewLease().catch((error: unknown) => log.warn('node lease could not be renewed', { node: name, error }));
      await report();
      if (!stopped) timer = clock.setTimer(next, tickMs);
    },
    poke: next,
    stop() {
      stopped = true;
      timer?.cancel();
    },
    node: () => node,
    capacity: () => capacity,
  };
}
