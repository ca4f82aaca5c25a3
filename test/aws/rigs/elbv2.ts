/**
 * A model of Elastic Load Balancing v2 behind the real SDK client: give `requestHandler` to it. Load balancers take their time,
 * targets are checked and drained as AWS does it, limits hold, and listeners really take TCP connections (of
 * application load balancers: HTTP) on the loopback device and pass them to targets. What is simplified stands in the options.
 */
import { type Server, type Socket, connect, createServer } from 'node:net';
import type { HttpRequest } from '@smithy/protocol-http';
import type { Clock } from '@nodeless/component-base/clock';
import { type Quotas, type Subnet, createOperations } from './elbv2-operations.ts';
import { createHttpListener } from './elbv2-http-path.ts';
import { type UdpListener, createUdpListener } from './elbv2-udp-path.ts';
import { type LoadBalancer, type State, type TargetGroup, groupsOf } from './elbv2-state.ts';
import { type Dial, createTargets } from './elbv2-targets.ts';
import { type Faults, type Throttle, createFaults } from './call-faults.ts';
import { AwsFault, parseQuery, queryFault, queryResult } from './query-protocol.ts';
import { type RequestHandler, bodyText } from './request-handler.ts';

export interface Elbv2RigOptions {
  readonly clock: Clock;
  readonly subnets?: readonly Subnet[];
  readonly vpcId?: string;
  readonly certificates?: readonly string[];
  readonly quotas?: Partial<Quotas>;
  readonly throttle?: Throttle;
  /** From CreateLoadBalancer to `active`; two minutes. */
  readonly provisionMs?: number;
  /** From RegisterTargets to the first health check; five seconds. */
  readonly registrationMs?: number;
  /** How long new connections still reach a target after DeregisterTargets; three seconds. */
  readonly deregistrationLagMs?: number;
  readonly listLagMs?: number;
  /** Most that one page of a list holds; 400. */
  readonly pageSize?: number;
  /** How a target is reached. Default: as it says. */
  readonly dial?: Dial;
  /** Where datagrams to a target go. Default: to the target. */
  readonly datagramsTo?: (address: string, port: number) => { readonly address: string; readonly port: number };
  readonly securityGroupExists?: (id: string) => boolean;
  /** Told when a load balancer is gone. */
  readonly onReleased?: (loadBalancer: LoadBalancer) => void;
}

