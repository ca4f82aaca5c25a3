/**
 * Brings one owner's load balancer and all that belongs to it to what is wanted, from whatever is there. Nothing is remembered
 * that tags do not tell, so a lost answer, a crash between two calls or a lost cluster leave nothing behind that the next run
 * does not find. First what is new is put in place; what is surplus goes only when the new load balancer works.
 */
import type { EC2Client } from '@aws-sdk/client-ec2';
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  DescribeLoadBalancerAttributesCommand,
  type ElasticLoadBalancingV2Client,
  type IpAddressType,
  type LoadBalancer,
  ModifyLoadBalancerAttributesCommand,
  SetIpAddressTypeCommand,
  SetSecurityGroupsCommand,
  SetSubnetsCommand,
  type SubnetMapping,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Clock } from '@nodeless/component-base/clock';
import { LoadBalancerProblem } from '../load-balancer.ts';
import { isError } from './aws-problems.ts';
import type { DesiredLoadBalancer, DesiredStack, DesiredSubnet, StackOwner } from './desired-stack.ts';
import { type Inventory, type InventoryReader, createInventoryReader } from './inventory.ts';
import { createListeners } from './listeners.ts';
import { shapeTag, shortHash, unfinishedShape } from './names.ts';
import { type Reads, createReads } from './reads.ts';
import { createSecurityGroups } from './security-groups.ts';
import { createTargetGroups } from './target-groups.ts';

export interface StackState {
  readonly hostname: string;
  /** It takes traffic. Else: look again in a while. */
  readonly active: boolean;
  /** Something that is surplus could not go yet. */
  readonly leftovers: boolean;
}

export interface StackDeployer {
  /** Idempotent. AWS's errors come through as they are. */
  deploy(stack: DesiredStack): Promise<StackState>;
  /** true: everything of the owner is gone. false: ask again in a while. */
  remove(owner: StackOwner): Promise<boolean>;
  readonly inventory: InventoryReader;
  readonly reads: Reads;
}

export interface DeployerOptions {
  readonly elbv2: ElasticLoadBalancingV2Client;
  readonly ec2: EC2Client;
  readonly clock: Clock;
  readonly cluster: string;
  readonly vpcId: string;
}

interface Settled {
  readonly shape: string;
  readonly at: number;
  readonly loadBalancerArn: string;
  readonly hostname: string;
  /** Of target groups, by name. */
  readonly arns: ReadonlyMap<string, string>;
}

/** What was found in order is not compared again for so long; targets always are. */
export const trustedMs = 5 * 60_000;

