import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import { isError } from './aws-problems.ts';
import type { DesiredStack, SecurityRule } from './desired-stack.ts';

export interface SecurityGroups {
  /** Makes the stack's group where it has one, and lets in what is not let in yet. Its id; undefined where there is none. */
  ensure(stack: DesiredStack, found: readonly SecurityGroup[]): Promise<EnsuredGroup | undefined>;
  /** Takes back what is let in beyond the stack. */
  removeSurplusRules(stack: DesiredStack, ensured: EnsuredGroup | undefined): Promise<void>;
  /** false: something still carries it; ask again. */
  remove(id: string): Promise<boolean>;
}

export interface EnsuredGroup {
  readonly id: string;
  /** As they were before. */
  readonly rules: readonly SecurityRule[];
}

const key = ({ protocol, port, cidr }: SecurityRule): string => `${protocol} ${port} ${cidr}`;

function rulesOf(group: SecurityGroup | undefined): SecurityRule[] {
  return (group?.IpPermissions ?? []).flatMap(({ IpProtocol = '', FromPort = 0, IpRanges = [], Ipv6Ranges = [] }) =>
    [...IpRanges.map(({ CidrIp = '' }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 = '' }) => CidrIpv6)].map((cidr) => ({
      protocol: IpProtocol as 'tcp' | 'udp',
      port: FromPort,
      cidr,
    })),
  );
}

const permission = ({ protocol, port, cidr }: SecurityRule): IpPermission => ({
  IpProtocol: protocol,
  FromPort: port,
  ToPort: port,
  ...(cidr.includes(':') ? { Ipv6Ranges: [{ CidrIpv6: cidr }] } : { IpRanges: [{ CidrIp: cidr }] }),
});

export function createSecurityGroups(options: { readonly client: EC2Client; readonly vpcId: string }): SecurityGroups {
  const { client, vpcId } = options;

  const create = async (stack: DesiredStack, name: string): Promise<EnsuredGroup> => {
    try {
      const { GroupId = '' } = await client.send(
        new CreateSecurityGroupCommand({
          GroupName: name,
          Description: `Who may reach the load balancer of ${stack.owner.id}`.slice(0, 255),
          VpcId: vpcId,
          TagSpecifications: [
            {
              ResourceType: 'security-group',
              Tags: Object.entries(stack.tags).map(([Key, Value]) => ({ Key, Value })),
            },
          ],
        }),
      );
      return { id: GroupId, rules: [] };
    } catch (error) {
      if (!isError(error, 'InvalidGroup.Duplicate')) throw error;
      // Made a moment ago, by a call whose answer was lost or that lists do not show yet.
      const { SecurityGroups: found = [] } = await client.send(
        new DescribeSecurityGroupsCommand({
          Filters: [
            { Name: 'group-name', Values: [name] },
            { Name: 'vpc-id', Values: [vpcId] },
          ],
        }),
      );
      if (!found[0]?.GroupId) throw error;
      return { id: found[0].GroupId, rules: rulesOf(found[0]) };
    }
  };

  return {
    async ensure(stack, found) {
      if (!stack.securityGroup) return undefined;
      const { name, ingress } = stack.securityGroup;
      const known = found.find((group) => group.GroupName === name) ?? found[0];
      const ensured = known ? { id: known.GroupId ?? '', rules: rulesOf(known) } : await create(stack, name);
      const present = new Set(ensured.rules.map(key));
      const missing = ingress.filter((rule) => !present.has(key(rule)));
      // One by one where they are few or some are there already: one that exists fails the whole call.
      try {
        if (missing.length > 0) await authorize(ensured.id, missing);
      } catch (error) {
        if (!isError(error, 'InvalidPermission.Duplicate')) throw error;
        for (const rule of missing) {
          await authorize(ensured.id, [rule]).catch((again: unknown) => {
            if (!isError(again, 'InvalidPermission.Duplicate')) throw again;
          });
        }
      }
      return ensured;
    },
    async removeSurplusRules(stack, ensured) {
      if (!ensured || !stack.securityGroup) return;
      const wanted = new Set(stack.securityGroup.ingress.map(key));
      for (const rule of ensured.rules) {
        if (wanted.has(key(rule))) continue;
        try {
          await client.send(
            new RevokeSecurityGroupIngressCommand({ GroupId: ensured.id, IpPermissions: [permission(rule)] }),
          );
        } catch (error) {
          if (!isError(error, 'InvalidPermission.NotFound')) throw error;
        }
      }
    },
    async remove(GroupId) {
      try {
        await client.send(new DeleteSecurityGroupCommand({ GroupId }));
        return true;
      } catch (error) {
        if (isError(error, 'InvalidGroup.NotFound')) return true;
        if (isError(error, 'DependencyViolation')) return false;
        throw error;
      }
    },
  };

  async function authorize(GroupId: string, rules: readonly SecurityRule[]): Promise<void> {
    await client.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: rules.map(permission) }));
  }
}
