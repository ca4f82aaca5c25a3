/** What load balancers of every kind share: the deployer over AWS's APIs, and what of the surroundings models have to know. */
import { DescribeVpcsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Clock } from '@nodeless/component-base/clock';
import type { Surroundings } from './network-model.ts';
import { type StackDeployer, createStackDeployer } from './stack-deployer.ts';

export interface Elbv2Options {
  /** With bounded retries and timeouts (`elbv2ClientSettings`). */
  readonly elbv2: ElasticLoadBalancingV2Client;
  readonly ec2: EC2Client;
  readonly clock: Clock;
  readonly cluster: string;
  readonly vpcId: string;
  readonly subnets: { readonly public: readonly string[]; readonly private: readonly string[] };
  /** On every load balancer; pods let in what comes from it. */
  readonly securityGroup: string;
  /** Of Services and Ingresses that do not say. Default `internal`, as the AWS Load Balancer Controller has it. */
  readonly defaultScheme?: 'internal' | 'internet-facing';
}

/** For SDK clients that work for this folder. */
export const elbv2ClientSettings = {
  maxAttempts: 5,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 15_000 },
} as const;

/** What load balancers of every kind share: made once for all controllers of a process. */
export interface Elbv2 {
  readonly deployer: StackDeployer;
  readonly cluster: string;
  surroundings(): Promise<Surroundings>;
}

export function createElbv2(options: Elbv2Options): Elbv2 {
  const { ec2, vpcId } = options;
  let cidrs: Promise<readonly string[]> | undefined;
  const readCidrs = async (): Promise<readonly string[]> => {
    const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand({ VpcIds: [vpcId] }));
    return (Vpcs[0]?.CidrBlockAssociationSet ?? [])
      .filter(({ CidrBlockState }) => CidrBlockState?.State === 'associated')
      .map(({ CidrBlock = '' }) => CidrBlock);
  };
  return {
    deployer: createStackDeployer(options),
    cluster: options.cluster,
    async surroundings() {
      cidrs ??= readCidrs();
      try {
        return {
          cluster: options.cluster,
          subnets: options.subnets,
          backendSecurityGroup: options.securityGroup,
          vpcCidrs: await cidrs,
          defaultScheme: options.defaultScheme ?? 'internal',
        };
      } catch (error) {
        cidrs = undefined;
        throw error;
      }
    },
  };
}
