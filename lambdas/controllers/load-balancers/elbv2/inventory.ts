/** What of an owner stands in AWS, found by its tags alone: nothing else has to be remembered. */
import { DescribeSecurityGroupsCommand, type EC2Client, type SecurityGroup } from '@aws-sdk/client-ec2';
import type { LoadBalancer, TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { StackOwner } from './desired-stack.ts';
import {
  clusterTag,
  identityTags,
  isTargetGroupFor,
  maybeLoadBalancerOf,
  maybeTargetGroupOf,
  ownerFromTags,
} from './names.ts';
import type { Reads, TagMap } from './reads.ts';

export interface Found<T> {
  readonly item: T;
  readonly tags: TagMap;
}

export interface Inventory {
  readonly loadBalancers: readonly Found<LoadBalancer>[];
  readonly targetGroups: readonly Found<TargetGroup>[];
  readonly securityGroups: readonly SecurityGroup[];
  /** Of load balancers that others have: not to be taken by name. */
  readonly foreignNames: ReadonlySet<string>;
}

export interface InventoryReader {
  find(owner: StackOwner): Promise<Inventory>;
  /** Owners of whatever carries the cluster's tag. */
  owners(): Promise<readonly StackOwner[]>;
  /** Target groups that take traffic for the pods of a Service (`<namespace>/<name>`), whoever owns them. */
  backendGroups(backend: string): Promise<readonly TargetGroup[]>;
}

export function createInventoryReader(options: {
  readonly cluster: string;
  readonly reads: Reads;
  readonly ec2: EC2Client;
}): InventoryReader {
  const { cluster, reads, ec2 } = options;
  const matches = (tags: TagMap | undefined, wanted: Readonly<Record<string, string>>): boolean =>
    Object.entries(wanted).every(([key, value]) => tags?.get(key) === value);

  const securityGroups = async (wanted: Readonly<Record<string, string>>): Promise<SecurityGroup[]> => {
    const found: SecurityGroup[] = [];
    let NextToken: string | undefined;
    do {
      const answer = await ec2.send(
        new DescribeSecurityGroupsCommand({
          Filters: Object.entries(wanted).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
          NextToken,
        }),
      );
      found.push(...(answer.SecurityGroups ?? []));
      NextToken = answer.NextToken;
    } while (NextToken);
    return found;
  };
  const candidates = async (
    owner: StackOwner | undefined,
  ): Promise<{
    all: LoadBalancer[];
    loadBalancers: LoadBalancer[];
    groups: TargetGroup[];
    tags: ReadonlyMap<string, TagMap>;
  }> => {
    const all = await reads.loadBalancers();
    const loadBalancers = all.filter((lb) => maybeLoadBalancerOf(cluster, owner, lb.LoadBalancerName ?? ''));
    const groups = (await reads.targetGroups()).filter((g) =>
      maybeTargetGroupOf(cluster, owner, g.TargetGroupName ?? ''),
    );
    const tags = await reads.tags([
      ...loadBalancers.map((lb) => lb.LoadBalancerArn ?? ''),
      ...groups.map((group) => group.TargetGroupArn ?? ''),
    ]);
    return { all, loadBalancers, groups, tags };
  };

  return {
    async find(owner) {
      const wanted = identityTags(cluster, owner);
      const { all, loadBalancers, groups, tags } = await candidates(owner);
      const mine = loadBalancers.filter((lb) => matches(tags.get(lb.LoadBalancerArn ?? ''), wanted));
      return {
        loadBalancers: mine.map((item) => ({ item, tags: tags.get(item.LoadBalancerArn ?? '') as TagMap })),
        targetGroups: groups
          .filter((group) => matches(tags.get(group.TargetGroupArn ?? ''), wanted))
          .map((item) => ({ item, tags: tags.get(item.TargetGroupArn ?? '') as TagMap })),
        securityGroups: await securityGroups(wanted),
        foreignNames: new Set(all.filter((lb) => !mine.includes(lb)).map((lb) => lb.LoadBalancerName ?? '')),
      };
    },
    async owners() {
      const { tags } = await candidates(undefined);
      const groups = await securityGroups({ [clusterTag]: cluster });
      const tagged = [
        ...[...tags.values()].filter((one) => one.get(clusterTag) === cluster),
        ...groups.map(({ Tags = [] }): TagMap => new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value]))),
      ];
      const found = new Map<string, StackOwner>();
      for (const one of tagged) {
        const owner = ownerFromTags(one);
        if (owner) found.set(`${owner.kind} ${owner.id}`, owner);
      }
      return [...found.values()];
    },
    async backendGroups(backend) {
      return (await reads.targetGroups()).filter((group) =>
        isTargetGroupFor(cluster, backend, group.TargetGroupName ?? ''),
      );
    },
  };
}
