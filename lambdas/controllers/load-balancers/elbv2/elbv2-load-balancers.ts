/** Services of type LoadBalancer on network load balancers, one each, their pods as targets. */
import { DescribeVpcsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Clock } from '@nodeless/component-base/clock';
import type { LoadBalancerNotice, LoadBalancerOwner, LoadBalancerProvider } from '../load-balancer.ts';
import { explain } from './aws-problems.ts';
import type { StackOwner } from './desired-stack.ts';
import { type Surroundings, buildNetworkModel } from './network-model.ts';
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

export const networkLoadBalancerClass = 'nodeless.dev/nlb';
/** Of the AWS Load Balancer Controller. */
export const upstreamLoadBalancerClass = 'service.k8s.aws/nlb';
const provisioningMs = 15_000;
const removingMs = 10_000;
const resyncMs = 10 * 60_000;

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

export function createElbv2LoadBalancers(elbv2: Elbv2): LoadBalancerProvider {
  const { deployer } = elbv2;
  const told = createNoticeMemory();
  const stackOwner = ({ namespace, name, uid }: LoadBalancerOwner): StackOwner => ({
    kind: 'service',
    id: `${namespace}/${name}`,
    uid,
  });
  return {
    name: 'elbv2',
    loadBalancerClass: networkLoadBalancerClass,
    alsoServes: [upstreamLoadBalancerClass],
    resyncMs,
    async ensure(model) {
      try {
        const { stack, notices } = buildNetworkModel(model, await elbv2.surroundings());
        const { hostname, active, leftovers } = await deployer.deploy(stack);
        const more: LoadBalancerNotice[] = active
          ? []
          : [
              {
                type: 'Normal',
                reason: 'ProvisioningLoadBalancer',
                message: `${stack.loadBalancer.scheme} network load balancer ${hostname} is being set up; this takes a few minutes`,
              },
            ];
        return {
          // A name that does not answer yet is of no use to anyone; one that was given out stays.
          ingress: active ? [{ hostname }] : model.previous,
          elsewhere: '',
          notices: told(stack.owner.id, [...notices, ...more]),
          ...(active && !leftovers ? {} : { retryAfterMs: provisioningMs }),
        };
      } catch (error) {
        throw explain(error) ?? error;
      }
    },
    async remove(owner) {
      told(`${owner.namespace}/${owner.name}`, []);
      try {
        return (await deployer.remove(stackOwner(owner))) ? undefined : { retryAfterMs: removingMs };
      } catch (error) {
        throw explain(error) ?? error;
      }
    },
    async list(of) {
      if (of) {
        const owner: StackOwner = { kind: 'service', id: `${of.namespace}/${of.name}`, uid: '' };
        const found = await deployer.inventory.find(owner);
        const any = found.loadBalancers.length + found.targetGroups.length + found.securityGroups.length > 0;
        return any ? [{ ...of, uid: '' }] : [];
      }
      return (await deployer.inventory.owners())
        .filter(({ kind }) => kind === 'service')
        .map(({ id, uid }) => ({ namespace: id.split('/')[0] ?? '', name: id.split('/')[1] ?? '', uid }));
    },
  };
}

/** Lets a notice through once, until it was not there for a while. */
export function createNoticeMemory(): (owner: string, notices: readonly LoadBalancerNotice[]) => LoadBalancerNotice[] {
  const known = new Map<string, ReadonlySet<string>>();
  return (owner, notices) => {
    const before = known.get(owner) ?? new Set();
    const text = ({ reason, message }: LoadBalancerNotice): string => `${reason} ${message}`;
    if (notices.length === 0) known.delete(owner);
    else known.set(owner, new Set(notices.map(text)));
    return notices.filter((notice) => !before.has(text(notice)));
  };
}
