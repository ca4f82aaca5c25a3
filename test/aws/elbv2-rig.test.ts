import { type Socket, createSocket } from 'node:dgram';
import { type Server, createServer } from 'node:net';
import {
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
  paginateDescribeLoadBalancers,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  EC2Client,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  AuthorizeSecurityGroupIngressCommand,
  DescribeSecurityGroupsCommand,
} from '@aws-sdk/client-ec2';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { afterEach, describe, expect, it } from 'vitest';
import { createEc2Rig } from './rigs/ec2-security-groups.ts';
import { type Elbv2Rig, type Elbv2RigOptions, createElbv2Rig } from './rigs/elbv2.ts';
import { clientSettings } from './rigs/request-handler.ts';
import { exchange } from './rigs/tcp-exchange.ts';

const rigs: Elbv2Rig[] = [];
const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets.splice(0)) socket.close();
});

function rig(options: Partial<Elbv2RigOptions> = {}) {
  const clock = createManualClock();
  const model = createElbv2Rig({ clock, ...options });
  rigs.push(model);
  const client = new ElasticLoadBalancingV2Client({ ...clientSettings, requestHandler: model.requestHandler });
  return { clock, model, client };
}

/** Answers each connection with its name. */
async function pod(name: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(name);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as { port: number }).port;
}

/** Answers each datagram with its name and the datagram. */
async function echo(name: string): Promise<number> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (message, { address, port }) => socket.send(`${name} ${message.toString()}`, port, address));
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return socket.address().port;
}

/** A client: sends a text and waits for the answer. */
async function datagrams(port: number): Promise<(text: string) => Promise<string>> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  return (text) =>
    new Promise((resolve) => {
      socket.once('message', (answer) => resolve(answer.toString()));
      socket.send(text, port, '127.0.0.1');
    });
}

async function balancer(client: ElasticLoadBalancingV2Client, name = 'web') {
  const made = await client.send(
    new CreateLoadBalancerCommand({ Name: name, Type: 'network', Scheme: 'internal', Subnets: ['subnet-a'] }),
  );
  const arn = made.LoadBalancers?.[0]?.LoadBalancerArn as string;
  const group = await client.send(
    new CreateTargetGroupCommand({
      Name: name,
      Protocol: 'TCP',
      Port: 80,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      HealthyThresholdCount: 2,
      UnhealthyThresholdCount: 2,
      HealthCheckIntervalSeconds: 10,
      Tags: [{ Key: 'a', Value: 'b&c' }],
    }),
  );
  const groupArn = group.TargetGroups?.[0]?.TargetGroupArn as string;
  await client.send(
    new CreateListenerCommand({
      LoadBalancerArn: arn,
      Port: 80,
      Protocol: 'TCP',
      DefaultActions: [{ Type: 'forward', TargetGroupArn: groupArn }],
    }),
  );
  return { arn, groupArn };
}

