import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { type FunctionName, functions } from '../../infra/functions.ts';
import { permissions } from '../../infra/permissions.ts';
import { ofType, type Resource, synthesise, type TemplateJson } from './synthesise.ts';

const template = synthesise();
const assertions = Template.fromJSON(template as unknown as Record<string, unknown>);

function functionNamed(name: FunctionName, of: TemplateJson = template): Resource {
  const found = ofType(of, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties['FunctionName'] === `nodeless-main-${name}`,
  );
  if (!found) throw new Error(`there is no function ${name}`);
  return found[1];
}
interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}
function statementsOf(name: FunctionName, of: TemplateJson = template): Statement[] {
  const role = (functionNamed(name, of).Properties['Role'] as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0];
  const policies = of.Resources[role]?.Properties['Policies'] as { PolicyDocument: { Statement: Statement[] } }[];
  return policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}
const actionsOf = (statement: Statement): string[] => [statement.Action].flat();

describe('the table', () => {
  it('is kept, protected, recoverable and streams what it gains', () => {
    assertions.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
        TimeToLiveSpecification: { AttributeName: 'x', Enabled: true },
      },
    });
  });

  it('goes with its stack when that is asked for', () => {
    Template.fromJSON(synthesise({ state: { removal: 'destroy' } }) as never).hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Delete',
      Properties: Match.objectLike({ DeletionProtectionEnabled: false }),
    });
  });

  it('of an earlier cluster is taken over', () => {
    const streamArn = 'arn:aws:dynamodb:us-east-1:123456789012:table/nodeless-main-old/stream/2026-11-01T00:00:00.000';
    const taken = synthesise({ state: { existing: { tableName: 'nodeless-main-old', streamArn } } });
    expect(ofType(taken, 'AWS::DynamoDB::Table')).toEqual([]);
    expect(JSON.stringify(functionNamed('apiserver', taken))).toContain('nodeless-main-old');
    Template.fromJSON(taken as never).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: streamArn,
    });
  });
});

describe('delivery', () => {
  it('takes only what the log gains, and gives up in the end', () => {
    assertions.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'TRIM_HORIZON',
      FilterCriteria: {
        Filters: [
          {
            Pattern: JSON.stringify({ eventName: ['INSERT'], dynamodb: { Keys: { pk: { S: [{ prefix: 'LOG#' }] } } } }),
          },
        ],
      },
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 10,
      MaximumRecordAgeInSeconds: 3600,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
    });
  });

  it('hides messages six times as long as their function may run', () => {
    const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping').filter(
      ([, { Properties }]) => Properties['StartingPosition'] === undefined,
    );
    expect(mappings).toHaveLength(4);
    for (const [, { Properties }] of mappings) {
      const queue = template.Resources[(Properties['EventSourceArn'] as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0]];
      const target = template.Resources[(Properties['FunctionName'] as { Ref: string }).Ref];
      expect(queue?.Properties['VisibilityTimeout']).toBe(6 * (target?.Properties['Timeout'] as number));
      expect(queue?.Properties['RedrivePolicy']).toMatchObject({ maxReceiveCount: 5 });
      expect(Properties['FunctionResponseTypes']).toEqual(['ReportBatchItemFailures']);
      expect((Properties['ScalingConfig'] as { MaximumConcurrency: number }).MaximumConcurrency).toBeGreaterThanOrEqual(
        2,
      );
    }
  });

  it('uses high-throughput FIFO queues', () => {
    const fifo = ofType(template, 'AWS::SQS::Queue').filter(([, { Properties }]) => Properties['FifoQueue'] === true);
    expect(fifo).toHaveLength(4);
    for (const [, { Properties }] of fifo)
      expect(Properties).toMatchObject({
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
      });
  });

  it('ticks, and hears of tasks of its own cluster only', () => {
    assertions.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(5 minutes)',
      Targets: [Match.objectLike({ Input: '{"tick":true}' })],
    });
    assertions.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.ecs'],
        'detail-type': ['ECS Task State Change'],
        detail: { clusterArn: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^ClusterWorkloadCluster'), 'Arn'] }] },
      },
    });
  });
});

