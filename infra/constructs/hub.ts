/** The hub: the API server as one small task beside the function, for clusters with many watchers (docs/adr/0035-the-hub.md). */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as assets from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import type { Variable } from '../functions.ts';
import { type Grant, permissions } from '../permissions.ts';
import { acknowledge, acknowledgeWildcards } from '../suppressions.ts';
import { type Parts, resourcesOf, statementsOf } from './places.ts';

export interface HubProps {
  readonly parts: Parts;
  readonly values: Readonly<Partial<Record<Variable, string>>>;
  /** Folder of the bundles. */
  readonly bundles: string;
}

const port = 443;
/** Beyond what the API server's function may do. */
const more: readonly Grant[] = [
  {
    actions: ['ssm:PutParameter'],
    on: ['hub-parameters'],
    why: 'hub-endpoint, hub-ca and hub-authority: where the hub answers, and with which certificate',
  },
];

export class Hub extends Construct {
  constructor(scope: Construct, id: string, { parts, values, bundles }: HubProps) {
    super(scope, id);
    const { settings, network, workload } = parts;
    const { cluster, pods, hub } = settings;
    const { region } = Stack.of(this);
    if (network.publicSubnets.length === 0)
      Annotations.of(this).addError('hub: needs a public subnet; the VPC that was given has none');

    const file = codeFile(bundles, 'hub.mjs');
    const code = new assets.Asset(this, 'Code', { path: file });
    const grants = [...permissions.apiserver, ...more];
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: `The hub of the nodeless cluster ${cluster}`,
      inlinePolicies: {
        hub: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              actions: ['s3:GetObject'],
              resources: [code.bucket.arnForObjects(code.s3ObjectKey)],
            }),
            ...statementsOf(this, grants, parts),
          ],
        }),
      },
    });
    for (const grant of grants) acknowledgeWildcards(role, resourcesOf(this, grant, parts), grant.why);

    const group = new ec2.SecurityGroup(this, 'Door', {
      vpc: network.vpc,
      description: `The Kubernetes API of the nodeless cluster ${cluster}`,
      allowAllIpv6Outbound: true,
    });
    for (const range of hub.from)
      group.addIngressRule(
        range.includes(':') ? ec2.Peer.ipv6(range) : ec2.Peer.ipv4(range),
        ec2.Port.tcp(port),
        'the Kubernetes API',
      );
    acknowledge(group, 'EC23', 'a setting (hub.from): whoever comes must show a credential, as at the function’s URL');

    const environment: Record<string, string> = {
      AWS_REGION: region,
      NODELESS_CODE: `https://${code.s3BucketName}.s3.${region}.${Stack.of(this).urlSuffix}/${code.s3ObjectKey}`,
      NODELESS_CODE_HASH: createHash('sha256').update(readFileSync(file)).digest('hex'),
      NODELESS_HUB_PORT: String(port),
    };
    const told: readonly Variable[] = [
      'NODELESS_CLUSTER',
      'NODELESS_TABLE',
      'NODELESS_PARAMETERS',
      'NODELESS_SERVICE_CIDR',
      'NODELESS_CLUSTER_DOMAIN',
      'NODELESS_SIGNING_KEY',
    ];
    for (const name of told) if (values[name] !== undefined) environment[name] = values[name];
    const task = new ecs.CfnTaskDefinition(this, 'Task', {
      family: `nodeless-${cluster}-hub`,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: String(hub.cpu),
      memory: String(hub.memory),
      runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
      taskRoleArn: role.roleArn,
      executionRoleArn: workload.executionRole.roleArn,
      containerDefinitions: [
        {
          name: 'hub',
          image: pods.agentImage,
          essential: true,
          // A quarter is left for what is not JavaScript's.
          command: [
            'node',
            `--max-old-space-size=${Math.floor(hub.memory * 0.75)}`,
            '-e',
            readFileSync(codeFile(bundles, 'loader.js'), 'utf8'),
          ],
          environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
          portMappings: [{ containerPort: port, protocol: 'tcp' }],
          readonlyRootFilesystem: false,
          logConfiguration: {
            logDriver: 'awslogs',
            options: {
              'awslogs-group': workload.logGroup.logGroupName,
              'awslogs-region': region,
              'awslogs-stream-prefix': 'hub',
            },
          },
        },
      ],
    });
    acknowledge(task, 'ECS2', 'what it is told is no secret: names and ranges of this stack');
    new ecs.CfnService(this, 'Service', {
      serviceName: `nodeless-${cluster}-hub`,
      cluster: workload.cluster.attrArn,
      taskDefinition: task.attrTaskDefinitionArn,
      desiredCount: 1,
      capacityProviderStrategy: [{ capacityProvider: hub.capacity === 'spot' ? 'FARGATE_SPOT' : 'FARGATE', weight: 1 }],
      // The next one answers, and is told of, before the last is stopped.
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: network.publicSubnets.map((subnet) => subnet.subnetId),
          securityGroups: [group.securityGroupId],
          assignPublicIp: 'ENABLED',
        },
      },
    });
  }
}

function codeFile(bundles: string, name: string): string {
  const path = join(bundles, 'hub', name);
  if (!existsSync(path)) throw new Error(`the hub is not bundled (${path} is missing): npm run bundle`);
  return path;
}
