import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { dockerBridgeAddress } from '@nodeless/localstack-utils/docker-bridge';
import { type Probed, poll, unique, withCleanUp } from './probe.ts';

async function network({
  settings,
}: Probed): Promise<{ readonly subnets: string[]; readonly vpc: string } | undefined> {
  const ec2 = new EC2Client(settings);
  const { Subnets = [] } = await ec2.send(
    new DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }),
  );
  const vpc = Subnets[0]?.VpcId;
  return vpc === undefined ? undefined : { subnets: Subnets.slice(0, 2).map(({ SubnetId }) => SubnetId!), vpc };
}

const name = (what: string): string => unique(what).replace('nodeless-probe-', 'np-').slice(0, 32);

/** An address that nobody answers on is not healthy. */
export const targetHealth = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const elb = new ElasticLoadBalancingV2Client(aws.settings);
    const where = await network(aws);
    if (!where) return 'there is no default network';
    const { TargetGroups } = await elb.send(
      new CreateTargetGroupCommand({
        Name: name('tg'),
        Protocol: 'TCP',
        Port: 9,
        TargetType: 'ip',
        VpcId: where.vpc,
        HealthCheckIntervalSeconds: 5,
        UnhealthyThresholdCount: 2,
      }),
    );
    const TargetGroupArn = TargetGroups![0]!.TargetGroupArn!;
    after(() => elb.send(new DeleteTargetGroupCommand({ TargetGroupArn })));
    await elb.send(
      new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: '10.255.255.254', AvailabilityZone: 'all' }] }),
    );
    const state = async (): Promise<string | undefined> =>
      (await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }))).TargetHealthDescriptions?.[0]?.TargetHealth
        ?.State;
    const healthy = await poll(3000, async () => ((await state()) === 'healthy' ? true : undefined));
    return healthy ? 'a target that is not there is called healthy' : undefined;
  });

/** A connection to the load balancer's name comes out at its target. */
export const networkDataPath = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    if (aws.endpoint === undefined) return 'not probed in an account: it takes minutes';
    const elb = new ElasticLoadBalancingV2Client(aws.settings);
    const where = await network(aws);
    if (!where) return 'there is no default network';
    const address = (await dockerBridgeAddress()) ?? '127.0.0.1';
    const server = createServer((socket) => socket.end('target')).listen(0, address);
    await once(server, 'listening');
    after(() => Promise.resolve(server.close()));
    const { port } = server.address() as AddressInfo;
    const listens = port === 65_535 ? 1024 : port + 1;
    const { LoadBalancers } = await elb.send(
      new CreateLoadBalancerCommand({ Name: name('nlb'), Type: 'network', Subnets: where.subnets, Scheme: 'internal' }),
    );
    const { LoadBalancerArn, DNSName } = LoadBalancers![0]!;
    after(() => elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn })));
    const { TargetGroups } = await elb.send(
      new CreateTargetGroupCommand({
        Name: name('tg'),
        Protocol: 'TCP',
        Port: port,
        TargetType: 'ip',
        VpcId: where.vpc,
      }),
    );
    const TargetGroupArn = TargetGroups![0]!.TargetGroupArn!;
    after(() => elb.send(new DeleteTargetGroupCommand({ TargetGroupArn })));
    await elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: address, Port: port }] }));
    await elb.send(
      new CreateListenerCommand({
        LoadBalancerArn,
        Protocol: 'TCP',
        Port: listens,
        DefaultActions: [{ Type: 'forward', TargetGroupArn }],
      }),
    );
    const found = await lookup(DNSName!).catch(() => undefined);
    // A name that leads to the Internet is somebody else's load balancer.
    if (!found || !/^(?:127|10|172|192)\./.test(found.address))
      return `its name ${DNSName} leads nowhere on this machine`;
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(listens, found.address).setTimeout(3000, () => socket.destroy());
      socket.on('data', (data) => (text += String(data)));
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    return answer === 'target' ? undefined : 'what is sent to a network load balancer reaches no target';
  });