describe('functions', () => {
  it('run Node 24 on arm64, each with its own role, log group and limits', () => {
    const made = ofType(template, 'AWS::Lambda::Function');
    expect(made.map(([, { Properties }]) => Properties['FunctionName']).toSorted()).toEqual(
      Object.keys(functions)
        .map((name) => `nodeless-main-${name}`)
        .toSorted(),
    );
    const roles = new Set<string>();
    for (const name of Object.keys(functions) as FunctionName[]) {
      const { Properties } = functionNamed(name);
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Timeout: functions[name].timeout,
        MemorySize: functions[name].memory,
      });
      expect(Properties['LoggingConfig']).toBeDefined();
      expect(Properties['ReservedConcurrentExecutions']).toBeUndefined();
      roles.add(JSON.stringify(Properties['Role']));
    }
    expect(roles.size).toBe(made.length);
  });

  it('may do only what permissions.ts lists', () => {
    for (const name of Object.keys(functions) as FunctionName[]) {
      const allowed = new Set([
        ...permissions[name].filter(({ setting }) => !setting).flatMap(({ actions }) => actions),
        'logs:CreateLogStream',
        'logs:PutLogEvents',
      ]);
      expect(new Set(statementsOf(name).flatMap(actionsOf)), name).toEqual(allowed);
    }
  });

  it('may change nothing of others: whatever is not tied to a resource is tied by a condition, or only reads', () => {
    for (const name of Object.keys(functions) as FunctionName[])
      for (const statement of statementsOf(name)) {
        if (statement.Resource !== '*' || statement.Condition) continue;
        // IAM knows no resource for these two; the second takes only what the first made.
        const exceptions = ['ecs:RegisterTaskDefinition', 'ecs:DeregisterTaskDefinition', 'ecs:DeleteTaskDefinitions'];
        for (const action of actionsOf(statement))
          expect(exceptions.includes(action) || /:(?:Describe|List|Get)/.test(action), `${name}: ${action}`).toBe(true);
      }
  });

  it('pass roles to ECS and to schedules only', () => {
    const passing = (Object.keys(functions) as FunctionName[]).flatMap((name) =>
      statementsOf(name).filter((one) => actionsOf(one).includes('iam:PassRole')),
    );
    expect(passing.length).toBeGreaterThan(0);
    for (const { Condition } of passing)
      expect(['ecs-tasks.amazonaws.com', 'scheduler.amazonaws.com']).toContain(
        Condition?.['StringEquals']?.['iam:PassedToService'],
      );
  });

  it('have reserved concurrency where it is set', () => {
    expect(
      functionNamed('apiserver', synthesise({ reservedConcurrency: { apiserver: 20 } })).Properties[
        'ReservedConcurrentExecutions'
      ],
    ).toBe(20);
  });
});

describe('the API', () => {
  it('streams from a URL that authenticates by itself', () => {
    assertions.allResourcesProperties('AWS::Lambda::Url', { AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM' });
    assertions.resourceCountIs('AWS::Lambda::Url', 2);
    assertions.resourceCountIs('AWS::CloudFront::Distribution', 0);
  });

  it('is known by a parameter, without a slash at its end', () => {
    assertions.hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/nodeless/main/endpoint',
      Value: { 'Fn::Join': ['', ['https://', { 'Fn::Select': [2, { 'Fn::Split': ['/', Match.anyValue()] }] }]] },
    });
  });

  it('behind an edge is asked by CloudFront with a secret', () => {
    const edge = synthesise({ exposure: 'edge', waf: true });
    const match = Template.fromJSON(edge as never);
    match.hasResourceProperties('AWS::CloudFront::Distribution', {
      DistributionConfig: Match.objectLike({
        Origins: [
          Match.objectLike({
            OriginCustomHeaders: [{ HeaderName: 'x-nodeless-origin', HeaderValue: Match.anyValue() }],
          }),
        ],
        DefaultCacheBehavior: Match.objectLike({ AllowedMethods: Match.arrayWith(['PATCH', 'DELETE']) }),
        WebACLId: Match.anyValue(),
      }),
    });
    const environment = (
      functionNamed('apiserver', edge).Properties['Environment'] as { Variables: Record<string, unknown> }
    ).Variables;
    expect(JSON.stringify(environment['NODELESS_ORIGIN_SECRET'])).toContain('resolve:secretsmanager');
    expect(JSON.stringify(ofType(edge, 'AWS::SSM::Parameter'))).toContain('DomainName');
  });

  it('behind WAF is for us-east-1', async () => {
    const { NodelessStack } = await import('../../infra/nodeless-stack.ts');
    const { standInBundles, testApp } = await import('./synthesise.ts');
    const make = (region: string) => () =>
      new NodelessStack(testApp(), 'S', {
        env: { region, account: '123456789012' },
        bundles: standInBundles(),
        exposure: 'edge',
        waf: true,
      });
    expect(make('eu-central-1')).toThrow('us-east-1');
    expect(make('us-east-1')).not.toThrow();
  });
});

