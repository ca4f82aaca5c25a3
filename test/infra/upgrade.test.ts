import { describe, expect, it } from 'vitest';
import { ofType, synthesise, type TemplateJson } from './synthesise.ts';
import type { NodelessStackProps } from '../../infra/nodeless-stack.ts';

/** Names in the template of what holds state, or what pods stand in. CloudFormation makes a resource anew when its name changes. */
const pinned: Record<string, string> = {
  ClusterStateTable13E806D3: 'AWS::DynamoDB::Table',
  ClusterNetworkVpcC6C4EC94: 'AWS::EC2::VPC',
  ClusterWorkloadClusterECF06A57: 'AWS::ECS::Cluster',
  ClusterWorkloadLogsD16D4154: 'AWS::Logs::LogGroup',
  ClusterDnsZone978422CB: 'AWS::Route53::HostedZone',
  ClusterQueuesControllers18CA37B5: 'AWS::SQS::Queue',
  ClusterQueuesScheduler5A873D0F: 'AWS::SQS::Queue',
  ClusterQueuesKubelet86F8F6CA: 'AWS::SQS::Queue',
  ClusterQueuesLater90BA86C9: 'AWS::SQS::Queue',
  ClusterQueuesDeadFifo6D5C9883: 'AWS::SQS::Queue',
  ClusterQueuesDeadC03CB489: 'AWS::SQS::Queue',
  ClusterDeliverySchedules3DCED508: 'AWS::Scheduler::ScheduleGroup',
  ClusterApiServerFunctionFunctionUrl4D7594F0: 'AWS::Lambda::Url',
};
const pinnedKeys: Record<string, string> = { ClusterKey: 'AWS::KMS::Key', ClusterSigningKey: 'AWS::KMS::Key' };

/** Properties that CloudFormation changes only by making the resource anew. */
const replacing: Record<string, readonly string[]> = {
  'AWS::DynamoDB::Table': ['TableName', 'KeySchema', 'LocalSecondaryIndexes'],
  'AWS::EC2::VPC': ['CidrBlock'],
  'AWS::EC2::VPCCidrBlock': ['CidrBlock', 'AmazonProvidedIpv6CidrBlock', 'VpcId'],
  'AWS::EC2::Subnet': ['AvailabilityZone', 'CidrBlock', 'Ipv6CidrBlock', 'VpcId'],
  'AWS::EC2::SecurityGroup': ['GroupDescription', 'GroupName', 'VpcId'],
  'AWS::ECS::Cluster': ['ClusterName'],
  'AWS::KMS::Key': ['KeySpec', 'KeyUsage', 'MultiRegion'],
  'AWS::Route53::HostedZone': ['Name'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::Lambda::Function': ['FunctionName', 'PackageType'],
  'AWS::Lambda::Url': ['TargetFunctionArn'],
  'AWS::SSM::Parameter': ['Name'],
  'AWS::IAM::Role': ['RoleName', 'Path'],
  'AWS::Scheduler::ScheduleGroup': ['Name'],
};

/** What would be made anew or removed by going from one template to the other. */
function losses(before: TemplateJson, after: TemplateJson): string[] {
  return Object.entries(before.Resources).flatMap(([name, { Type, Properties = {} }]) => {
    const properties = replacing[Type];
    if (!properties) return [];
    const next = after.Resources[name];
    if (!next) return [`${name} (${Type}) is removed`];
    return properties
      .filter((property) => JSON.stringify(Properties[property]) !== JSON.stringify(next.Properties[property]))
      .map((property) => `${name} (${Type}) is made anew for its ${property}`);
  });
}

describe('another deploy', () => {
  const base = synthesise();

  it('knows what holds state by the same names', () => {
    const found = Object.fromEntries(Object.keys(pinned).map((name) => [name, base.Resources[name]?.Type]));
    expect(found).toEqual(pinned);
    const keys = ofType(synthesise({ customerKey: true, signingKeyInKms: true }), 'AWS::KMS::Key');
    expect(keys.map(([name, { Type }]) => [name.slice(0, -8), Type])).toEqual(Object.entries(pinnedKeys));
  });

  const changes: Record<string, NodelessStackProps> = {
    'more zones': { network: { zones: 4 } },
    'IPv6 as the way out': { network: { egress: 'ipv6' } },
    'NAT as the way out': { network: { egress: 'nat' } },
    'flow logs': { network: { flowLogs: true } },
    'an edge': { exposure: 'edge', waf: true },
    'a hub': { hub: { enabled: true } },
    'keys of its own': { customerKey: true, signingKeyInKms: true },
    'more monitoring': { monitoring: { alarmEmails: ['a@example.com'], killSwitch: true } },
    'less monitoring': { monitoring: { alarms: false, dashboard: false } },
    'another architecture and agent': {
      pods: { architecture: 'arm64', agentImage: 'node:24', containerInsights: true },
    },
    'other admins': { admins: ['arn:aws:iam::123456789012:role/ops'], adminRole: true },
    'other retention': { logRetentionDays: 7 },
    'another way to end': { state: { removal: 'destroy' } },
    'without recovery': { state: { pointInTimeRecovery: false } },
    tags: { tags: { team: 'a' } },
    'reserved concurrency': { reservedConcurrency: { apiserver: 50 } },
  };
  for (const [name, options] of Object.entries(changes))
    it(`with ${name} makes nothing anew and removes nothing that holds state`, () => {
      expect(losses(base, synthesise(options))).toEqual([]);
    });

  it('would be found out: a domain cannot be changed in place', () => {
    expect(losses(base, synthesise({ network: { clusterDomain: 'other.local' } }))).toEqual([
      expect.stringContaining('AWS::Route53::HostedZone'),
    ]);
  });
});
