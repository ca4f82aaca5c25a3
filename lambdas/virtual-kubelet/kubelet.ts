import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Client } from '@nodeless/client/client';
import { createInformer, type Informer } from '@nodeless/client/informer';
import { pods, services as serviceType } from '@nodeless/client/resource-types';
import { type Clock, sleep, type Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { EventRecorder } from '@nodeless/controller-runtime/events';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubeletView } from './kubelet-api/kubelet-endpoints.ts';
import { createNodeAgent, type NodeAgent } from './node-agent.ts';
import type { ClusterDns } from './pod-dns.ts';
import { createPodManager, type PodManager } from './pod-manager.ts';
import type { NodeCapacity, PodProvider } from './providers/provider.ts';

export interface KubeletOptions {
  readonly provider: PodProvider;
  /** A client that acts as the node (user system:node:<name>, group system:nodes). */
  readonly clientFor: (nodeName: string) => Client;
  /** Records events as the node's kubelet. */
  readonly eventsFor: (nodeName: string, client: Client) => EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dns: ClusterDns;
  /** What nodes say they run: `v1.36.3`. */
  readonly kubeletVersion: string;
}

export interface KubeletNode {
  readonly name: string;
  readonly agent: NodeAgent;
  readonly pods: PodManager;
}

/** Every node of one pod provider. */
export interface Kubelet {
  /** Resolves once all nodes are registered and their pods are being looked after. Waits for a provider that is away. */
  start(): Promise<void>;
  /** Leaves pods running. Idempotent. */
  stop(): Promise<void>;
  node(name: string): KubeletNode | undefined;
  nodes(): readonly KubeletNode[];
  /** What its HTTP endpoints see of a node, for createInProcessConnection. */
  view(name: string): KubeletView | undefined;
}

const providerRetryMs = 2_000;
const housekeepingMs = 60_000;
/** A pod that nobody knows gets this long to end. */
const orphanGraceSeconds = 30;
/** Many nodes share one look at their provider. */
const lookMs = 1_000;

export function createKubelet(options: KubeletOptions): Kubelet {
  const { provider, clock, log } = options;
  const nodes = new Map<string, KubeletNode & { readonly informer: Informer<Pod> }>();
  /** Where each pod is, by uid. */
  const places = new Map<string, PodManager>();
  const startedAt = clock.now();
  let services: Informer<Service> | undefined;
  let subscription: { stop(): void } | undefined;
  let housekeeping: Timer | undefined;
  let stopped = false;
  let lastLook: { readonly at: number; readonly answer: Promise<ReadonlyMap<string, NodeCapacity>> } | undefined;

  const lookAtAll = (): Promise<ReadonlyMap<string, NodeCapacity>> => {
    const now = clock.now();
    if (!lastLook || now - lastLook.at >= lookMs) {
      const answer = provider.nodes();
      answer.catch(() => {});
      lastLook = { at: now, answer };
    }
    return lastLook.answer;
  };

  const firstNodes = async (): Promise<ReadonlyMap<string, NodeCapacity>> => {
    for (let told = false; !stopped;) {
      try {
        return await provider.nodes();
      } catch (error) {
        if (!told) log.warn('pod provider is not available yet', { provider: provider.name, error });
        told = true;
        await sleep(clock, providerRetryMs);
      }
    }
    return new Map();
  };

  const addNode = async (name: string, capacity: NodeCapacity): Promise<void> => {
    const client = options.clientFor(name);
    const look = async (): Promise<NodeCapacity> => {
      const found = (await lookAtAll()).get(name);
      if (!found) throw new Error(`node ${name} is not there any more`);
      return found;
    };
    const agent = createNodeAgent(
      { identity: { name, kubeletVersion: options.kubeletVersion }, client, clock, log, look },
      capacity,
    );
    await agent.start();
    const manager = createPodManager({
      agent,
      client,
      events: options.eventsFor(name, client),
      provider,
      clock,
      log,
      dns: options.dns,
      services: () => services?.list() ?? [],
    });
    const informer = createInformer(client, pods, { clock, log, fieldSelector: `spec.nodeName=${name}` });
    nodes.set(name, { name, agent, pods: manager, informer });
    informer.subscribe((change) => {
      const uid = change.object.metadata?.uid ?? '';
      if (change.type === 'deleted') {
        places.delete(uid);
        manager.removed(change.object);
      } else {
        places.set(uid, manager);
        manager.set(change.object);
      }
    });
    informer.start();
  };

  /** Ends what runs but is no pod of the API: deleted while this process was not there. */
  const removeOrphans = async (): Promise<void> => {
    for (const pod of await provider.listPods()) {
      const node = nodes.get(pod.nodeName);
      if (!node?.informer.hasSynced() || node.pods.has(pod.ref.uid)) continue;
      log.info('removing a pod that the API does not know', {
        pod: pod.ref.name,
        namespace: pod.ref.namespace,
        uid: pod.ref.uid,
      });
      void provider
        .deletePod(pod.ref, orphanGraceSeconds)
        .catch((error: unknown) => log.warn('orphan could not be removed', { uid: pod.ref.uid, error }));
    }
  };

  const keepHouse = (): void => {
    if (stopped) return;
    housekeeping = clock.setTimer(() => {
      removeOrphans()
        .catch((error: unknown) => log.debug('orphans could not be looked for', { error }))
        .finally(keepHouse);
    }, housekeepingMs);
  };

  return {
    async start() {
      const found = await firstNodes();
      const first = [...found.keys()][0];
      if (stopped || first === undefined) return;
      services = createInformer(options.clientFor(first), serviceType, { clock, log });
      services.start();
      // Environments name the Services that exist: no pod starts before they are known.
      await services.synced;
      subscription = provider.subscribe?.(
        (ref) => places.get(ref.uid)?.observed(ref.uid),
        (event) => places.get(event.ref.uid)?.report(event),
      );
      await Promise.all([...found].map(([name, capacity]) => addNode(name, capacity)));
      await Promise.all([...nodes.values()].map((n) => n.informer.synced));
      await removeOrphans().catch((error: unknown) => log.debug('orphans could not be looked for', { error }));
      keepHouse();
    },
    async stop() {
      stopped = true;
      housekeeping?.cancel();
      subscription?.stop();
      services?.stop();
      for (const node of nodes.values()) {
        node.agent.stop();
        node.informer.stop();
        node.pods.stop();
      }
    },
    node: (name) => nodes.get(name),
    nodes: () => [...nodes.values()],
    view(name) {
      const node = nodes.get(name);
      if (!node) return undefined;
      const { pods: manager } = node;
      return {
        nodeName: name,
        find: (namespace, pod) => manager.find(namespace, pod),
        list: () => manager.list(),
        now: () => clock.now(),
        startedAt,
      };
    },
  };
}