describe('what pods stand in', () => {
  it('has no NAT and no interface endpoint by default', () => {
    assertions.resourceCountIs('AWS::EC2::NatGateway', 0);
    assertions.resourceCountIs('AWS::EC2::EIP', 0);
    assertions.allResourcesProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
    assertions.resourceCountIs('AWS::EC2::VPCEndpoint', 2);
  });

  it('lets nothing in from elsewhere', () => {
    for (const [, { Properties }] of ofType(template, 'AWS::EC2::SecurityGroup'))
      expect(JSON.stringify(Properties['SecurityGroupIngress'] ?? [])).not.toMatch(/CidrIp/);
    for (const [, { Properties }] of ofType(template, 'AWS::EC2::SecurityGroupIngress'))
      expect(Properties['SourceSecurityGroupId']).toBeDefined();
  });

  it('has the range of Services as subnets of its own', () => {
    const ranges = ofType(template, 'AWS::EC2::Subnet').map(([, { Properties }]) => Properties['CidrBlock']);
    expect(ranges).toEqual(expect.arrayContaining(['10.96.0.0/17', '10.96.128.0/17']));
  });

  it('gives tasks no rights, and Spot beside on demand', () => {
    const [, role] =
      ofType(template, 'AWS::IAM::Role').find(([name]) => name.startsWith('ClusterWorkloadTaskRole')) ?? [];
    expect(role?.Properties['Policies'] ?? role?.Properties['ManagedPolicyArns']).toBeUndefined();
    assertions.hasResourceProperties('AWS::ECS::Cluster', { CapacityProviders: ['FARGATE', 'FARGATE_SPOT'] });
  });

  for (const [egress, assign] of [
    ['publicIp', 'ENABLED'],
    ['ipv6', 'DISABLED'],
    ['nat', 'DISABLED'],
  ] as const)
    it(`runs tasks where ${egress} leads out`, () => {
      const made = synthesise({ network: { egress } });
      const variables = (
        functionNamed('virtual-kubelet', made).Properties['Environment'] as { Variables: Record<string, unknown> }
      ).Variables;
      expect(variables['NODELESS_ASSIGN_PUBLIC_IP']).toBe(assign);
      expect(JSON.stringify(variables['NODELESS_SUBNETS'])).toContain(
        egress === 'publicIp' ? 'publicSubnet1' : 'privateSubnet1',
      );
    });
});

describe('the end', () => {
  it('drains before anything else goes', () => {
    const [name, drain] = ofType(template, 'Custom::NodelessDrain')[0] as [string, Resource];
    const before = new Set([drain.DependsOn ?? []].flat());
    const needed = [
      'AWS::DynamoDB::Table',
      'AWS::ECS::Cluster',
      'AWS::Route53::HostedZone',
      'AWS::EC2::VPC',
      'AWS::EC2::Subnet',
      'AWS::EC2::SecurityGroup',
      'AWS::SQS::Queue',
      'Custom::NodelessSetup',
      'AWS::Lambda::Function',
      'AWS::Lambda::EventSourceMapping',
    ];
    for (const type of needed)
      for (const [one] of ofType(template, type))
        expect(before.has(one) || one === name, `${one} (${type})`).toBe(true);
    expect(drain.Properties).toMatchObject({
      Cluster: 'main',
      Functions: expect.arrayContaining(['nodeless-main-dispatcher', 'nodeless-main-apiserver']) as unknown,
    });
  });

  it('leaves only the table', () => {
    const kept = Object.entries(template.Resources).filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain');
    expect(kept.map(([, { Type }]) => Type)).toEqual(['AWS::DynamoDB::Table']);
  });
});

