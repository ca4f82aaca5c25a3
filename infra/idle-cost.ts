/** What a month costs in which nothing happens: every resource of the template, by its price. A type without one is an error. */
import { freeTier, idleWork, prices } from './prices.ts';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
export interface CostedTemplate {
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface CostItem {
  readonly item: string;
  readonly quantity: string;
  /** Dollars a month in an account that has used up what is free. */
  readonly full: number;
  /** Dollars a month in an account where nothing else uses it. */
  readonly withFreeTier: number;
}

export interface IdleCost {
  readonly items: readonly CostItem[];
  readonly full: number;
  readonly withFreeTier: number;
}

/** These cost nothing while they are not used. */
const freeTypes = new Set([
  'AWS::CDK::Metadata',
  'AWS::CloudFront::Distribution',
  'AWS::DynamoDB::Table',
  'AWS::EC2::EIP',
  'AWS::EC2::EgressOnlyInternetGateway',
  'AWS::EC2::FlowLog',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::NatGateway',
  'AWS::EC2::Route',
  'AWS::EC2::RouteTable',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPC',
  'AWS::EC2::VPCCidrBlock',
  'AWS::EC2::VPCEndpoint',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::ECS::Cluster',
  'AWS::ECS::TaskDefinition',
  'AWS::Events::Rule',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::KMS::Alias',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Url',
  'AWS::Logs::LogGroup',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::SSM::Parameter',
  'AWS::Scheduler::ScheduleGroup',
  'Custom::NodelessDrain',
  'Custom::NodelessManifest',
  'Custom::NodelessSetup',
]);
const pricedTypes = new Set([
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::ECS::Service',
  'AWS::KMS::Key',
  'AWS::Route53::HostedZone',
  'AWS::SecretsManager::Secret',
  'AWS::WAFv2::WebACL',
]);

/** Throws Error that names the types whose price nobody has looked up. */
export function idleCost(template: CostedTemplate, zones = 2): IdleCost {
  const resources = Object.values(template.Resources);
  const unknown = new Set(
    resources.map(({ Type }) => Type).filter((type) => !freeTypes.has(type) && !pricedTypes.has(type)),
  );
  if (unknown.size > 0) throw new Error(`no price is known for ${[...unknown].join(', ')}`);
  const of = (type: string): Resource[] => resources.filter(({ Type }) => Type === type);
  const items: CostItem[] = [];
  const add = (item: string, quantity: string, full: number, withFreeTier = full): void => {
    if (full > 0) items.push({ item, quantity, full, withFreeTier });
  };
  /** `amount` of something of which `free` is free. */
  const addWithFree = (item: string, amount: number, free: number, price: number, quantity: string): void =>
    add(item, quantity, amount * price, Math.max(0, amount - free) * price);

  const { dynamodb, sqs, lambda, cloudwatch } = prices;
  const month = prices.hoursPerMonth;
  add(
    'Private hosted zone',
    `${of('AWS::Route53::HostedZone').length}`,
    of('AWS::Route53::HostedZone').length * prices.route53.zone,
  );

  // A stream is polled for nothing; a queue is not.
  const queues = of('AWS::Lambda::EventSourceMapping').filter(
    ({ Properties }) => Properties?.['StartingPosition'] === undefined,
  ).length;
  const polls = queues * idleWork.pollsPerQueue;
  addWithFree(
    'Polls of queues',
    polls / 1e6,
    freeTier.sqsRequests / 1e6,
    sqs.fifoMillion,
    `${queues} queues, ${(polls / 1e6).toFixed(2)} million`,
  );

  const ticking = of('AWS::Events::Rule').filter(
    ({ Properties }) => Properties?.['ScheduleExpression'] !== undefined,
  ).length;
  const ticks = ticking * idleWork.ticks;
  const invocations = ticks * idleWork.invocations;
  addWithFree(
    'Function requests',
    invocations / 1e6,
    freeTier.lambdaRequests / 1e6,
    lambda.requestMillion,
    `${invocations}`,
  );
  const gbSeconds = invocations * idleWork.seconds * idleWork.gb;
  addWithFree(
    'Function time',
    gbSeconds,
    freeTier.lambdaGbSeconds,
    lambda.gbSecond,
    `${Math.round(gbSeconds)} GB-seconds`,
  );
  const reads = ticks * idleWork.readUnits;
  add('Table reads', `${(reads / 1e6).toFixed(2)} million units`, (reads / 1e6) * dynamodb.readMillion);
  const nodes = zones * idleWork.nodesPerZone;
  const writes = ticks * nodes * idleWork.writeUnitsPerNode;
  add(
    'Table writes (node heartbeats)',
    `${nodes} nodes, ${(writes / 1e6).toFixed(2)} million units`,
    (writes / 1e6) * dynamodb.writeMillion,
  );
  addWithFree(
    'Table storage',
    idleWork.storageGb,
    freeTier.dynamodbStorageGb,
    dynamodb.storageGb,
    `${idleWork.storageGb} GB`,
  );
  const recovered = of('AWS::DynamoDB::Table').some(({ Properties }) => recovers(Properties));
  if (recovered) add('Point-in-time recovery', `${idleWork.storageGb} GB`, idleWork.storageGb * dynamodb.recoveryGb);
  addWithFree('Logs', idleWork.logsGb, freeTier.logsGb, cloudwatch.logsGb, `${idleWork.logsGb} GB`);

  const alarms = of('AWS::CloudWatch::Alarm').length;
  addWithFree('Alarms', alarms, freeTier.alarmMetrics, cloudwatch.alarmMetric, `${alarms}`);
  const dashboards = of('AWS::CloudWatch::Dashboard').length;
  addWithFree('Dashboards', dashboards, freeTier.dashboards, cloudwatch.dashboard, `${dashboards}`);
  add('Keys of your own', `${of('AWS::KMS::Key').length}`, of('AWS::KMS::Key').length * prices.kms.key);
  add(
    'Secrets',
    `${of('AWS::SecretsManager::Secret').length}`,
    of('AWS::SecretsManager::Secret').length * prices.secretsManager.secret,
  );
  for (const { Properties } of of('AWS::WAFv2::WebACL')) {
    const rules = (Properties?.['Rules'] as unknown[] | undefined)?.length ?? 0;
    add('Web ACL', `${rules} rules`, prices.waf.acl + rules * prices.waf.rule);
  }
  add(
    'NAT gateway',
    `${of('AWS::EC2::NatGateway').length}`,
    of('AWS::EC2::NatGateway').length * prices.nat.gatewayHour * month,
  );
  add(
    'Public IPv4 addresses',
    `${of('AWS::EC2::EIP').length}`,
    of('AWS::EC2::EIP').length * prices.publicIpv4Hour * month,
  );

  // The hub, on demand and with its address; Spot is cheaper by what the hour says.
  for (const { Properties } of of('AWS::ECS::TaskDefinition')) {
    const [cpu, memory] = [Number(Properties?.['Cpu']) / 1024, Number(Properties?.['Memory']) / 1024];
    const hour = cpu * prices.fargate.cpuHour + memory * prices.fargate.gbHour + prices.publicIpv4Hour;
    add('The hub', `${cpu} CPU, ${memory} GB`, hour * month);
  }

  const sum = (key: 'full' | 'withFreeTier'): number => items.reduce((total, one) => total + one[key], 0);
  return { items, full: sum('full'), withFreeTier: sum('withFreeTier') };
}

function recovers(properties: Resource['Properties']): boolean {
  const specification = properties?.['PointInTimeRecoverySpecification'] as
    | { PointInTimeRecoveryEnabled?: unknown }
    | undefined;
  return specification?.PointInTimeRecoveryEnabled === true;
}

/** Lines for people. */
export function describeIdleCost({ items, full, withFreeTier }: IdleCost): string {
  const rows = [
    ...items.map(({ item, quantity, withFreeTier: less, full: more }) => [
      item,
      quantity,
      less.toFixed(2),
      more.toFixed(2),
    ]),
    ['Total', '', withFreeTier.toFixed(2), full.toFixed(2)],
  ];
  const head = [
    `An idle month in ${prices.region}, dollars, prices of ${prices.asOf}`,
    'how much',
    'with the free tier',
    'without',
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] as string).length)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column < 2 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
        )
        .join('  '),
    )
    .join('\n');
}
