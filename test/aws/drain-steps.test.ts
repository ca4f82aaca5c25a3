/** The drain's calls against services in memory, each request checked against AWS's own models. */
import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { drain } from '@nodeless/events/drain';
import { drainSteps } from '@nodeless/events/drain-steps';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { calledByAws, permissions } from '../../infra/permissions.ts';
import { clientSettings } from './rigs/request-handler.ts';
import { type RequestValidation, validateRequests } from './rigs/request-validation.ts';
import { addMiddleware, type SdkClient } from './rigs/sdk-middleware.ts';

type Input = Readonly<Record<string, unknown>>;
const ours = [{ Key: 'nodeless.dev/cluster', Value: 'a' }];
const theirs = [{ Key: 'nodeless.dev/cluster', Value: 'a-b' }];
const arn = (service: string, rest: string): string => `arn:aws:${service}:us-east-1:123456789012:${rest}`;
const lb = (name: string): string => arn('elasticloadbalancing', `loadbalancer/net/${name}/50dc6c495c0c9188`);
const tg = (name: string): string => arn('elasticloadbalancing', `targetgroup/${name}/73e2d6bc24d8a067`);
const definition = (name: string): string => arn('ecs', `task-definition/${name}:1`);
const failure = (name: string): Error => Object.assign(new Error(name), { name });

/** What is there, by id. Answers are those of AWS, as far as the drain asks. */
class World {
  tasks = new Map<string, 'RUNNING' | 'STOPPING' | 'STOPPED'>();
  definitions = new Map<string, 'ACTIVE' | 'INACTIVE'>();
  balancers = new Map<string, { tags: typeof ours; protected: boolean }>();
  groups = new Map<string, typeof ours>();
  records: { Name: string; Type: string }[] = [];
  secrets = new Map<string, typeof ours>();
  parameters = new Set<string>();
  securityGroups = new Map<string, { Key: string; Value: string }[]>();
  interfaces = 0;
  pageSize = 2;

  answer(service: string, operation: string, input: Input): unknown {
    const handler = (this as unknown as Record<string, ((input: Input) => unknown) | undefined>)[operation];
    if (!handler) throw new Error(`${service}:${operation} is not expected`);
    return { $metadata: {}, ...(handler.call(this, input) as object | undefined) };
  }
  private page<T>(items: T[], token: unknown): { items: T[]; next?: string } {
    const start = Number(token ?? 0);
    const next = start + this.pageSize;
    return { items: items.slice(start, next), ...(next < items.length ? { next: String(next) } : {}) };
  }