describe('monitoring', () => {
  it('has ten alarms at most, each with what to do', () => {
    const alarms = ofType(template, 'AWS::CloudWatch::Alarm');
    expect(alarms.length).toBeLessThanOrEqual(10);
    expect(alarms.length).toBeGreaterThan(5);
    for (const [, { Properties }] of alarms) expect(String(Properties['AlarmDescription']).length).toBeGreaterThan(20);
  });

  it('stops the API by the bill guard only when that is wanted', () => {
    const guard = (of: TemplateJson): Resource =>
      ofType(of, 'AWS::CloudWatch::Alarm').find(
        ([, { Properties }]) => Properties['AlarmName'] === 'nodeless-main-bill-guard',
      )?.[1] as Resource;
    expect(guard(template).Properties['AlarmActions']).toBeUndefined();
    const armed = synthesise({ monitoring: { killSwitch: true, billGuardRequestsPerHour: 5 } });
    expect(guard(armed).Properties).toMatchObject({
      Threshold: 5,
      AlarmActions: [{ 'Fn::GetAtt': [expect.stringContaining('Drain'), 'Arn'] }],
    });
    Template.fromJSON(armed as never).hasResourceProperties('AWS::Lambda::Permission', {
      Principal: 'lambda.alarms.cloudwatch.amazonaws.com',
    });
  });
});

describe('names', () => {
  it('of what is not of a region hold the region', () => {
    const global = ['AWS::IAM::Role', 'AWS::CloudWatch::Dashboard', 'AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'];
    const named = global
      .flatMap((type) => ofType(template, type))
      .flatMap(([, { Properties }]) => Properties['RoleName'] ?? Properties['DashboardName'] ?? []);
    expect(named).toHaveLength(2);
    for (const name of named) expect(JSON.stringify(name)).toContain('{"Ref":"AWS::Region"}');
  });
});

describe('tags', () => {
  it('name the cluster on everything that takes them', () => {
    const tagged = synthesise({ cluster: 'blue', tags: { team: 'web' } });
    const types = [
      'AWS::DynamoDB::Table',
      'AWS::SQS::Queue',
      'AWS::Lambda::Function',
      'AWS::ECS::Cluster',
      'AWS::EC2::VPC',
      'AWS::EC2::SecurityGroup',
      'AWS::IAM::Role',
      'AWS::Logs::LogGroup',
      'AWS::Route53::HostedZone',
      'AWS::SSM::Parameter',
      'AWS::CloudWatch::Alarm',
      'AWS::Events::Rule',
      'AWS::Scheduler::ScheduleGroup',
    ];
    for (const type of types)
      for (const [name, { Properties }] of ofType(tagged, type)) {
        const tags = Properties['Tags'] ?? Properties['HostedZoneTags'];
        const list = Array.isArray(tags)
          ? Object.fromEntries((tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]))
          : tags;
        expect(list, `${name} (${type})`).toMatchObject({ 'nodeless.dev/cluster': 'blue', team: 'web' });
      }
  });
});

it('a template tells what it was made from, for the next deploy', () => {
  const { Metadata } = synthesise({
    cluster: 'blue',
    network: { egress: 'ipv6' },
    tags: { team: 'web' },
  }) as TemplateJson & { Metadata: unknown };
  expect(Metadata).toMatchObject({
    nodeless: { options: { cluster: 'blue', network: { egress: 'ipv6' }, tags: { team: 'web' } } },
  });
  expect(JSON.stringify(Metadata)).not.toContain('/');
});

it('a template is the same whenever and wherever it is made', () => {
  const again = synthesise();
  expect(again).toEqual(template);
  expect(JSON.stringify(template)).not.toContain(process.cwd());
  expect(new Stack(new App(), 'x').region).toContain('Token');
});
