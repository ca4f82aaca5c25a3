import { describe, expect, it } from 'vitest';
import { documentedLimits } from './rigs/documented-limits/documented-limits.ts';

const container = { name: 'app', image: 'busybox' };
const fargate = {
  family: 'a',
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  cpu: '256',
  memory: '512',
  containerDefinitions: [container],
};
const withContainer = (more: object): object => ({ ...fargate, containerDefinitions: [{ ...container, ...more }] });
const record = (set: object): object => ({
  HostedZoneId: 'Z',
  ChangeBatch: { Changes: [{ Action: 'UPSERT', ResourceRecordSet: { TTL: 5, ...set } }] },
});
const values = (...all: string[]): object[] => all.map((Value) => ({ Value }));
const many = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);

/** Operation, input, and what must be said of it; nothing = accepted. */
const cases: readonly (readonly [string, object, string])[] = [
  ['ecs:RunTask', { taskDefinition: 'a', count: 10, clientToken: 'x'.repeat(64), startedBy: 'a/b_c-1' }, ''],
  ['ecs:RunTask', { count: 11 }, 'count: 1 to 10'],
  ['ecs:RunTask', { clientToken: 'x'.repeat(65) }, 'clientToken: 1 to 64'],
  ['ecs:RunTask', { startedBy: 'a.b' }, 'startedBy: 1 to 128'],
  ['ecs:RunTask', { launchType: 'FARGATE', capacityProviderStrategy: [{}] }, 'only one of them'],
  ['ecs:RunTask', { overrides: { containerOverrides: [{ name: 'x'.repeat(8192) }] } }, 'overrides: 8192'],
  [
    'ecs:RunTask',
    { networkConfiguration: { awsvpcConfiguration: { securityGroups: many(6) } } },
    'securityGroups: at most 5',
  ],
  ['ecs:RunTask', { tags: [{ key: 'aws:x', value: 'y' }] }, "tags: aws:x is AWS's own"],
  ['ecs:RunTask', { tags: [{ key: 'a', value: 'b*' }] }, 'letters, digits, spaces and _.:/=+-@ only: b*'],
  ['ecs:RegisterTaskDefinition', fargate, ''],
  ['ecs:RegisterTaskDefinition', { ...fargate, memory: '3072' }, 'cpu 256 and memory 3072: no size of Fargate'],
  ['ecs:RegisterTaskDefinition', { ...fargate, networkMode: 'bridge' }, 'networkMode: awsvpc'],
  ['ecs:RegisterTaskDefinition', { ...fargate, family: 'a.b' }, 'family: 1 to 255'],
  ['ecs:RegisterTaskDefinition', { ...fargate, ephemeralStorage: { sizeInGiB: 20 } }, 'sizeInGiB: 21 to 200'],
  ['ecs:RegisterTaskDefinition', { ...fargate, containerDefinitions: [container, container] }, 'names must differ'],
  ['ecs:RegisterTaskDefinition', withContainer({ essential: false }), 'one must be essential'],
  ['ecs:RegisterTaskDefinition', withContainer({ privileged: true }), 'privileged: not on Fargate'],
  ['ecs:RegisterTaskDefinition', withContainer({ cpu: 512 }), 'the containers ask for 512'],
  ['ecs:RegisterTaskDefinition', withContainer({ stopTimeout: 121 }), 'stopTimeout: 2 to 120'],
  ['ecs:RegisterTaskDefinition', withContainer({ dnsServers: [] }), ''],
  ['ecs:RegisterTaskDefinition', withContainer({ dnsServers: ['1.1.1.1'] }), 'dnsServers: not on Fargate'],
  [
    'ecs:RegisterTaskDefinition',
    withContainer({ linuxParameters: { capabilities: { add: ['NET_ADMIN'] } } }),
    'only SYS_PTRACE',
  ],
  ['ecs:RegisterTaskDefinition', withContainer({ linuxParameters: { tmpfs: [{}] } }), 'tmpfs: not on Fargate'],
  [
    'ecs:RegisterTaskDefinition',
    withContainer({ portMappings: [{ containerPort: 80, hostPort: 8080 }] }),
    'hostPort 8080',
  ],
  [
    'ecs:RegisterTaskDefinition',
    withContainer({ dependsOn: [{ containerName: 'b', condition: 'START' }] }),
    'no container b',
  ],
  ['ecs:RegisterTaskDefinition', withContainer({ healthCheck: { command: ['true'] } }), 'begins with CMD'],
  [
    'ecs:RegisterTaskDefinition',
    withContainer({ healthCheck: { command: ['CMD', 'true'], interval: 1 } }),
    'interval: 5 to 300',
  ],
  [
    'ecs:RegisterTaskDefinition',
    withContainer({ restartPolicy: { enabled: true, restartAttemptPeriod: 10 } }),
    '60 to 1800',
  ],
  [
    'ecs:RegisterTaskDefinition',
    withContainer({ secrets: [{ name: 'a', valueFrom: 'b' }] }),
    'executionRoleArn: needed',
  ],
  [
    'ecs:RegisterTaskDefinition',
    { ...fargate, volumes: [{ name: 'v', host: { sourcePath: '/x' } }] },
    'no path of a host',
  ],
  ['elbv2:CreateLoadBalancer', { Name: 'a', Type: 'network', Subnets: ['s'] }, ''],
  ['elbv2:CreateLoadBalancer', { Name: 'a', Subnets: ['s'] }, 'needs two zones'],
  ['elbv2:CreateLoadBalancer', { Name: 'a-', Type: 'network', Subnets: ['s'] }, 'Name: 1 to 32'],
  ['elbv2:CreateLoadBalancer', { Name: 'x'.repeat(33), Type: 'network', Subnets: ['s'] }, 'Name: 1 to 32'],
  ['elbv2:CreateTargetGroup', { Name: 'a', TargetType: 'ip' }, 'VpcId: needed'],
  ['elbv2:ModifyTargetGroup', { HealthCheckProtocol: 'TCP', HealthCheckPath: '/' }, 'HealthCheckPath: not with TCP'],
  ['elbv2:CreateListener', { Protocol: 'TLS', Port: 443 }, 'Certificates: needed'],
  ['elbv2:DescribeTags', { ResourceArns: many(21) }, 'ResourceArns: at most 20'],
  ['elbv2:ModifyTargetGroupAttributes', { Attributes: [{ Key: 'deregistration_delay', Value: '1' }] }, 'no attribute'],
  [
    'elbv2:CreateRule',
    { Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: many(6) } }] },
    'at most 5 values',
  ],
  ['route53:ChangeResourceRecordSets', record({ Name: 'a.b.', Type: 'A', ResourceRecords: values('10.0.0.1') }), ''],
  ['route53:ChangeResourceRecordSets', record({ Name: '*.b', Type: 'A', ResourceRecords: values('10.0.0.1') }), ''],
  [
    'route53:ChangeResourceRecordSets',
    record({ Name: 'a..b', Type: 'A', ResourceRecords: values('10.0.0.1') }),
    'not a name of DNS',
  ],
  [
    'route53:ChangeResourceRecordSets',
    record({ Name: 'a.b', Type: 'A', ResourceRecords: values('::1') }),
    'not of the type A',
  ],
  [
    'route53:ChangeResourceRecordSets',
    record({ Name: 'a.b', Type: 'TXT', ResourceRecords: values('x') }),
    'not of the type TXT',
  ],
  [
    'route53:ChangeResourceRecordSets',
    record({ Name: 'a.b', Type: 'A', ResourceRecords: values('10.0.0.1', '10.0.0.1') }),
    'must differ',
  ],
  [
    'route53:ChangeResourceRecordSets',
    record({ Name: 'a.b', Type: 'A', ResourceRecords: values(...many(501)) }),
    'at most 1000 records',
  ],
  ['route53:ChangeResourceRecordSets', record({ Name: 'a.b', Type: 'A' }), 'both or none'],
  ['dynamodb:PutItem', { Item: { pk: { S: 'x'.repeat(409_598) } } }, ''],
  ['dynamodb:PutItem', { Item: { pk: { S: 'x'.repeat(409_599) } } }, '400 KB'],
  [
    'dynamodb:Query',
    { KeyConditionExpression: 'pk = :a', ExpressionAttributeValues: { ':b': {} } },
    ':b is given and not used',
  ],
  ['dynamodb:Query', { KeyConditionExpression: '#p = :a', ExpressionAttributeValues: { ':a': {} } }, '#p is used'],
  [
    'dynamodb:TransactWriteItems',
    {
      TransactItems: [
        { Put: { TableName: 't', Item: { pk: { S: 'a' }, sk: { S: 'b' } } } },
        { Delete: { TableName: 't', Key: { pk: { S: 'a' }, sk: { S: 'b' } } } },
      ],
    },
    'each item once',
  ],
  ['dynamodb:TransactWriteItems', { TransactItems: [{ Put: {}, Delete: {} }] }, 'one action'],
  ['scheduler:CreateSchedule', { ScheduleExpression: 'at(2026-11-23T10:00:00)', Target: {} }, ''],
  [
    'scheduler:CreateSchedule',
    { ScheduleExpression: 'at(2026-11-23T10:00:00.000Z)', Target: {} },
    'ScheduleExpression',
  ],
  ['ssm:PutParameter', { Name: '/nodeless/a/b', Value: 'x' }, ''],
  ['ssm:PutParameter', { Name: 'nodeless/a', Value: 'x' }, 'begins with /'],
  ['ssm:PutParameter', { Name: '/ssm/a', Value: 'x' }, 'reserved'],
  ['ssm:PutParameter', { Name: '/a', Value: 'x'.repeat(4097) }, 'at most 4096 bytes'],
  ['ssm:PutParameter', { Name: '/a', Value: 'x', Overwrite: true, Tags: [] }, 'only one of them'],
  ['ec2:CreateSecurityGroup', { GroupName: 'k8s: a', Description: 'Service default/web' }, ''],
  ['ec2:CreateSecurityGroup', { GroupName: 'sg-a', Description: 'é' }, 'GroupName'],
  [
    'ec2:AuthorizeSecurityGroupIngress',
    { IpPermissions: [{ IpProtocol: 'tcp', IpRanges: [{}] }] },
    'FromPort and ToPort',
  ],
  ['ec2:DescribeSubnets', { SubnetIds: ['a'], MaxResults: 5 }, 'only one of them'],
  ['sqs:CreateQueue', { QueueName: 'a.fifo', Attributes: {} }, 'ends with .fifo'],
  ['sqs:ReceiveMessage', { QueueUrl: 'q', MaxNumberOfMessages: 11 }, '1 to 10'],
  ['unknown:Operation', { anything: true }, ''],
];

describe('limits that only the documentation has', () => {
  for (const [operation, input, wanted] of cases) {
    it(`${operation} ${JSON.stringify(input).slice(0, 60)}: ${wanted || 'accepted'}`, () => {
      const said = documentedLimits(operation, input as Record<string, unknown>);
      if (wanted === '') expect(said).toEqual([]);
      else expect(said.join('\n')).toContain(wanted);
    });
  }
});
