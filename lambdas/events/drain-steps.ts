/** What a cluster makes outside its stack, and how it is found again: by its tag, its ECS cluster, its zone. */
import {
  DeleteSecurityGroupCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import {
  DeleteTaskDefinitionsCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTaskDefinitionFamiliesCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { DeleteSecretCommand, ListSecretsCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteParametersCommand, GetParametersByPathCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { DrainStep } from './drain.ts';
import { loadBalancerSteps } from './drain-load-balancers.ts';

export interface DrainTargets {
  readonly cluster: string;
  /** ARN. */
  readonly ecsCluster: string;
  readonly hostedZone: string;
  /** Ids of the stack's groups, which network interfaces hold on to. */
  readonly securityGroups: readonly string[];
}

export interface DrainClients {
  readonly ecs: Pick<ECSClient, 'send'>;
  readonly elb: Pick<ElasticLoadBalancingV2Client, 'send'>;
  readonly ec2: Pick<EC2Client, 'send'>;
  readonly route53: Pick<Route53Client, 'send'>;
  readonly secrets: Pick<SecretsManagerClient, 'send'>;
  readonly ssm: Pick<SSMClient, 'send'>;
}

export const clusterTag = 'nodeless.dev/cluster';

export function drainSteps(clients: DrainClients, targets: DrainTargets): DrainStep[] {
  return [
    { name: 'tasks', rank: 1, clear: () => clearTasks(clients.ecs, targets.ecsCluster) },
    ...loadBalancerSteps(clients.elb, targets.cluster),
    { name: 'DNS records', rank: 1, clear: () => clearRecords(clients.route53, targets.hostedZone) },
    { name: 'pull secrets', rank: 1, clear: () => clearSecrets(clients.secrets, targets.cluster) },
    { name: 'keys and secret values', rank: 1, clear: () => clearParameters(clients.ssm, targets.cluster) },
    { name: 'task definitions', rank: 2, clear: () => clearTaskDefinitions(clients.ecs, targets.cluster) },
    { name: 'security groups', rank: 2, clear: () => clearSecurityGroups(clients.ec2, targets) },
    {
      name: 'network interfaces',
      rank: 3,
      optional: true,
      clear: () => countInterfaces(clients.ec2, targets.securityGroups),
    },
  ];
}

/** Answers how many have not ended yet: a cluster with a task in it cannot be deleted. */
async function clearTasks(ecs: DrainClients['ecs'], cluster: string): Promise<number> {
  const running = await listTasks(ecs, cluster, 'RUNNING');
  await inChunks(running, 10, (chunk) =>
    Promise.all(
      chunk.map((task) => ecs.send(new StopTaskCommand({ cluster, task, reason: 'the cluster is being removed' }))),
    ),
  );
  let ending = 0;
  await inChunks(await listTasks(ecs, cluster, 'STOPPED'), 100, async (tasks) => {
    const { tasks: found = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks }));
    ending += found.filter(
      ({ lastStatus, taskArn }) => lastStatus !== 'STOPPED' && !running.includes(taskArn ?? ''),
    ).length;
  });
  return running.length + ending;
}

async function listTasks(
  ecs: DrainClients['ecs'],
  cluster: string,
  desiredStatus: 'RUNNING' | 'STOPPED',
): Promise<string[]> {
  const found: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ecs.send(new ListTasksCommand({ cluster, desiredStatus, nextToken }));
    found.push(...(page.taskArns ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return found;
}

/** First they are deregistered, then deleted; what is being deleted is listed no more. */
async function clearTaskDefinitions(ecs: DrainClients['ecs'], cluster: string): Promise<number> {
  const prefix = `nodeless-${cluster}-`;
  const families: string[] = [];
  for (let nextToken: string | undefined, first = true; first || nextToken; first = false) {
    const page = await ecs.send(
      new ListTaskDefinitionFamiliesCommand({ familyPrefix: prefix, status: 'ALL', nextToken }),
    );
    families.push(...(page.families ?? []));
    nextToken = page.nextToken;
  }
  let count = 0;
  for (const familyPrefix of families) {
    const active = await listDefinitions(ecs, familyPrefix, 'ACTIVE');
    const inactive = await listDefinitions(ecs, familyPrefix, 'INACTIVE');
    const [sample] = [...active, ...inactive];
    // `nodeless-a-` is how the families of a cluster `a-b` begin, too.
    if (sample === undefined || !(await isOurs(ecs, sample, cluster))) continue;
    for (const taskDefinition of active) await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
    await inChunks([...inactive, ...active], 10, (taskDefinitions) =>
      ecs.send(new DeleteTaskDefinitionsCommand({ taskDefinitions })),
    );
    count += active.length + inactive.length;
  }
  return count;
}

async function listDefinitions(
  ecs: DrainClients['ecs'],
  familyPrefix: string,
  status: 'ACTIVE' | 'INACTIVE',
): Promise<string[]> {
  const found: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ecs.send(new ListTaskDefinitionsCommand({ familyPrefix, status, nextToken }));
    found.push(...(page.taskDefinitionArns ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return found;
}

async function isOurs(ecs: DrainClients['ecs'], taskDefinition: string, cluster: string): Promise<boolean> {
  const { tags = [] } = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }));
  return tags.some(({ key, value }) => key === clusterTag && value === cluster);
}

/** A zone's own two records are not for deleting. */
async function clearRecords(route53: DrainClients['route53'], HostedZoneId: string): Promise<number> {
  const records: ResourceRecordSet[] = [];
  let start:
    | { StartRecordName?: string; StartRecordType?: ResourceRecordSet['Type']; StartRecordIdentifier?: string }
    | undefined = {};
  while (start) {
    const page: {
      ResourceRecordSets?: ResourceRecordSet[];
      IsTruncated?: boolean;
      NextRecordName?: string;
      NextRecordType?: ResourceRecordSet['Type'];
      NextRecordIdentifier?: string;
    } = await route53
      .send(new ListResourceRecordSetsCommand({ HostedZoneId, ...start }))
      .catch(goneIs('NoSuchHostedZone', {}));
    records.push(...(page.ResourceRecordSets ?? []).filter(({ Type }) => Type !== 'NS' && Type !== 'SOA'));
    start = page.IsTruncated
      ? {
          StartRecordName: page.NextRecordName,
          StartRecordType: page.NextRecordType,
          StartRecordIdentifier: page.NextRecordIdentifier,
        }
      : undefined;
  }
  await inChunks(records, 100, (chunk) =>
    route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId,
        ChangeBatch: { Changes: chunk.map((record) => ({ Action: 'DELETE', ResourceRecordSet: record })) },
      }),
    ),
  );
  return records.length;
}

