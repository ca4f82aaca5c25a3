/** From the places that permissions.ts names to ARNs, and from its conditions to IAM's. */
import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { workers } from '../functions.ts';
import type { Grant, Place } from '../permissions.ts';
import type { NodelessSettings } from '../settings.ts';
import type { Dns } from './dns.ts';
import type { Network } from './network.ts';
import type { Queues } from './queues.ts';
import type { State } from './state.ts';
import type { Workload } from './workload.ts';

export interface Parts {
  readonly settings: NodelessSettings;
  readonly state: State;
  readonly queues: Queues;
  readonly workload: Workload;
  readonly dns: Dns;
  readonly network: Network;
  readonly scheduleRole: iam.IRole;
  readonly customerKey?: IKey;
  readonly signingKey?: IKey;
}

export const functionName = (cluster: string, name: string): string => `nodeless-${cluster}-${name}`;
export const parametersPath = (cluster: string): string => `/nodeless/${cluster}`;
export const scheduleGroupName = (cluster: string): string => `nodeless-${cluster}`;

export function functionArn(scope: Construct, cluster: string, name: string): string {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:lambda:${region}:${account}:function:${functionName(cluster, name)}`;
}

/** ARNs of each place. Functions are named, not referred to: a role would otherwise wait for what waits for it. */
function arnsOf(scope: Construct, parts: Parts): Record<Place, string[]> {
  const { partition, region, account } = Stack.of(scope);
  const { settings, state, queues, workload, dns, signingKey } = parts;
  const { cluster } = settings;
  const arn = (service: string, resource: string): string =>
    `arn:${partition}:${service}:${region}:${account}:${resource}`;
  return {
    table: [state.table.tableArn],
    stream: [state.streamArn],
    parameters: ['', '/*'].map((rest) => arn('ssm', `parameter${parametersPath(cluster)}${rest}`)),
    'service-account-key': [arn('ssm', `parameter${parametersPath(cluster)}/service-account-key`)],
    'secret-values': [arn('ssm', `parameter${parametersPath(cluster)}/values/*`)],
    'hub-parameters': [arn('ssm', `parameter${parametersPath(cluster)}/hub-*`)],
    'signing-key': signingKey ? [signingKey.keyArn] : [],
    'queue-controllers': [queues.controllers.queueArn],
    'queue-scheduler': [queues.scheduler.queueArn],
    'queue-kubelet': [queues.kubelet.queueArn],
    'queue-later': [queues.later.queueArn],
    'queue-dead': [queues.dead.queueArn],
    schedules: [arn('scheduler', `schedule/${scheduleGroupName(cluster)}/*`)],
    'schedule-role': [parts.scheduleRole.roleArn],
    timer: [functionArn(scope, cluster, 'timer')],
    'ecs-cluster': [workload.cluster.attrArn],
    tasks: [arn('ecs', `task/nodeless-${cluster}/*`)],
    'task-definitions': [arn('ecs', `task-definition/nodeless-${cluster}-*:*`)],
    'task-roles': [
      workload.executionRole.roleArn,
      workload.taskRole.roleArn,
      `arn:${partition}:iam::${account}:role/nodeless-${cluster}-pod-*`,
      ...settings.pods.roles,
    ],
    'pod-logs': [workload.logGroup.logGroupArn],
    'pull-secrets': [arn('secretsmanager', `secret:nodeless-${cluster}-registry-*`)],
    'load-balancers': ['loadbalancer', 'targetgroup', 'listener', 'listener-rule'].map((kind) =>
      arn('elasticloadbalancing', `${kind}/*`),
    ),
    'security-groups': [arn('ec2', 'security-group/*')],
    vpc: [arn('ec2', `vpc/${parts.network.vpc.vpcId}`)],
    'hosted-zone': [`arn:${partition}:route53:::hostedzone/${dns.zone.hostedZoneId}`],
    functions: workers.map((name) => functionArn(scope, cluster, name)),
    drain: [functionArn(scope, cluster, 'drain')],
    'file-systems': [arn('elasticfilesystem', 'file-system/*')],
    'load-balancing-role': [
      `arn:${partition}:iam::${account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing`,
    ],
    any: ['*'],
  };
}

type Conditions = Record<string, Record<string, string | string[]>>;

function conditionsOf(grant: Grant, parts: Parts): Conditions {
  const { cluster } = parts.settings;
  const all: Conditions = {};
  const add = (operator: string, key: string, value: string | string[]): void => {
    all[operator] = { ...all[operator], [key]: value };
  };
  for (const condition of grant.when ?? [])
    switch (condition) {
      case 'cluster-tag':
        add('StringEquals', 'aws:ResourceTag/nodeless.dev/cluster', cluster);
        break;
      case 'new-cluster-tag':
        add('StringEquals', 'aws:RequestTag/nodeless.dev/cluster', cluster);
        break;
      case 'this-ecs-cluster':
        add('ArnEquals', 'ecs:cluster', parts.workload.cluster.attrArn);
        break;
      case 'passed-to-ecs':
        add('StringEquals', 'iam:PassedToService', 'ecs-tasks.amazonaws.com');
        break;
      case 'passed-to-scheduler':
        add('StringEquals', 'iam:PassedToService', 'scheduler.amazonaws.com');
        break;
      case 'for-load-balancing':
        add('StringEquals', 'iam:AWSServiceName', 'elasticloadbalancing.amazonaws.com');
        break;
      case 'tags-a-new-task':
        add('StringEquals', 'ecs:CreateAction', ['RunTask', 'RegisterTaskDefinition']);
        break;
      case 'tags-a-new-security-group':
        add('StringEquals', 'ec2:CreateAction', 'CreateSecurityGroup');
        break;
      case 'tags-a-new-resource':
        add('StringEquals', 'aws:RequestTag/nodeless.dev/cluster', cluster);
        break;
    }
  return all;
}

/** ARNs that a grant is for. */
export function resourcesOf(scope: Construct, grant: Grant, parts: Parts): string[] {
  const arns = arnsOf(scope, parts);
  return [...new Set(grant.on.flatMap((place) => arns[place]))];
}

/** The statements of a role. */
export function statementsOf(scope: Construct, grants: readonly Grant[], parts: Parts): iam.PolicyStatement[] {
  const statements = grants
    .filter(({ setting }) => setting === undefined || parts.settings[setting])
    .map(
      (grant) =>
        new iam.PolicyStatement({
          actions: [...grant.actions],
          resources: resourcesOf(scope, grant, parts),
          conditions: conditionsOf(grant, parts),
        }),
    );
  const encrypted = grants.some(({ on }) => on.some((place) => place === 'table' || place.startsWith('queue-')));
  if (parts.customerKey && encrypted)
    statements.push(
      new iam.PolicyStatement({
        actions: [
          'kms:Decrypt',
          'kms:DescribeKey',
          'kms:Encrypt',
          'kms:GenerateDataKey',
          'kms:GenerateDataKeyWithoutPlaintext',
          'kms:ReEncryptFrom',
          'kms:ReEncryptTo',
        ],
        resources: [parts.customerKey.keyArn],
      }),
    );
  return statements;
}
