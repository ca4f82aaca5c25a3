/** AWS's side of load balancers and names, made from the function's settings. */
import { ACMClient } from '@aws-sdk/client-acm';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SSMClient, paginateGetParametersByPath } from '@aws-sdk/client-ssm';
import { awsDataPaths } from '@nodeless/apimachinery/service-data-path';
import type { Clock } from '@nodeless/component-base/clock';
import { functionSettings, setting } from '@nodeless/component-base/function-settings';
import { type AwsControllers, createAwsControllers } from '../load-balancers/aws-controllers.ts';
import type { ServiceSubnet } from '../load-balancers/data-path.ts';
import { createZoneWriter } from '../load-balancers/dns/zone-writer.ts';
import { createCertificates } from '../load-balancers/elbv2/certificates.ts';
import { createElbv2, elbv2ClientSettings } from '../load-balancers/elbv2/elbv2.ts';

interface Subnets {
  readonly public: readonly string[];
  readonly private: readonly string[];
  /** Of the service range, where it is a part of the VPC. */
  readonly service?: readonly ServiceSubnet[];
}

export async function balancersFromSettings(clock: Clock): Promise<AwsControllers> {
  const subnets = JSON.parse(setting('NODELESS_LB_SUBNETS')) as Subnets;
  const domain = setting('NODELESS_CLUSTER_DOMAIN');
  return createAwsControllers({
    elbv2: createElbv2({
      elbv2: new ElasticLoadBalancingV2Client(elbv2ClientSettings),
      ec2: new EC2Client(elbv2ClientSettings),
      clock,
      cluster: functionSettings().cluster,
      vpcId: setting('NODELESS_VPC'),
      subnets,
      securityGroup: setting('NODELESS_LB_SECURITY_GROUP'),
    }),
    certificates: createCertificates({ client: new ACMClient(elbv2ClientSettings), clock }),
    zone: createZoneWriter({
      client: new Route53Client(elbv2ClientSettings),
      zoneId: setting('NODELESS_HOSTED_ZONE'),
      domain,
      clock,
    }),
    dataPaths: awsDataPaths,
    serviceSubnets: subnets.service ?? [],
    domain,
    apiHost: await apiHost(),
  });
}

/** Host of the cluster's endpoint; '' while there is none. */
async function apiHost(): Promise<string> {
  const client = new SSMClient(elbv2ClientSettings);
  const { parameters: Path } = functionSettings();
  for await (const { Parameters = [] } of paginateGetParametersByPath({ client }, { Path })) {
    const found = Parameters.find(({ Name }) => Name === `${Path}/endpoint`)?.Value;
    if (found && URL.canParse(found)) return new URL(found).host;
  }
  return '';
}