  ListTasks({ desiredStatus, nextToken }: Input) {
    const wanted = [...this.tasks].filter(([, state]) => (desiredStatus === 'RUNNING') === (state === 'RUNNING'));
    const { items, next } = this.page(wanted, nextToken);
    return { taskArns: items.map(([name]) => name), nextToken: next };
  }
  StopTask({ task }: Input) {
    this.tasks.set(task as string, 'STOPPING');
  }
  DescribeTasks({ tasks }: Input) {
    const found = (tasks as string[]).map((taskArn) => ({
      taskArn,
      lastStatus: this.tasks.get(taskArn) === 'STOPPED' ? 'STOPPED' : 'DEPROVISIONING',
    }));
    for (const { taskArn } of found) this.tasks.set(taskArn, 'STOPPED');
    return { tasks: found };
  }
  ListTaskDefinitionFamilies({ familyPrefix, nextToken }: Input) {
    const families = [
      ...new Set([...this.definitions.keys()].map((name) => (name.split('/')[1] as string).split(':')[0] as string)),
    ];
    const { items, next } = this.page(
      families.filter((name) => name.startsWith(familyPrefix as string)),
      nextToken,
    );
    return { families: items, nextToken: next };
  }
  ListTaskDefinitions({ familyPrefix, status }: Input) {
    return {
      taskDefinitionArns: [...this.definitions]
        .filter(([name, state]) => name.includes(`/${familyPrefix}:`) && state === status)
        .map(([name]) => name),
    };
  }
  DescribeTaskDefinition({ taskDefinition }: Input) {
    const value = /nodeless-(a-b|a)-/.exec(taskDefinition as string)?.[1];
    return { tags: [{ key: 'nodeless.dev/cluster', value }] };
  }
  DeregisterTaskDefinition({ taskDefinition }: Input) {
    this.definitions.set(taskDefinition as string, 'INACTIVE');
  }
  DeleteTaskDefinitions({ taskDefinitions }: Input) {
    for (const name of taskDefinitions as string[]) {
      if (this.definitions.get(name) !== 'INACTIVE') throw failure('InvalidParameterException');
      this.definitions.delete(name);
    }
  }
  DescribeLoadBalancers({ Marker }: Input) {
    const { items, next } = this.page([...this.balancers.keys()], Marker);
    return { LoadBalancers: items.map((LoadBalancerArn) => ({ LoadBalancerArn })), NextMarker: next };
  }
  DescribeTargetGroups({ Marker }: Input) {
    const { items, next } = this.page([...this.groups.keys()], Marker);
    return { TargetGroups: items.map((TargetGroupArn) => ({ TargetGroupArn })), NextMarker: next };
  }
  DescribeTags({ ResourceArns }: Input) {
    return {
      TagDescriptions: (ResourceArns as string[]).map((ResourceArn) => ({
        ResourceArn,
        Tags: this.balancers.get(ResourceArn)?.tags ?? this.groups.get(ResourceArn) ?? [],
      })),
    };
  }
  DeleteLoadBalancer({ LoadBalancerArn }: Input) {
    if (this.balancers.get(LoadBalancerArn as string)?.protected) throw failure('OperationNotPermittedException');
    this.balancers.delete(LoadBalancerArn as string);
  }
  ModifyLoadBalancerAttributes({ LoadBalancerArn }: Input) {
    this.balancers.set(LoadBalancerArn as string, { tags: ours, protected: false });
  }
  private firstTry = true;
  DeleteTargetGroup({ TargetGroupArn }: Input) {
    expect(
      [...this.balancers.values()].filter(({ tags }) => tags === ours),
      'target groups go after load balancers',
    ).toEqual([]);
    if (this.firstTry) {
      this.firstTry = false;
      throw failure('ResourceInUseException');
    }
    this.groups.delete(TargetGroupArn as string);
  }
  ListResourceRecordSets({ StartRecordName }: Input) {
    const start = StartRecordName === undefined ? 0 : this.records.findIndex(({ Name }) => Name === StartRecordName);
    const rest = this.records.slice(start + this.pageSize);
    return {
      ResourceRecordSets: this.records.slice(start, start + this.pageSize).map((record) => ({
        ...record,
        TTL: 5,
        ResourceRecords: [{ Value: record.Type === 'CNAME' ? 'example.com' : '10.0.0.1' }],
      })),
      IsTruncated: rest.length > 0,
      ...(rest[0] ? { NextRecordName: rest[0].Name, NextRecordType: rest[0].Type } : {}),
      MaxItems: 100,
    };
  }
  ChangeResourceRecordSets({ ChangeBatch }: Input) {
    for (const { ResourceRecordSet } of (
      ChangeBatch as { Changes: { ResourceRecordSet: { Name: string; Type: string } }[] }
    ).Changes)
      this.records = this.records.filter(
        ({ Name, Type }) => Name !== ResourceRecordSet.Name || Type !== ResourceRecordSet.Type,
      );
    return { ChangeInfo: {} };
  }
  ListSecrets({ NextToken }: Input) {
    const { items, next } = this.page([...this.secrets], NextToken);
    return {
      SecretList: items.map(([Name, Tags]) => ({ Name, ARN: arn('secretsmanager', `secret:${Name}-AbCdEf`), Tags })),
      NextToken: next,
    };
  }
  DeleteSecret({ SecretId }: Input) {
    this.secrets.delete(
      (SecretId as string)
        .split(':')
        .at(-1)
        ?.replace(/-AbCdEf$/, '') ?? '',
    );
  }
  GetParametersByPath({ Path, NextToken }: Input) {
    const { items, next } = this.page(
      [...this.parameters].filter((name) => name.startsWith(`${Path}/`)),
      NextToken,
    );
    return { Parameters: items.map((Name) => ({ Name })), NextToken: next };
  }
  DeleteParameters({ Names }: Input) {
    return { DeletedParameters: (Names as string[]).filter((name) => this.parameters.delete(name)) };
  }
  DescribeSecurityGroups() {
    return { SecurityGroups: [...this.securityGroups].map(([GroupId, Tags]) => ({ GroupId, Tags })) };
  }
  DeleteSecurityGroup({ GroupId }: Input) {
    this.securityGroups.delete(GroupId as string);
  }
  DescribeNetworkInterfaces() {
    return { NetworkInterfaces: Array.from({ length: this.interfaces }, () => ({})) };
  }
}

