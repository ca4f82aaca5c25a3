/** The part of EC2 that load balancers need: security groups with rules and tags, and the address ranges of the VPC. */
import type { HttpRequest } from '@smithy/protocol-http';
import type { Clock } from '@nodeless/component-base/clock';
import { type Faults, createFaults } from './call-faults.ts';
import { AwsFault, type Parameters, parseQuery, toXml, xmlResponse } from './query-protocol.ts';
import { type RequestHandler, bodyText } from './request-handler.ts';

export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly vpcId: string;
  readonly tags: Map<string, string>;
  /** `tcp 80-80 0.0.0.0/0` */
  readonly ingress: Set<string>;
}

export interface Ec2Rig {
  readonly requestHandler: RequestHandler;
  readonly groups: Map<string, SecurityGroup>;
  readonly faults: Faults;
}

interface Permission {
  readonly IpProtocol: string;
  readonly FromPort?: string;
  readonly ToPort?: string;
  readonly IpRanges?: readonly { CidrIp: string }[];
  readonly Ipv6Ranges?: readonly { CidrIpv6: string }[];
}

const rulesOf = (permissions: readonly Permission[]): string[] =>
  permissions.flatMap(({ IpProtocol, FromPort, ToPort, IpRanges = [], Ipv6Ranges = [] }) =>
    [...IpRanges.map(({ CidrIp }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6)].map(
      (cidr) => `${IpProtocol} ${FromPort}-${ToPort} ${cidr}`,
    ),
  );

/** `inUse`: whether something (a load balancer, or what it leaves for a while) still carries the group. */
export function createEc2Rig(options: {
  readonly clock: Clock;
  readonly inUse?: (groupId: string) => boolean;
  readonly vpcCidrs?: readonly string[];
  /** Groups that are there from the start. */
  readonly existing?: readonly string[];
}): Ec2Rig {
  const faults = createFaults({ clock: options.clock });
  const groups = new Map<string, SecurityGroup>(
    (options.existing ?? []).map((id) => [id, { id, name: id, vpcId: 'vpc-1', tags: new Map(), ingress: new Set() }]),
  );
  let sequence = 0;
  const need = (id: unknown): SecurityGroup => {
    const group = groups.get(String(id));
    if (!group) throw new AwsFault('InvalidGroup.NotFound', `The security group '${String(id)}' does not exist`);
    return group;
  };
  const show = ({ id, name, vpcId, tags, ingress }: SecurityGroup): object => ({
    groupId: id,
    groupName: name,
    groupDescription: name,
    vpcId,
    ownerId: '123456789012',
    tagSet: [...tags].map(([key, value]) => ({ key, value })),
    ipPermissions: [...ingress].map((rule) => {
      const [protocol, ports = '', cidr = ''] = rule.split(' ');
      const [fromPort, toPort] = ports.split('-');
      return {
        ipProtocol: protocol,
        fromPort,
        toPort,
        ...(cidr.includes(':') ? { ipv6Ranges: [{ cidrIpv6: cidr }] } : { ipRanges: [{ cidrIp: cidr }] }),
      };
    }),
  });
  const operations: Record<string, (p: Parameters) => object> = {
    CreateSecurityGroup(p) {
      const name = String(p['GroupName']);
      const vpcId = String(p['VpcId']);
      if ([...groups.values()].some((group) => group.name === name && group.vpcId === vpcId))
        throw new AwsFault('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpcId}'`);
      const specification = (p['TagSpecification'] ?? []) as { Tag?: { Key: string; Value: string }[] }[];
      const tags = new Map(specification.flatMap(({ Tag = [] }) => Tag.map(({ Key, Value }) => [Key, Value] as const)));
      const id = `sg-${(++sequence).toString(16).padStart(8, '0')}`;
      groups.set(id, { id, name, vpcId, tags, ingress: new Set() });
      return { groupId: id };
    },
    DescribeSecurityGroups(p) {
      const ids = (p['GroupId'] ?? []) as string[];
      const filters = (p['Filter'] ?? []) as { Name: string; Value: string[] }[];
      const found = (ids.length > 0 ? ids.map(need) : [...groups.values()]).filter((group) =>
        filters.every(({ Name, Value }) =>
          Name === 'vpc-id'
            ? Value.includes(group.vpcId)
            : Name === 'group-name'
              ? Value.includes(group.name)
              : Value.includes(group.tags.get(Name.replace(/^tag:/, '')) ?? '\0'),
        ),
      );
      return { securityGroupInfo: found.map(show) };
    },
    DeleteSecurityGroup(p) {
      const { id } = need(p['GroupId']);
      if (options.inUse?.(id)) throw new AwsFault('DependencyViolation', `resource ${id} has a dependent object`);
      groups.delete(id);
      return { return: 'true', groupId: id };
    },
    AuthorizeSecurityGroupIngress(p) {
      const { ingress } = need(p['GroupId']);
      const rules = rulesOf((p['IpPermissions'] ?? []) as Permission[]);
      const again = rules.find((rule) => ingress.has(rule));
      if (again) throw new AwsFault('InvalidPermission.Duplicate', `the specified rule "${again}" already exists`);
      for (const rule of rules) ingress.add(rule);
      return { return: 'true' };
    },
    RevokeSecurityGroupIngress(p) {
      const { ingress } = need(p['GroupId']);
      for (const rule of rulesOf((p['IpPermissions'] ?? []) as Permission[]))
        if (!ingress.delete(rule))
          throw new AwsFault('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.');
      return { return: 'true' };
    },
    DescribeVpcs: () => ({
      vpcSet: [
        {
          vpcId: 'vpc-1',
          cidrBlockAssociationSet: (options.vpcCidrs ?? ['10.0.0.0/16']).map((cidrBlock) => ({
            cidrBlock,
            cidrBlockState: { state: 'associated' },
          })),
        },
      ],
    }),
  };
  return {
    groups,
    faults,
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      async handle(request: HttpRequest) {
        const { action, parameters } = parseQuery(bodyText(request));
        try {
          return await faults.around(action, () => {
            const operation = Object.hasOwn(operations, action) ? operations[action] : undefined;
            if (!operation) throw new AwsFault('InvalidAction', `the model has no ${action}`);
            const result = toXml(operation(parameters), 'item');
            return xmlResponse(200, `<${action}Response><requestId>r</requestId>${result}</${action}Response>`);
          });
        } catch (error) {
          if (!(error instanceof AwsFault)) throw error;
          const { code, message, status } = error;
          return xmlResponse(
            status,
            `<Response><Errors><Error>${toXml({ Code: code, Message: message }, 'item')}</Error></Errors><RequestID>r</RequestID></Response>`,
          );
        }
      },
      destroy() {},
      updateHttpClientConfig() {},
      httpHandlerConfigs: () => ({}),
    },
  };
}
