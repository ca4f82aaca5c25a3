import {
  AddTagsCommand,
  CreateTargetGroupCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeTargetGroupAttributesCommand,
  type ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  type ProtocolEnum,
  RegisterTargetsCommand,
  type TargetDescription,
  type TargetGroup,
  type TargetGroupIpAddressTypeEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { isError } from './aws-problems.ts';
import type { DesiredHealthCheck, DesiredTarget, DesiredTargetGroup } from './desired-stack.ts';
import type { Found } from './inventory.ts';
import type { Reads } from './reads.ts';

export interface TargetGroups {
  /** Makes the group or brings it to what is wanted, targets left alone. Its ARN. */
  ensure(
    group: DesiredTargetGroup,
    tags: Readonly<Record<string, string>>,
    found: Found<TargetGroup> | undefined,
  ): Promise<string>;
  /** Registers what is missing, then takes out what is surplus. */
  syncTargets(arn: string, targets: readonly DesiredTarget[]): Promise<void>;
  /** false: a listener still leads to it; ask again. */
  remove(arn: string): Promise<boolean>;
}

const targetsAtOnce = 100;
const list = (map: Readonly<Record<string, string>>): { Key: string; Value: string }[] =>
  Object.entries(map).map(([Key, Value]) => ({ Key, Value }));

/** The members of CreateTargetGroup and ModifyTargetGroup that say how targets are checked. */
function checkInput(check: DesiredHealthCheck, protocolVersion: string | undefined): object {
  return {
    HealthCheckProtocol: check.protocol as ProtocolEnum,
    HealthCheckPort: check.port,
    HealthCheckIntervalSeconds: check.intervalSeconds,
    HealthCheckTimeoutSeconds: check.timeoutSeconds,
    HealthyThresholdCount: check.healthyThreshold,
    UnhealthyThresholdCount: check.unhealthyThreshold,
    ...(check.path === '' ? {} : { HealthCheckPath: check.path }),
    ...(check.successCodes === ''
      ? {}
      : { Matcher: protocolVersion === 'GRPC' ? { GrpcCode: check.successCodes } : { HttpCode: check.successCodes } }),
  };
}

function sameCheck(check: DesiredHealthCheck, group: TargetGroup): boolean {
  const codes = group.Matcher?.GrpcCode ?? group.Matcher?.HttpCode ?? '';
  return (
    check.protocol === group.HealthCheckProtocol &&
    check.port === group.HealthCheckPort &&
    check.intervalSeconds === group.HealthCheckIntervalSeconds &&
    check.timeoutSeconds === group.HealthCheckTimeoutSeconds &&
    check.healthyThreshold === group.HealthyThresholdCount &&
    check.unhealthyThreshold === group.UnhealthyThresholdCount &&
    (check.path === '' || check.path === group.HealthCheckPath) &&
    (check.successCodes === '' || check.successCodes === codes)
  );
}

export function createTargetGroups(options: {
  readonly client: ElasticLoadBalancingV2Client;
  readonly reads: Reads;
  readonly vpcId: string;
}): TargetGroups {
  const { client, reads, vpcId } = options;

  const create = async (group: DesiredTargetGroup, tags: Readonly<Record<string, string>>): Promise<TargetGroup> => {
    const { TargetGroups: made = [] } = await client.send(
      new CreateTargetGroupCommand({
        Name: group.name,
        Protocol: group.protocol as ProtocolEnum,
        ProtocolVersion: group.protocolVersion,
        Port: group.port,
        VpcId: vpcId,
        TargetType: 'ip',
        IpAddressType: group.ipAddressType as TargetGroupIpAddressTypeEnum,
        ...checkInput(group.healthCheck, group.protocolVersion),
        Tags: list({ ...tags, ...group.tags }),
      }),
    );
    return made[0] as TargetGroup;
  };

  return {
    async ensure(group, tags, found) {
      const item = found?.item ?? (await create(group, tags));
      const TargetGroupArn = item.TargetGroupArn ?? '';
      // A create whose first answer was lost gives back the group as it is.
      if (!sameCheck(group.healthCheck, item))
        await client.send(
          new ModifyTargetGroupCommand({ TargetGroupArn, ...checkInput(group.healthCheck, group.protocolVersion) }),
        );
      const wantedTags = Object.entries({ ...tags, ...group.tags }).filter(
        ([key, value]) => found?.tags.get(key) !== value,
      );
      if (found && wantedTags.length > 0)
        await client.send(
          new AddTagsCommand({
            ResourceArns: [TargetGroupArn],
            Tags: wantedTags.map(([Key, Value]) => ({ Key, Value })),
          }),
        );
      const { Attributes = [] } = await client.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn }));
      const present = new Map(Attributes.map(({ Key, Value }) => [Key, Value]));
      // An attribute that a protocol does not have is not shown, and must not be set.
      const different = Object.entries(group.attributes).filter(
        ([key, value]) => (present.get(key) ?? 'false') !== value,
      );
      if (different.length > 0)
        await client.send(
          new ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes: list(Object.fromEntries(different)) }),
        );
      return TargetGroupArn;
    },
    async syncTargets(TargetGroupArn, targets) {
      const present = await reads.health(TargetGroupArn);
      const live = new Map<string, TargetDescription | undefined>(
        present
          .filter(({ TargetHealth }) => TargetHealth?.State !== 'draining')
          .map(({ Target }) => [`${Target?.Id} ${Target?.Port}`, Target]),
      );
      const wanted = new Map(targets.map(({ address, port }) => [`${address} ${port}`, { Id: address, Port: port }]));
      const missing = [...wanted].filter(([key]) => !live.has(key)).map(([, target]) => target);
      const surplus = [...live]
        .filter(([key]) => !wanted.has(key))
        .map(([, target]) => ({ Id: target?.Id, Port: target?.Port }));
      for (let i = 0; i < missing.length; i += targetsAtOnce)
        await client.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: missing.slice(i, i + targetsAtOnce) }));
      for (let i = 0; i < surplus.length; i += targetsAtOnce)
        await client.send(
          new DeregisterTargetsCommand({ TargetGroupArn, Targets: surplus.slice(i, i + targetsAtOnce) }),
        );
    },
    async remove(TargetGroupArn) {
      try {
        await client.send(new DeleteTargetGroupCommand({ TargetGroupArn }));
        return true;
      } catch (error) {
        if (isError(error, 'TargetGroupNotFound')) return true;
        if (isError(error, 'ResourceInUse')) return false;
        throw error;
      }
    },
  };
}
