import {
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  type ElasticLoadBalancingV2Client,
  ModifyLoadBalancerAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { DrainStep } from './drain.ts';
import { clusterTag, goneIs, inChunks } from './drain-steps.ts';

type Elb = Pick<ElasticLoadBalancingV2Client, 'send'>;

/** Load balancers first, their listeners go with them; then target groups, which no listener may name any more. */
export function loadBalancerSteps(elb: Elb, cluster: string): DrainStep[] {
  return [
    {
      name: 'load balancers',
      rank: 1,
      async clear() {
        const ours = await tagged(elb, await loadBalancers(elb), cluster);
        for (const LoadBalancerArn of ours) {
          try {
            await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
          } catch (error) {
            if ((error as Error).name !== 'OperationNotPermittedException') throw error;
            await elb.send(
              new ModifyLoadBalancerAttributesCommand({
                LoadBalancerArn,
                Attributes: [{ Key: 'deletion_protection.enabled', Value: 'false' }],
              }),
            );
            await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
          }
        }
        return ours.length;
      },
    },
    {
      name: 'target groups',
      rank: 2,
      async clear() {
        const ours = await tagged(elb, await targetGroups(elb), cluster);
        for (const TargetGroupArn of ours)
          // In use for a moment more: the next round tries again.
          await elb
            .send(new DeleteTargetGroupCommand({ TargetGroupArn }))
            .catch(goneIs('ResourceInUseException', undefined));
        return ours.length;
      },
    },
  ];
}

async function loadBalancers(elb: Elb): Promise<string[]> {
  const found: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await elb.send(new DescribeLoadBalancersCommand({ Marker }));
    for (const { LoadBalancerArn } of page.LoadBalancers ?? []) if (LoadBalancerArn) found.push(LoadBalancerArn);
    Marker = page.NextMarker;
  } while (Marker);
  return found;
}

async function targetGroups(elb: Elb): Promise<string[]> {
  const found: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await elb.send(new DescribeTargetGroupsCommand({ Marker }));
    for (const { TargetGroupArn } of page.TargetGroups ?? []) if (TargetGroupArn) found.push(TargetGroupArn);
    Marker = page.NextMarker;
  } while (Marker);
  return found;
}

async function tagged(elb: Elb, arns: readonly string[], cluster: string): Promise<string[]> {
  const found: string[] = [];
  await inChunks(arns, 20, async (ResourceArns) => {
    const { TagDescriptions = [] } = await elb.send(new DescribeTagsCommand({ ResourceArns }));
    for (const { ResourceArn, Tags = [] } of TagDescriptions)
      if (ResourceArn && Tags.some(({ Key, Value }) => Key === clusterTag && Value === cluster))
        found.push(ResourceArn);
  });
  return found;
}