async function clearSecrets(secrets: DrainClients['secrets'], cluster: string): Promise<number> {
  const found: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await secrets.send(
      new ListSecretsCommand({
        Filters: [
          { Key: 'tag-key', Values: [clusterTag] },
          { Key: 'tag-value', Values: [cluster] },
        ],
        NextToken,
      }),
    );
    // The filters take tags apart, and beginnings for wholes.
    for (const { ARN, Name, Tags = [] } of page.SecretList ?? [])
      if (
        ARN &&
        Name?.startsWith(`nodeless-${cluster}-`) &&
        Tags.some(({ Key, Value }) => Key === clusterTag && Value === cluster)
      )
        found.push(ARN);
    NextToken = page.NextToken;
  } while (NextToken);
  for (const SecretId of found)
    await secrets
      .send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }))
      .catch(goneIs('ResourceNotFoundException', undefined));
  return found.length;
}

/** What was written there by functions; what the stack holds is CloudFormation's. */
async function clearParameters(ssm: DrainClients['ssm'], cluster: string): Promise<number> {
  const path = `/nodeless/${cluster}`;
  const names = ['service-account-key', 'hub-endpoint', 'hub-ca', 'hub-authority'].map((name) => `${path}/${name}`);
  let NextToken: string | undefined;
  do {
    const page = await ssm.send(new GetParametersByPathCommand({ Path: `${path}/values`, Recursive: true, NextToken }));
    for (const { Name } of page.Parameters ?? []) if (Name) names.push(Name);
    NextToken = page.NextToken;
  } while (NextToken);
  let count = 0;
  await inChunks(names, 10, async (Names) => {
    count += (await ssm.send(new DeleteParametersCommand({ Names }))).DeletedParameters?.length ?? 0;
  });
  return count;
}

/** Those that controllers made; the stack's own are CloudFormation's. */
async function clearSecurityGroups(
  ec2: DrainClients['ec2'],
  { cluster, securityGroups }: DrainTargets,
): Promise<number> {
  const found: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: `tag:${clusterTag}`, Values: [cluster] }], NextToken }),
    );
    for (const { GroupId, Tags = [] } of page.SecurityGroups ?? [])
      if (
        GroupId &&
        !securityGroups.includes(GroupId) &&
        !Tags.some(({ Key }) => Key === 'aws:cloudformation:stack-id')
      )
        found.push(GroupId);
    NextToken = page.NextToken;
  } while (NextToken);
  for (const GroupId of found)
    await ec2
      .send(new DeleteSecurityGroupCommand({ GroupId }))
      .catch(goneIs('InvalidGroup.NotFound', undefined))
      .catch(goneIs('DependencyViolation', undefined));
  return found.length;
}

async function countInterfaces(ec2: DrainClients['ec2'], groups: readonly string[]): Promise<number> {
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'group-id', Values: [...groups] }] }),
  );
  return NetworkInterfaces.length;
}

/** For `.catch`: an error of this name means that there is nothing to do. */
export function goneIs<T>(name: string, value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && error.name === name) return value;
    throw error;
  };
}

export async function inChunks<T>(
  items: readonly T[],
  size: number,
  run: (chunk: T[]) => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < items.length; i += size) await run(items.slice(i, i + size));
}
