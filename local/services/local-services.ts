/** Service networking of a local cluster: everything between a Service's address and the pods behind it. */
import { cidrAddress, cidrContains, parseCidr, parseIp } from '@nodeless/apimachinery/ip';
import type { Client } from '@nodeless/client/client';
import { type ClusterDialer, refusingDialer } from '@nodeless/client/cluster-dialer';
import { endpointSlices, namespaces, services } from '@nodeless/client/resource-types';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { SharedInformers } from '@nodeless/controller-runtime/informer-lister';
import type { LoadBalancerProvider } from '@nodeless/controllers/load-balancers/load-balancer';
import {
  createProxyLoadBalancers,
  type ProxyLoadBalancers,
} from '@nodeless/controllers/load-balancers/proxy/proxy-load-balancers';
import { createSimulatedLoadBalancers } from '@nodeless/controllers/load-balancers/simulated/simulated-load-balancers';
import type { ClusterDns } from '@nodeless/virtual-kubelet/pod-dns';
import type { DockerProvider } from '@nodeless/virtual-kubelet/providers/docker/docker-provider';
import type { SandboxNetwork } from '@nodeless/virtual-kubelet/providers/docker/node-helper';
import { createQueryAnswerer } from '../dns/answer-query.ts';
import { createClusterZone } from '../dns/cluster-zone.ts';
import { type DnsServer, listenDns } from '../dns/dns-server.ts';
import { createForwarder } from '../dns/forwarder.ts';
import { createMachineResolvers } from '../dns/machine-resolvers.ts';
import { createHostRoutes, type HostRoutes } from './host-routes.ts';
import { createRuleProgrammer, type RuleProgrammer } from './nft/programmer.ts';
import { createServiceDataPath } from './service-data-path.ts';
import { createServiceDialer } from './service-dialer.ts';
import { createServiceIndex } from './service-index.ts';
import { keepSystemServices } from './keep-system-services.ts';
import { dnsService, kubernetesService } from './system-services.ts';
import { tellRefusals } from './tell-refusals.ts';
import { findWayIn, type WayIn } from './way-in.ts';

/** What is needed of the container engine. */
export type EngineNetwork = Pick<DockerProvider, 'nodes' | 'helper' | 'sandboxes' | 'gateway' | 'isReachable' | 'dial'>;

