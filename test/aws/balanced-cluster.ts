/** A whole cluster in this process whose load balancers are models with a real data path: each running pod is a real TCP server. */
import { type Server, type Socket, connect, createServer } from 'node:net';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { pods } from '@nodeless/client/resource-types';
import type { Watch } from '@nodeless/client/client';
import type { Controller } from '@nodeless/controller-runtime/controller';
import { createElbv2BackendHealth } from '@nodeless/controllers/load-balancers/elbv2/elbv2-backend-health';
import { type Elbv2, createElbv2 } from '@nodeless/controllers/load-balancers/elbv2/elbv2';
import { createElbv2LoadBalancers } from '@nodeless/controllers/load-balancers/elbv2/elbv2-load-balancers';
import { drainedCondition } from '@nodeless/apimachinery/target-health';
import { createServiceController } from '@nodeless/controllers/service';
import { createTargetReadinessController } from '@nodeless/controllers/target-readiness';
import { createTargetReadiness } from '@nodeless/registry/admission/target-readiness';
import { type Cluster, type ClusterOptions, createCluster } from '../builders/cluster.ts';
import { type Ec2Rig, createEc2Rig } from './rigs/ec2-security-groups.ts';
import { type Elbv2Rig, type Elbv2RigOptions, createElbv2Rig } from './rigs/elbv2.ts';
import { clientSettings } from './rigs/request-handler.ts';
import { type RequestValidation, validateRequests } from './rigs/request-validation.ts';

export interface BalancedCluster {
  readonly cluster: Cluster;
  readonly elb: Elbv2Rig;
  readonly ec2: Ec2Rig;
  readonly elbv2: Elbv2;
  readonly validations: readonly RequestValidation[];
  /** For faults between them and the models. */
  readonly clients: readonly [ElasticLoadBalancingV2Client, EC2Client];
  /** Lets cluster time pass in steps, with real connections in between. */
  step(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export interface BalancedOptions {
  readonly rig?: Partial<Elbv2RigOptions>;
  readonly cluster?: ClusterOptions;
  /** false: pods stop when they are told to. */
  readonly drains?: boolean;
  readonly gates?: boolean;
  readonly more?: (elbv2: Elbv2) => readonly Controller[];
}

/** So long network interfaces of a deleted load balancer keep its security groups. */
const releaseMs = 30_000;

export async function startBalancedCluster(options: BalancedOptions = {}): Promise<BalancedCluster> {
  const servers = new Map<string, { server: Server; sockets: Set<Socket>; port: number }>();
  const carried = new Map<string, number>();
  let parts:
    | {
        elb: Elbv2Rig;
        ec2: Ec2Rig;
        elbv2: Elbv2;
        validations: RequestValidation[];
        clients: BalancedCluster['clients'];
      }
    | undefined;
  const cluster = await createCluster({
    ...options.cluster,
    life: (pod) => ({
      startMs: 1000,
      stopMs: 1000,
      ...(options.drains === false || !pod.spec?.readinessGates?.length ? {} : { stopsAfter: drainedCondition }),
    }),
    admission:
      options.gates === false
        ? []
        : [
            createTargetReadiness({
              loadBalancerClasses: ['nodeless.dev/nlb', 'service.k8s.aws/nlb'],
              ingressControllers: ['nodeless.dev/alb'],
            }),
          ],
    more(clock) {
      const ec2 = createEc2Rig({
        clock,
        existing: ['sg-backend'],
        inUse: (id) =>
          [...elb.state.loadBalancers.values()].some((lb) => lb.securityGroups.includes(id)) ||
          (carried.get(id) ?? -Infinity) > clock.now(),
      });
      const elb = createElbv2Rig({
        clock,
        dial: (address) => connect({ host: '127.0.0.1', port: servers.get(address)?.port ?? 1 }),
        securityGroupExists: (id) => ec2.groups.has(id),
        onReleased: (lb) => lb.securityGroups.forEach((id) => carried.set(id, clock.now() + releaseMs)),
        ...options.rig,
      });
      const elbClient = new ElasticLoadBalancingV2Client({ ...clientSettings, requestHandler: elb.requestHandler });
      const ec2Client = new EC2Client({ ...clientSettings, requestHandler: ec2.requestHandler });
      const elbv2 = createElbv2({
        elbv2: elbClient,
        ec2: ec2Client,
        clock,
        cluster: 'test',
        vpcId: 'vpc-1',
        subnets: { public: ['subnet-a', 'subnet-b'], private: ['subnet-a', 'subnet-b'] },
        securityGroup: 'sg-backend',
      });
      parts = {
        elb,
        ec2,
        elbv2,
        validations: [validateRequests(elbClient), validateRequests(ec2Client)],
        clients: [elbClient, ec2Client],
      };
      return [
        createServiceController(createElbv2LoadBalancers(elbv2)),
        createTargetReadinessController({ health: createElbv2BackendHealth(elbv2.deployer) }),
        ...(options.more?.(elbv2) ?? []),
      ];
    },
  });
  const { elb, ec2, elbv2, validations, clients } = parts as NonNullable<typeof parts>;

  const run = async (ip: string, name: string): Promise<void> => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => {
        const http = / HTTP\/1/.test(chunk.toString());
        socket.end(
          http ? `HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\nconnection: close\r\n\r\n${name}` : name,
        );
      });
    });
    servers.set(ip, { server, sockets, port: 1 });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const entry = servers.get(ip);
    if (entry?.server === server) entry.port = (server.address() as { port: number }).port;
    else server.close();
  };
  const halt = (ip: string): void => {
    const entry = servers.get(ip);
    servers.delete(ip);
    entry?.server.close();
    for (const socket of entry?.sockets ?? []) socket.destroy();
  };
  const watch: Watch = cluster.client.watch(
    pods,
    {},
    {
      onEvent(event) {
        if (event.type === 'BOOKMARK') return;
        const pod: Pod = event.object;
        const ip = pod.status?.podIP;
        if (!ip) return;
        if (event.type === 'DELETED' || isPodTerminal(pod)) halt(ip);
        else if (pod.status?.phase === 'Running' && !servers.has(ip)) void run(ip, pod.metadata?.name ?? '');
      },
      onEnd: () => {},
    },
  );

  return {
    cluster,
    elb,
    ec2,
    elbv2,
    validations,
    clients,
    async step(ms) {
      await cluster.settle(ms);
      await elb.settled();
      await cluster.settle();
    },
    async stop() {
      watch.stop();
      await cluster.stop();
      await elb.close();
      for (const ip of servers.keys()) halt(ip);
    },
  };
}