describe('the model of ELBv2', () => {
  it('provisions for a while', async () => {
    const { clock, client } = rig();
    const { arn } = await balancer(client);
    const state = async () =>
      (await client.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] }))).LoadBalancers?.[0]?.State
        ?.Code;
    expect(await state()).toBe('provisioning');
    await clock.advance(120_000);
    expect(await state()).toBe('active');
  });

  it('checks targets by connecting, passes connections to the healthy ones, and drains', async () => {
    const { clock, model, client } = rig();
    const { groupArn } = await balancer(client);
    const [good, gone] = [await pod('good'), 1];
    const register = (port: number) =>
      client.send(new RegisterTargetsCommand({ TargetGroupArn: groupArn, Targets: [{ Id: '127.0.0.1', Port: port }] }));
    const health = async () =>
      Object.fromEntries(
        (
          await client.send(new DescribeTargetHealthCommand({ TargetGroupArn: groupArn }))
        ).TargetHealthDescriptions?.map((d) => [d.Target?.Port === good ? 'good' : 'gone', d.TargetHealth?.State]) ??
          [],
      );
    await register(good);
    await register(gone);
    expect(await health()).toEqual({ good: 'initial', gone: 'initial' });
    for (let i = 0; i < 16; i++) {
      await clock.advance(10_000);
      await model.settled();
    }
    expect(await health()).toEqual({ good: 'healthy', gone: 'unhealthy' });
    const { port } = await model.addressOf('web', 80);
    for (let i = 0; i < 3; i++) expect(await exchange(port)).toBe('good');

    await client.send(
      new ModifyTargetGroupAttributesCommand({
        TargetGroupArn: groupArn,
        Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '15' }],
      }),
    );
    await client.send(
      new DeregisterTargetsCommand({ TargetGroupArn: groupArn, Targets: [{ Id: '127.0.0.1', Port: good }] }),
    );
    expect(await health()).toEqual({ good: 'draining', gone: 'unhealthy' });
    expect(await exchange(port), 'connections still come for a moment').toBe('good');
    await clock.advance(3000);
    await expect(exchange(port), 'fails open to one that is not there').rejects.toThrow(/ECONNRESET|closed/);
    await clock.advance(12_000);
    expect(await health()).toEqual({ gone: 'unhealthy' });
  });

  it('passes datagrams to a target and its answers back, a client to the same one each time', async () => {
    const { clock, model, client } = rig();
    const made = await client.send(
      new CreateLoadBalancerCommand({ Name: 'dns', Type: 'network', Scheme: 'internal', Subnets: ['subnet-a'] }),
    );
    const LoadBalancerArn = made.LoadBalancers?.[0]?.LoadBalancerArn;
    const check = await pod('alive');
    const { TargetGroups } = await client.send(
      new CreateTargetGroupCommand({
        Name: 'dns',
        Protocol: 'TCP_UDP',
        Port: 53,
        VpcId: 'vpc-1',
        TargetType: 'ip',
        HealthCheckProtocol: 'TCP',
        HealthCheckPort: String(check),
        HealthyThresholdCount: 2,
        HealthCheckIntervalSeconds: 5,
      }),
    );
    const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn;
    await client.send(
      new CreateListenerCommand({
        LoadBalancerArn,
        Port: 53,
        Protocol: 'TCP_UDP',
        DefaultActions: [{ Type: 'forward', TargetGroupArn }],
      }),
    );
    const echoes = await Promise.all(['a', 'b'].map((name) => echo(name)));
    await client.send(
      new RegisterTargetsCommand({ TargetGroupArn, Targets: echoes.map((port) => ({ Id: '127.0.0.1', Port: port })) }),
    );
    for (let i = 0; i < 26; i++) {
      await clock.advance(5000);
      await model.settled();
    }
    const port = await model.udpPortOf('dns', 53);
    const [one, two] = [await datagrams(port), await datagrams(port)];
    const first = await one('x');
    expect(first).toMatch(/^[ab] x$/);
    expect(await one('y')).toBe(`${first[0]} y`);
    expect((await two('x'))[0], 'another client, another target').not.toBe(first[0]);
  });

  it('says that targets of a group nobody uses are unused', async () => {
    const { client } = rig();
    const { arn, groupArn } = await balancer(client);
    await client.send(new RegisterTargetsCommand({ TargetGroupArn: groupArn, Targets: [{ Id: '10.0.0.1' }] }));
    await client.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    const { TargetHealthDescriptions } = await client.send(
      new DescribeTargetHealthCommand({ TargetGroupArn: groupArn }),
    );
    expect(TargetHealthDescriptions?.[0]?.TargetHealth).toMatchObject({ State: 'unused', Reason: 'Target.NotInUse' });
  });

  it('keeps a target group that is in use', async () => {
    const { client } = rig();
    const { arn, groupArn } = await balancer(client);
    await expect(client.send(new DeleteTargetGroupCommand({ TargetGroupArn: groupArn }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    await client.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    await client.send(new DeleteTargetGroupCommand({ TargetGroupArn: groupArn }));
  });

  it('pages, tags, and holds its limits', async () => {
    const { client } = rig({ pageSize: 2, quotas: { networkLoadBalancers: 3 } });
    for (const name of ['a', 'b', 'c'])
      await client.send(new CreateLoadBalancerCommand({ Name: name, Type: 'network', Subnets: ['subnet-a'] }));
    const names: unknown[] = [];
    for await (const { LoadBalancers = [] } of paginateDescribeLoadBalancers({ client }, {}))
      names.push(...LoadBalancers.map((lb) => lb.LoadBalancerName));
    expect(names).toEqual(['a', 'b', 'c']);
    await expect(
      client.send(new CreateLoadBalancerCommand({ Name: 'd', Type: 'network', Subnets: ['subnet-a'] })),
    ).rejects.toMatchObject({ name: 'TooManyLoadBalancersException' });
    const { LoadBalancers } = await client.send(new DescribeLoadBalancersCommand({ Names: ['a'] }));
    const arn = LoadBalancers?.[0]?.LoadBalancerArn as string;
    await client.send(new AddTagsCommand({ ResourceArns: [arn], Tags: [{ Key: 'k', Value: '<v>' }] }));
    const { TagDescriptions } = await client.send(new DescribeTagsCommand({ ResourceArns: [arn] }));
    expect(TagDescriptions?.[0]?.Tags).toEqual([{ Key: 'k', Value: '<v>' }]);
  });

  it('fails on request, also after the work was done', async () => {
    const { client, model } = rig({ throttle: { perSecond: 1, burst: 3 } });
    model.faults.fail('CreateLoadBalancer', { code: 'InternalFailure', status: 500, afterwards: true });
    const create = () =>
      client.send(new CreateLoadBalancerCommand({ Name: 'a', Type: 'network', Subnets: ['subnet-a'] }));
    await expect(create()).rejects.toMatchObject({ name: 'InternalFailure' });
    expect(model.state.loadBalancers.size).toBe(1);
    await create();
    expect(model.state.loadBalancers.size).toBe(1);
    await create();
    await expect(create()).rejects.toMatchObject({ name: 'Throttling' });
    expect(model.faults.calls).toHaveLength(4);
  });

  it('lets a full subnet refuse', async () => {
    const { client } = rig({ subnets: [{ id: 'subnet-a', zone: 'us-east-1a', free: 3 }] });
    await expect(balancer(client)).rejects.toMatchObject({ name: 'InvalidSubnetException' });
  });
});

describe('the model of security groups', () => {
  it('keeps rules and tags, and groups that are in use', async () => {
    const used = new Set<string>();
    const model = createEc2Rig({ clock: createManualClock(), inUse: (id) => used.has(id) });
    const client = new EC2Client({ ...clientSettings, requestHandler: model.requestHandler });
    const { GroupId } = await client.send(
      new CreateSecurityGroupCommand({
        GroupName: 'a',
        Description: 'a',
        VpcId: 'vpc-1',
        TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: 'k', Value: 'v' }] }],
      }),
    );
    await client.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      }),
    );
    const { SecurityGroups } = await client.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'tag:k', Values: ['v'] }] }),
    );
    expect(SecurityGroups?.[0]).toMatchObject({
      GroupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      Tags: [{ Key: 'k', Value: 'v' }],
    });
    used.add(GroupId as string);
    await expect(client.send(new DeleteSecurityGroupCommand({ GroupId }))).rejects.toMatchObject({
      name: 'DependencyViolation',
    });
    used.clear();
    await client.send(new DeleteSecurityGroupCommand({ GroupId }));
    expect(model.groups.size).toBe(0);
  });
});
