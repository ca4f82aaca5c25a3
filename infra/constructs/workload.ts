/** What tasks run in and as: the ECS cluster, the roles of tasks, the log group of containers. */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { NodelessSettings } from '../settings.ts';
import { acknowledge, acknowledgeWildcards } from '../suppressions.ts';

export class Workload extends Construct {
  readonly cluster: ecs.CfnCluster;
  readonly executionRole: iam.Role;
  readonly taskRole: iam.Role;
  readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, { settings, key }: { settings: NodelessSettings; key?: IKey }) {
    super(scope, id);
    const { cluster: name, pods, logRetentionDays } = settings;
    const { partition, region, account } = Stack.of(this);
    // Capacity providers as a property of the cluster itself: one resource less, and nothing between making it and using it.
    this.cluster = new ecs.CfnCluster(this, 'Cluster', {
      clusterName: `nodeless-${name}`,
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
      defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
      clusterSettings: [{ name: 'containerInsights', value: pods.containerInsights ? 'enabled' : 'disabled' }],
    });
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: `/nodeless/${name}/pods`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
      encryptionKey: key,
    });
    // A confused deputy of another account's ECS must not use these roles.
    const tasks = new iam.ServicePrincipal('ecs-tasks.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    });
    this.taskRole = new iam.Role(this, 'TaskRole', {
      assumedBy: tasks,
      description: `Pods of the nodeless cluster ${name} that name no role: it may do nothing`,
    });
    const repositories = `arn:${partition}:ecr:*:*:repository/*`;
    const pullSecrets = `arn:${partition}:secretsmanager:${region}:${account}:secret:nodeless-${name}-registry-*`;
    const values = `arn:${partition}:ssm:${region}:${account}:parameter/nodeless/${name}/values/*`;
    this.executionRole = new iam.Role(this, 'ExecutionRole', {
      assumedBy: tasks,
      description: `ECS pulls images and writes logs for the nodeless cluster ${name}`,
      inlinePolicies: {
        pull: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }),
            new iam.PolicyStatement({
              actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
              resources: [repositories],
            }),
            new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [pullSecrets] }),
            new iam.PolicyStatement({ actions: ['ssm:GetParameters'], resources: [values] }),
            new iam.PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [this.logGroup.logGroupArn],
            }),
          ],
        }),
      },
    });
    acknowledgeWildcards(
      this.executionRole,
      ['*', repositories],
      'images may be in any repository that shares with this account; asking for a login knows no resource',
    );
    acknowledgeWildcards(
      this.executionRole,
      [pullSecrets, values],
      'imagePullSecrets and values of Secrets of this cluster',
    );
    if (!pods.containerInsights)
      acknowledge(
        this.cluster,
        'ECS4',
        'a setting: Container Insights cost by the metric, and an idle cluster is to cost nothing',
      );
  }
}
