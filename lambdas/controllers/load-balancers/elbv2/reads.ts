/** What is there, read page by page. */
import {
  DescribeTagsCommand,
  type ElasticLoadBalancingV2Client,
  type Listener,
  type LoadBalancer,
  type Rule,
  type TargetGroup,
  type TargetHealthDescription,
  DescribeTargetHealthCommand,
  paginateDescribeListenerCertificates,
  paginateDescribeListeners,
  paginateDescribeLoadBalancers,
  paginateDescribeRules,
  paginateDescribeTargetGroups,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { errorName } from './aws-problems.ts';

export type TagMap = ReadonlyMap<string, string>;

export interface Reads {
  loadBalancers(): Promise<LoadBalancer[]>;
  /** All, or those of one load balancer. */
  targetGroups(loadBalancerArn?: string): Promise<TargetGroup[]>;
  listeners(loadBalancerArn: string): Promise<Listener[]>;
  /** Without the default ones. */
  rules(listenerArn: string): Promise<Rule[]>;
  /** ARNs of all but the default one. */
  moreCertificates(listenerArn: string): Promise<string[]>;
  health(targetGroupArn: string): Promise<TargetHealthDescription[]>;
  /** By ARN; what is gone is left out. */
  tags(arns: readonly string[]): Promise<ReadonlyMap<string, TagMap>>;
}

/** The most that DescribeTags takes. */
const tagsAtOnce = 20;

export function createReads(client: ElasticLoadBalancingV2Client): Reads {
  const readTags = async (arns: readonly string[]): Promise<[string, TagMap][]> => {
    try {
      const { TagDescriptions = [] } = await client.send(new DescribeTagsCommand({ ResourceArns: [...arns] }));
      return TagDescriptions.map(({ ResourceArn = '', Tags = [] }) => [
        ResourceArn,
        new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
      ]);
    } catch (error) {
      if (!errorName(error).endsWith('NotFound')) throw error;
      // One of them has gone meanwhile, and the others are not told.
      if (arns.length === 1) return [];
      const found: [string, TagMap][] = [];
      for (const arn of arns) found.push(...(await readTags([arn])));
      return found;
    }
  };
  return {
    async loadBalancers() {
      const found: LoadBalancer[] = [];
      for await (const { LoadBalancers = [] } of paginateDescribeLoadBalancers({ client }, {}))
        found.push(...LoadBalancers);
      return found;
    },
    async targetGroups(LoadBalancerArn) {
      const found: TargetGroup[] = [];
      for await (const { TargetGroups = [] } of paginateDescribeTargetGroups({ client }, { LoadBalancerArn }))
        found.push(...TargetGroups);
      return found;
    },
    async listeners(LoadBalancerArn) {
      const found: Listener[] = [];
      for await (const { Listeners = [] } of paginateDescribeListeners({ client }, { LoadBalancerArn }))
        found.push(...Listeners);
      return found;
    },
    async rules(ListenerArn) {
      const found: Rule[] = [];
      for await (const { Rules = [] } of paginateDescribeRules({ client }, { ListenerArn })) found.push(...Rules);
      return found.filter(({ IsDefault }) => !IsDefault);
    },
    async moreCertificates(ListenerArn) {
      const found: string[] = [];
      for await (const { Certificates = [] } of paginateDescribeListenerCertificates({ client }, { ListenerArn }))
        for (const { CertificateArn, IsDefault } of Certificates)
          if (CertificateArn && !IsDefault) found.push(CertificateArn);
      return found;
    },
    async health(TargetGroupArn) {
      const { TargetHealthDescriptions = [] } = await client.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
      return TargetHealthDescriptions;
    },
    async tags(arns) {
      const found: [string, TagMap][] = [];
      for (let i = 0; i < arns.length; i += tagsAtOnce) found.push(...(await readTags(arns.slice(i, i + tagsAtOnce))));
      return new Map(found);
    },
  };
}