export function createStackDeployer(options: DeployerOptions): StackDeployer {
  const { elbv2, ec2, clock, cluster, vpcId } = options;
  const reads = createReads(elbv2);
  const inventory = createInventoryReader({ cluster, reads, ec2 });
  const securityGroups = createSecurityGroups({ client: ec2, vpcId });
  const targetGroups = createTargetGroups({ client: elbv2, reads, vpcId });
  const listeners = createListeners({ client: elbv2, reads });
  /** Stacks that were in order: a change of targets alone is then a matter of their groups. Only ever saves calls. */
  const settled = new Map<string, Settled>();
  const keyOf = ({ kind, id }: StackOwner): string => `${kind} ${id}`;

  const syncAllTargets = async (stack: DesiredStack, arns: ReadonlyMap<string, string>): Promise<void> => {
    for (const { name, targets } of stack.targetGroups) {
      const arn = arns.get(name);
      if (arn !== undefined) await targetGroups.syncTargets(arn, targets);
    }
  };

  const deployAll = async (stack: DesiredStack, shape: string): Promise<StackState & Omit<Settled, 'shape' | 'at'>> => {
    const found = await inventory.find(stack.owner);
    const arns = new Map(found.targetGroups.map(({ item }) => [item.TargetGroupName ?? '', item.TargetGroupArn ?? '']));
    // Targets first: whatever else goes wrong, traffic follows the pods.
    await syncAllTargets(stack, arns);
    for (const { item, tags } of found.loadBalancers)
      if (tags.has(shapeTag) && tags.get(shapeTag) !== shape && tags.get(shapeTag) !== unfinishedShape)
        await setShape(item.LoadBalancerArn ?? '', unfinishedShape);
    const group = await securityGroups.ensure(stack, found.securityGroups);
    const balancer = await ensureLoadBalancer(stack, found, group ? [group.id] : []);
    for (const wanted of stack.targetGroups) {
      const known = found.targetGroups.find(({ item }) => item.TargetGroupName === wanted.name);
      const arn = await targetGroups.ensure(wanted, stack.tags, known);
      if (!known) await targetGroups.syncTargets(arn, wanted.targets);
      arns.set(wanted.name, arn);
    }
    const loadBalancerArn = balancer.LoadBalancerArn ?? '';
    await listeners.ensure({
      loadBalancerArn,
      listeners: stack.listeners,
      tags: stack.tags,
      arnOf: (name) => arns.get(name) ?? '',
    });
    const hostname = balancer.DNSName ?? '';
    const active = balancer.State?.Code === 'active' || balancer.State?.Code === 'active_impaired';
    if (!active) return { hostname, active, leftovers: true, arns, loadBalancerArn };

    await listeners.removeSurplus(loadBalancerArn, stack.listeners);
    await securityGroups.removeSurplusRules(stack, group);
    for (const { item } of found.loadBalancers)
      if (item.LoadBalancerArn !== loadBalancerArn) await deleteLoadBalancer(item.LoadBalancerArn ?? '');
    let leftovers = false;
    for (const { item } of found.targetGroups)
      if (!stack.targetGroups.some(({ name }) => name === item.TargetGroupName))
        leftovers = !(await targetGroups.remove(item.TargetGroupArn ?? '')) || leftovers;
    for (const { GroupId } of found.securityGroups)
      if (GroupId && GroupId !== group?.id) leftovers = !(await securityGroups.remove(GroupId)) || leftovers;
    const known = found.loadBalancers.find(({ item }) => item.LoadBalancerArn === loadBalancerArn);
    if (!leftovers && known?.tags.get(shapeTag) !== shape) await setShape(loadBalancerArn, shape);
    return { hostname, active, leftovers, arns, loadBalancerArn };
  };

  const setShape = async (loadBalancerArn: string, shape: string): Promise<void> => {
    await elbv2.send(new AddTagsCommand({ ResourceArns: [loadBalancerArn], Tags: [{ Key: shapeTag, Value: shape }] }));
  };

  const deleteLoadBalancer = async (LoadBalancerArn: string): Promise<void> => {
    try {
      await elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    } catch (error) {
      if (!isError(error, 'LoadBalancerNotFound')) throw error;
    }
  };

  const ensureLoadBalancer = async (
    stack: DesiredStack,
    found: Inventory,
    ownGroups: readonly string[],
  ): Promise<LoadBalancer> => {
    const wanted = stack.loadBalancer;
    const known = choose(wanted, found);
    const groups = [...new Set([...ownGroups, ...wanted.securityGroups])];
    if (known?.item.State?.Code === 'failed') {
      await deleteLoadBalancer(known.item.LoadBalancerArn ?? '');
      throw new LoadBalancerProblem(
        'LoadBalancerFailed',
        `AWS could not set up the load balancer${known.item.State.Reason ? ` (${known.item.State.Reason})` : ''}; another one is tried`,
        { retryAfterMs: 30_000 },
      );
    }
    if (!known && found.foreignNames.has(wanted.name))
      throw new LoadBalancerProblem(
        'LoadBalancerNameTaken',
        `a load balancer named ${wanted.name} exists and is not of ${stack.owner.id}: choose another name`,
      );
    const item = known?.item ?? (await createLoadBalancer(wanted, stack.tags, groups));
    const LoadBalancerArn = item.LoadBalancerArn ?? '';
    const missing = Object.entries(stack.tags).filter(([key, value]) => known?.tags.get(key) !== value);
    if (known && missing.length > 0)
      await elbv2.send(
        new AddTagsCommand({ ResourceArns: [LoadBalancerArn], Tags: missing.map(([Key, Value]) => ({ Key, Value })) }),
      );
    if (known) {
      if (!sameSet(item.SecurityGroups ?? [], groups))
        await elbv2.send(new SetSecurityGroupsCommand({ LoadBalancerArn, SecurityGroups: groups }));
      if (
        !sameSet(
          (item.AvailabilityZones ?? []).map((zone) => zone.SubnetId ?? ''),
          wanted.subnets.map(({ id }) => id),
        )
      )
        await elbv2.send(new SetSubnetsCommand({ LoadBalancerArn, SubnetMappings: wanted.subnets.map(mapping) }));
      if (item.IpAddressType !== wanted.ipAddressType)
        await elbv2.send(
          new SetIpAddressTypeCommand({ LoadBalancerArn, IpAddressType: wanted.ipAddressType as IpAddressType }),
        );
    }
    const { Attributes = [] } = await elbv2.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn }));
    const present = new Map(Attributes.map(({ Key, Value }) => [Key, Value]));
    const different = Object.entries(wanted.attributes).filter(([key, value]) => present.get(key) !== value);
    if (different.length > 0)
      await elbv2.send(
        new ModifyLoadBalancerAttributesCommand({
          LoadBalancerArn,
          Attributes: different.map(([Key, Value]) => ({ Key, Value })),
        }),
      );
    return item;
  };

  const createLoadBalancer = async (
    wanted: DesiredLoadBalancer,
    tags: Readonly<Record<string, string>>,
    groups: readonly string[],
  ): Promise<LoadBalancer> => {
    const plain = wanted.subnets.every(
      ({ privateAddress, ipv6Address, allocationId }) => !privateAddress && !ipv6Address && !allocationId,
    );
    const { LoadBalancers = [] } = await elbv2.send(
      new CreateLoadBalancerCommand({
        Name: wanted.name,
        Type: wanted.type,
        Scheme: wanted.scheme,
        IpAddressType: wanted.ipAddressType as IpAddressType,
        ...(plain ? { Subnets: wanted.subnets.map(({ id }) => id) } : { SubnetMappings: wanted.subnets.map(mapping) }),
        SecurityGroups: [...groups],
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    return LoadBalancers[0] as LoadBalancer;
  };

  return {
    inventory,
    reads,
    async deploy(stack) {
      const key = keyOf(stack.owner);
      const shape = shortHash(
        20,
        JSON.stringify(stack, (name, value: unknown) => (name === 'targets' ? undefined : value)),
      );
      const before = settled.get(key);
      if (before && before.shape === shape && clock.now() - before.at < trustedMs) {
        try {
          const tags = await reads.tags([before.loadBalancerArn]);
          if (tags.get(before.loadBalancerArn)?.get(shapeTag) === shape) {
            await syncAllTargets(stack, before.arns);
            return { hostname: before.hostname, active: true, leftovers: false };
          }
        } catch (error) {
          settled.delete(key);
          if (!isError(error, 'TargetGroupNotFound')) throw error;
        }
      }
      settled.delete(key);
      const { hostname, active, leftovers, arns, loadBalancerArn } = await deployAll(stack, shape);
      if (active && !leftovers) settled.set(key, { shape, at: clock.now(), arns, loadBalancerArn, hostname });
      return { hostname, active, leftovers };
    },
    async remove(owner) {
      settled.delete(keyOf(owner));
      const found = await inventory.find(owner);
      for (const { item } of found.loadBalancers) await deleteLoadBalancer(item.LoadBalancerArn ?? '');
      let gone = true;
      for (const { item } of found.targetGroups) gone = (await targetGroups.remove(item.TargetGroupArn ?? '')) && gone;
      for (const { GroupId } of found.securityGroups) gone = (await securityGroups.remove(GroupId ?? '')) && gone;
      // What was just made may not be listed yet: only a look that finds nothing is the end.
      return gone && found.loadBalancers.length + found.targetGroups.length + found.securityGroups.length === 0;
    },
  };
}

/** The load balancer to go on with: of the right name, or of one that a user chose earlier and that cannot be changed. */
function choose(
  wanted: DesiredLoadBalancer,
  { loadBalancers }: Inventory,
): Inventory['loadBalancers'][number] | undefined {
  const named = (name: string | undefined): boolean => /^nl-.+-[a-z2-7]{6}-[a-z2-7]{6}$/.test(name ?? '');
  return (
    loadBalancers.find(({ item }) => item.LoadBalancerName === wanted.name) ??
    loadBalancers.find(
      ({ item }) =>
        item.Type === wanted.type &&
        item.Scheme === wanted.scheme &&
        (!named(item.LoadBalancerName) || !named(wanted.name)),
    )
  );
}

const mapping = ({ id, privateAddress, ipv6Address, allocationId }: DesiredSubnet): SubnetMapping => ({
  SubnetId: id,
  ...(privateAddress ? { PrivateIPv4Address: privateAddress } : {}),
  ...(ipv6Address ? { IPv6Address: ipv6Address } : {}),
  ...(allocationId ? { AllocationId: allocationId } : {}),
});

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}
