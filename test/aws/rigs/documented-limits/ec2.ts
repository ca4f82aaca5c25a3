import { type LimitRules, atMost, list, matches, notBoth, tagRules } from './rules.ts';

/** Amazon EC2 API Reference and the quotas of Amazon VPC. */
export const ec2Limits: LimitRules = {
  'ec2:DescribeSubnets': (input) => notBoth(input, 'MaxResults', 'SubnetIds'),
  'ec2:DescribeSecurityGroups': (input) => [
    ...notBoth(input, 'MaxResults', 'GroupIds'),
    ...notBoth(input, 'MaxResults', 'GroupNames'),
  ],
  'ec2:DescribeNetworkInterfaces': (input) => notBoth(input, 'MaxResults', 'NetworkInterfaceIds'),
  'ec2:CreateSecurityGroup': (input) => [
    ...matches(
      input,
      'GroupName',
      /^(?!sg-)[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/,
      '1 to 255 of a-z, A-Z, 0-9 and ._-:/()#,@[]+=&;{}!$*, not sg-',
    ),
    ...matches(
      input,
      'Description',
      /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/,
      '1 to 255 of a-z, A-Z, 0-9 and ._-:/()#,@[]+=&;{}!$*',
    ),
    ...list(input['TagSpecifications']).flatMap((one) => tagRules(one['Tags'])),
  ],
  'ec2:CreateTags': (input) => [...atMost(input, 'Resources', 1000), ...tagRules(input['Tags'])],
  'ec2:AuthorizeSecurityGroupIngress': (input) => permissions(input['IpPermissions']),
  'ec2:RevokeSecurityGroupIngress': (input) => permissions(input['IpPermissions']),
  'ec2:AuthorizeSecurityGroupEgress': (input) => permissions(input['IpPermissions']),
};

function permissions(value: unknown): string[] {
  return list(value).flatMap((one, index) => {
    const at = `IpPermissions[${index}].`;
    const sources = [
      ...list(one['IpRanges']),
      ...list(one['Ipv6Ranges']),
      ...list(one['UserIdGroupPairs']),
      ...list(one['PrefixListIds']),
    ];
    const ported = ['tcp', 'udp', '6', '17'].includes(String(one['IpProtocol']));
    const [from, to] = [one['FromPort'] as number | undefined, one['ToPort'] as number | undefined];
    return [
      ...(sources.length === 0 ? [`${at.slice(0, -1)}: names no source`] : []),
      ...(ported && (from === undefined || to === undefined)
        ? [`${at}FromPort and ToPort: needed with tcp and udp`]
        : []),
      ...(from !== undefined && to !== undefined && from > to ? [`${at}FromPort: after ToPort`] : []),
      ...sources.flatMap((source) =>
        matches(
          source,
          'Description',
          /^[\w .:/()#,@[\]+=&;{}!$*-]{0,255}$/,
          'up to 255 of a-z, A-Z, 0-9 and ._-:/()#,@[]+=&;{}!$*',
          at,
        ),
      ),
    ];
  });
}