describe('the steps of a drain', () => {
  const world = new World();
  const clients = {
    ecs: new ECSClient(clientSettings),
    elb: new ElasticLoadBalancingV2Client(clientSettings),
    ec2: new EC2Client(clientSettings),
    route53: new Route53Client(clientSettings),
    secrets: new SecretsManagerClient(clientSettings),
    ssm: new SSMClient(clientSettings),
  };
  const validations: RequestValidation[] = [];
  for (const client of Object.values(clients) as unknown as SdkClient[]) {
    validations.push(validateRequests(client));
    addMiddleware(
      client,
      'world',
      async ({ service, operation, input }) => await Promise.resolve(world.answer(service, operation, input)),
    );
  }
  const run = async () => {
    const clock = createManualClock();
    const steps = drainSteps(clients, {
      cluster: 'a',
      ecsCluster: arn('ecs', 'cluster/nodeless-a'),
      hostedZone: 'Z0123456789',
      securityGroups: ['sg-0aa'],
    });
    const result = drain({ steps, clock, log: silentLogger, until: clock.now() + 800_000 });
    await clock.advance(800_000);
    return await result;
  };
  beforeEach(() => Object.assign(world, new World()));
  afterEach(() => expect(validations.flatMap(({ violations }) => violations)).toEqual([]));

  it('find nothing in an account that has nothing', async () => {
    expect(await run()).toMatchObject({ done: true, left: [] });
  });

  it('remove everything of the cluster, and nothing of another', async () => {
    for (let i = 0; i < 5; i++) world.tasks.set(arn('ecs', `task/nodeless-a/${'0'.repeat(31)}${i}`), 'RUNNING');
    for (const name of ['nodeless-a-1111', 'nodeless-a-2222', 'nodeless-a-3333', 'nodeless-a-b-4444'])
      world.definitions.set(definition(name), 'ACTIVE');
    world.definitions.set(definition('nodeless-a-5555'), 'INACTIVE');
    world.balancers.set(lb('one'), { tags: ours, protected: false });
    world.balancers.set(lb('two'), { tags: theirs, protected: false });
    world.balancers.set(lb('three'), { tags: ours, protected: true });
    world.groups.set(tg('one'), ours).set(tg('two'), theirs).set(tg('three'), ours);
    world.records = [
      { Name: 'cluster.local.', Type: 'NS' },
      { Name: 'cluster.local.', Type: 'SOA' },
      { Name: 'web.default.svc.cluster.local.', Type: 'A' },
      { Name: 'db.default.svc.cluster.local.', Type: 'A' },
      { Name: 'v6.default.svc.cluster.local.', Type: 'CNAME' },
    ];
    world.secrets
      .set('nodeless-a-registry-1', ours)
      .set('nodeless-a-b-registry-1', theirs)
      .set('mine', [{ Key: 'x', Value: 'a' }]);
    for (const name of [
      'a/service-account-key',
      'a/values/1',
      'a/values/2',
      'a/values/3',
      'a/hub-endpoint',
      'a/hub-authority',
      'a/endpoint',
      'a-b/values/1',
    ])
      world.parameters.add(`/nodeless/${name}`);
    world.securityGroups.set('sg-0aa', ours);
    world.securityGroups.set('sg-0bb', ours);
    world.securityGroups.set('sg-0cc', [...ours, { Key: 'aws:cloudformation:stack-id', Value: 'x' }]);

    expect(await run()).toMatchObject({
      done: true,
      left: [],
      removed: { tasks: 5, 'load balancers': 2, 'target groups': 2, 'DNS records': 3 },
    });
    expect([...world.tasks.values()]).toEqual(Array.from({ length: 5 }, () => 'STOPPED'));
    expect([...world.definitions.keys()]).toEqual([definition('nodeless-a-b-4444')]);
    expect([...world.balancers.keys()]).toEqual([lb('two')]);
    expect([...world.groups.keys()]).toEqual([tg('two')]);
    expect(world.records.map(({ Type }) => Type)).toEqual(['NS', 'SOA']);
    expect([...world.secrets.keys()]).toEqual(['nodeless-a-b-registry-1', 'mine']);
    expect([...world.parameters]).toEqual(['/nodeless/a/endpoint', '/nodeless/a-b/values/1']);
    expect([...world.securityGroups.keys()]).toEqual(['sg-0aa', 'sg-0cc']);
  });

  it('call what the role of the drain allows, and no more is allowed', () => {
    const prefixes: Record<string, string> = { elbv2: 'elasticloadbalancing' };
    const called = new Set(
      validations
        .flatMap(({ operations }) => [...operations])
        .map((name) => name.replace(/^[^:]+/, (service) => prefixes[service] ?? service)),
    );
    const allowed = new Set(permissions.drain.flatMap(({ actions }) => actions));
    expect([...called].filter((action) => !allowed.has(action))).toEqual([]);
    // By the handler itself, without these clients.
    const byHandler = ['lambda:PutFunctionConcurrency', 'lambda:InvokeFunction'];
    expect(
      [...allowed].filter(
        (action) => !called.has(action) && !byHandler.includes(action) && !calledByAws.includes(action),
      ),
    ).toEqual([]);
  });
});