export interface LocalServicesOptions {
  /** Writes the Services `kubernetes` and `kube-dns`. */
  readonly client: Client;
  /** Not started yet, or started: both will do. */
  readonly informers: SharedInformers;
  /** Unique among the clusters of this machine. */
  readonly clusterId: string;
  readonly serviceCidr: string;
  /** Default: cluster.local */
  readonly clusterDomain?: string;
  /** undefined = pods are simulated and have no network. */
  readonly engine: EngineNetwork | undefined;
  /** Where the API server listens on this machine's loopback address. */
  readonly apiPort: number;
  /** Has the API server listen on one more address; 0 = any port. Rejects with Node's error when that cannot be. */
  readonly listenApi: (host: string, port: number) => Promise<{ readonly port: number; close(): Promise<void> }>;
  /** Lead ClusterIPs from this machine into the cluster. Default true; see host-routes.ts. */
  readonly hostRoute?: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface LocalServices {
  /** For the service controller. */
  readonly loadBalancers: LoadBalancerProvider;
  /** For the API server: webhooks, aggregated APIs, proxies. */
  readonly dialer: ClusterDialer;
  /** For the kubelet. Final once `start` has resolved. */
  dns(): ClusterDns;
  /** For the provider: a pod has a network, and gets its rules before its containers start. */
  onSandbox(sandbox: SandboxNetwork): Promise<void>;
  /** Once the informers have synced and before pods are started. Never fails for want of a network: `problems` says what there is not. */
  start(): Promise<void>;
  /** Stops answering here; what pods have goes on. Idempotent. */
  stop(): Promise<void>;
  /** What does not work on this machine and why, for people. */
  problems(): readonly string[];
}

const sandboxPatienceMs = 10_000;
/** 53 is for root on most machines; the other is only easier to find than any. */
const dnsPorts = [53, 10_053, 0];

export function createLocalServices(options: LocalServicesOptions): LocalServices {
  const { client, informers, serviceCidr, clusterDomain = 'cluster.local', engine, clock, log } = options;
  const range = parseCidr(serviceCidr);
  const addressAt = (n: bigint): string => (range && cidrAddress(range, n)) ?? '';
  const isServiceAddress = (address: string): boolean => {
    const ip = parseIp(address);
    return range !== undefined && ip !== undefined && cidrContains(range, ip);
  };
  const [apiAddress, dnsAddress] = [addressAt(1n), addressAt(10n)];
  const namespaceInformer = informers.informer(namespaces);
  const index = createServiceIndex({
    services: informers.informer(services),
    slices: informers.informer(endpointSlices),
  });
  const machineResolvers = createMachineResolvers();
  const problems: string[] = [];
  const undo: (() => unknown)[] = [];
  const ending = new AbortController();
  let programmer: RuleProgrammer | undefined;
  let hostRoutes: HostRoutes | undefined;
  let dnsNameservers: readonly string[] = engine ? [dnsAddress] : [];
  let markReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });

  const keeper = { client, index, clock, log, signal: ending.signal };
  const dataPath = createServiceDataPath({
    index,
    serviceCidr,
    clock,
    onChange: () => hostRoutes?.want(clusterIps()),
  });
  const clusterIps = (): Set<string> => new Set(dataPath.model().ports.flatMap((port) => port.clusterIps));
  const direct: ClusterDialer = engine
    ? { connect: (address, port, signal) => engine.dial(address, port, signal ?? ending.signal) }
    : refusingDialer;
  const dialer = createServiceDialer({
    lookUp: (address, port) => dataPath.lookUp(address, port),
    direct,
    isServiceAddress,
  });
  const proxies: ProxyLoadBalancers | undefined =
    engine &&
    createProxyLoadBalancers({
      clusterId: options.clusterId,
      dialer: direct,
      canSendDatagrams: () => engine.isReachable(),
      clock,
      log,
    });
  const loadBalancers = proxies ?? createSimulatedLoadBalancers({ clusterId: options.clusterId });

  const startRules = async (network: EngineNetwork, nodeNames: readonly string[]): Promise<void> => {
    const helpers = await Promise.all(nodeNames.map((name) => network.helper(name)));
    const [first] = helpers;
    const tools = await first?.exec(
      ['/bin/sh', '-c', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; command -v nft && command -v nsenter'],
      { timeoutMs: 5_000 },
    );
    if (tools?.exitCode !== 0) {
      problems.push(
        'Services do not answer inside pods: the node helper has no shell with nft and nsenter. Install nftables and busybox on this machine and start again',
      );
      return;
    }
    const rules = createRuleProgrammer({
      async open(node, command) {
        const stream = await (await network.helper(node)).open(command);
        // Not for the first time: the helper or the engine was away.
        if (node === nodeNames[0]) hostRoutes?.renew();
        return stream;
      },
      clock,
      log,
    });
    const added = Promise.all(nodeNames.map((name) => rules.addNode(name)));
    dataPath.start(
      helpers.map(({ name, address }) => ({ name, addresses: [address] })),
      (renderer) => rules.want(renderer),
    );
    try {
      await added;
    } catch (error) {
      // A kernel that cannot do it would refuse every pod's rules, and no pod would start.
      rules.stop();
      dataPath.stop();
      problems.push(`Services do not answer inside pods: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    programmer = rules;
    undo.push(() => dataPath.stop());
    undo.push(() => rules.stop());
    // Pods of an earlier run: theirs may be out of date.
    for (const { ref, nodeName, namespace } of await network.sandboxes())
      rules
        .addPod(ref.uid, nodeName, namespace)
        .catch((error: unknown) => log.debug('no rules for a pod that was there', { pod: ref.name, error }));
  };

  const listenForPods = async (way: WayIn | undefined): Promise<{ apiPort: number; dns: DnsServer | undefined }> => {
    if (!way) {
      problems.push(
        'pods cannot reach the API server or the cluster DNS: no address leads from containers to this machine',
      );
      return { apiPort: options.apiPort, dns: undefined };
    }
    let { apiPort } = options;
    if (way.listenOn !== '127.0.0.1') {
      const listener = await options.listenApi(way.listenOn, apiPort).catch(() => options.listenApi(way.listenOn, 0));
      undo.push(() => listener.close());
      apiPort = listener.port;
    }
    const zone = createClusterZone({
      index,
      domain: clusterDomain,
      dnsAddress,
      ownRanges: [serviceCidr],
      hasNamespace: (name) => namespaceInformer.get('', name) !== undefined,
    });
    const answerer = createQueryAnswerer(zone, createForwarder({ resolvers: machineResolvers, clock }));
    const dns = await listenDns({ address: way.listenOn, ports: dnsPorts, answerer, log });
    undo.push(() => dns.close());
    return { apiPort, dns };
  };

  const setHostRoutes = async (network: EngineNetwork, node: string): Promise<void> => {
    if (options.hostRoute === false) return;
    const routes = createHostRoutes({
      helper: await network.helper(node),
      cidr: serviceCidr,
      common: new Set([apiAddress, dnsAddress]),
      log,
    });
    const problem = await routes.start();
    if (problem === undefined) {
      undo.push(() =>
        routes.remove().catch((error: unknown) => log.debug('routes to ClusterIPs could not be removed', { error })),
      );
      hostRoutes = routes;
      routes.want(clusterIps());
    } else {
      problems.push(`ClusterIPs do not answer from this machine: ${problem}`);
    }
  };

  return {
    loadBalancers,
    dialer,
    dns() {
      const own = machineResolvers()
        .map(({ address }) => address)
        .filter((address) => !/^(?:127\.|::1$)/.test(address));
      return {
        nameservers: dnsNameservers,
        domain: clusterDomain,
        node: { nameservers: own.length > 0 ? own.slice(0, 3) : dnsNameservers, searches: [], options: [] },
      };
    },
    async onSandbox({ ref, nodeName, namespace }) {
      const patience = new AbortController();
      const late = sleep(clock, sandboxPatienceMs, patience.signal).then(
        () => 'late' as const,
        () => 'late' as const,
      );
      try {
        if ((await Promise.race([ready, late])) === 'late' || !programmer) return;
        const done = programmer.addPod(ref.uid, nodeName, namespace);
        // A pod without Services is better than none; the rules are written as soon as that is possible.
        if ((await Promise.race([done, late])) === 'late')
          log.warn('a pod starts without its Service rules', { pod: `${ref.namespace}/${ref.name}` });
      } finally {
        patience.abort();
      }
    },
    async start() {
      try {
        if (!engine) {
          await keepSystemServices(keeper, [kubernetesService(apiAddress, undefined, options.apiPort)]);
          return;
        }
        tellRefusals({ client, index, clock, log });
        const nodeNames = [...(await engine.nodes()).keys()];
        const firstNode = nodeNames[0] ?? '';
        const [way] = await Promise.all([
          findWayIn(engine, await engine.helper(firstNode)),
          startRules(engine, nodeNames),
        ]);
        const routes = programmer ? setHostRoutes(engine, firstNode) : undefined;
        const { apiPort, dns } = await listenForPods(way);
        await keepSystemServices(keeper, [
          kubernetesService(apiAddress, way?.address, apiPort),
          dnsService(dnsAddress, dns && way?.address, dns?.port ?? 53),
        ]);
        // Without rules nothing leads to the ClusterIP, but the server itself may be asked.
        if (!programmer) dnsNameservers = dns?.port === 53 && way ? [way.address] : [];
        await routes;
      } finally {
        markReady();
        for (const problem of problems) log.warn(problem);
      }
    },
    async stop() {
      ending.abort();
      for (const step of undo.splice(0).toReversed()) await step();
      await proxies?.close();
      index.stop();
    },
    problems: () => problems,
  };
}