export interface Elbv2Rig {
  readonly requestHandler: RequestHandler;
  readonly state: State;
  readonly faults: Faults;
  readonly subnets: readonly Subnet[];
  readonly certificates: Set<string>;
  /** Where the listener on this port answers, once the load balancer is active. */
  addressOf(loadBalancer: string, port: number): Promise<{ host: string; port: number }>;
  /** The same for datagrams. */
  udpPortOf(loadBalancer: string, port: number): Promise<number>;
  groupByName(part: string): TargetGroup;
  /** Resolves when no health check is under way and listeners are as they should be. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export const defaultQuotas: Quotas = {
  networkLoadBalancers: 50,
  applicationLoadBalancers: 50,
  targetGroups: 3000,
  listeners: 50,
  rules: 100,
  targets: 1000,
};

export function createElbv2Rig(options: Elbv2RigOptions): Elbv2Rig {
  const { clock, dial = (host, port) => connect({ host, port }) } = options;
  const faults = createFaults({ clock, throttle: options.throttle });
  const state: State = {
    loadBalancers: new Map(),
    listeners: new Map(),
    rules: new Map(),
    targetGroups: new Map(),
  };
  const subnets = options.subnets ?? [
    { id: 'subnet-a', zone: 'us-east-1a', free: 200 },
    { id: 'subnet-b', zone: 'us-east-1b', free: 200 },
  ];
  const certificates = new Set(options.certificates);
  const targets = createTargets({
    clock,
    state,
    dial,
    registrationMs: options.registrationMs ?? 5000,
    deregistrationLagMs: options.deregistrationLagMs ?? 3000,
  });
  const datagrams = new Map<string, UdpListener>();
  const servers = new Map<string, { server: Server; ready: Promise<void>; sockets: Set<Socket> }>();

  /** Picks in turn, so that every target is met. */
  let turn = 0;
  const accept = (listenerArn: string, client: Socket): void => {
    client.on('error', () => client.destroy());
    const listener = state.listeners.get(listenerArn);
    const loadBalancer = listener && state.loadBalancers.get(listener.loadBalancerArn);
    const group = state.targetGroups.get(groupsOf(listener?.actions ?? [])[0] ?? '');
    const eligible = group ? targets.eligible(group) : [];
    const target = eligible[turn++ % Math.max(eligible.length, 1)];
    if (loadBalancer?.state !== 'active' || !target) {
      client.resetAndDestroy();
      return;
    }
    const upstream = dial(target.id, target.port);
    upstream.on('error', () => client.resetAndDestroy());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.end());
    client.pipe(upstream).pipe(client);
  };
  const takeDatagrams = (listenerArn: string): UdpListener =>
    createUdpListener({
      clock,
      choose() {
        const listener = state.listeners.get(listenerArn);
        const group = state.targetGroups.get(groupsOf(listener?.actions ?? [])[0] ?? '');
        const active = state.loadBalancers.get(listener?.loadBalancerArn ?? '')?.state === 'active';
        const eligible = active && group ? targets.eligible(group) : [];
        return eligible[turn++ % Math.max(eligible.length, 1)];
      },
      alive: (target) => [...state.targetGroups.values()].some((group) => [...group.targets.values()].includes(target)),
      resolve: ({ id, port }) => options.datagramsTo?.(id, port) ?? { address: id, port },
    });
  const listenersChanged = (): void => {
    for (const [arn, { server, sockets }] of servers) {
      if (state.listeners.has(arn)) continue;
      servers.delete(arn);
      server.close();
      for (const socket of sockets) socket.destroy();
    }
    for (const [arn, listener] of datagrams) {
      if (state.listeners.get(arn)?.protocol.endsWith('UDP')) continue;
      datagrams.delete(arn);
      listener.close();
    }
    for (const { arn, protocol } of state.listeners.values()) {
      if (protocol.endsWith('UDP') && !datagrams.has(arn)) datagrams.set(arn, takeDatagrams(arn));
      // TLS is not really spoken: what listens for it takes plain connections.
      if (servers.has(arn) || protocol === 'UDP') continue;
      const sockets = new Set<Socket>();
      const server: Server = protocol.startsWith('HTTP')
        ? createHttpListener({ state, targets, dial, listenerArn: arn, turn: () => turn++ })
        : createServer((socket) => accept(arn, socket));
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      const ready = new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      servers.set(arn, { server, ready, sockets });
    }
  };
  const operations = createOperations({
    clock,
    state,
    targets,
    quotas: { ...defaultQuotas, ...options.quotas },
    subnets,
    vpcId: options.vpcId ?? 'vpc-1',
    certificates,
    securityGroupExists: options.securityGroupExists ?? (() => true),
    provisionMs: options.provisionMs ?? 120_000,
    listLagMs: options.listLagMs ?? 0,
    pageSize: options.pageSize ?? 400,
    listenersChanged,
    released: options.onReleased ?? (() => {}),
  });

  return {
    state,
    faults,
    subnets,
    certificates,
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      async handle(request: HttpRequest) {
        const { action, parameters } = parseQuery(bodyText(request));
        try {
          return await faults.around(action, async () => {
            const operation = Object.hasOwn(operations, action) ? operations[action] : undefined;
            if (!operation) throw new AwsFault('InvalidAction', `the model has no ${action}`);
            return queryResult(action, operation(parameters));
          });
        } catch (error) {
          if (error instanceof AwsFault) return queryFault(error);
          throw error;
        }
      },
      destroy() {},
      updateHttpClientConfig() {},
      httpHandlerConfigs: () => ({}),
    },
    async addressOf(loadBalancer, port) {
      const lb = [...state.loadBalancers.values()].find((one) => one.name === loadBalancer || one.arn === loadBalancer);
      const listener = [...state.listeners.values()].find(
        (one) => one.loadBalancerArn === lb?.arn && one.port === port,
      );
      const entry = servers.get(listener?.arn ?? '');
      if (!entry) throw new Error(`${loadBalancer} has no TCP listener on ${port}`);
      await entry.ready;
      return { host: '127.0.0.1', port: (entry.server.address() as { port: number }).port };
    },
    async udpPortOf(loadBalancer, port) {
      const lb = [...state.loadBalancers.values()].find((one) => one.name === loadBalancer || one.arn === loadBalancer);
      const listener = [...state.listeners.values()].find(
        (one) => one.loadBalancerArn === lb?.arn && one.port === port,
      );
      const entry = datagrams.get(listener?.arn ?? '');
      if (!entry) throw new Error(`${loadBalancer} has no UDP listener on ${port}`);
      await entry.ready;
      return entry.port();
    },
    groupByName(part) {
      const found = [...state.targetGroups.values()].find((group) => group.name.includes(part));
      if (!found) throw new Error(`no target group is named ${part}`);
      return found;
    },
    async settled() {
      await Promise.all([...servers.values()].map(({ ready }) => ready));
      await targets.settled();
    },
    async close() {
      for (const group of state.targetGroups.values()) targets.forget(group);
      for (const listener of datagrams.values()) {
        await listener.ready;
        listener.close();
      }
      for (const { server, sockets } of servers.values()) {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => {
          server.close(resolve);
        });
      }
    },
  };
}
