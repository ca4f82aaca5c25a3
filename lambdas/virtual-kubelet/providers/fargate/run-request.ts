/** The RunTask call for one attempt of a pod. Pure. */
import type { RunTaskRequest } from '@aws-sdk/client-ecs';
import { ProviderError, type ResolvedPod } from '../provider.ts';
import type { FargateNode } from './fargate-nodes.ts';
import type { FargateSettings } from './settings.ts';
import type { PlannedTask } from './task-definition.ts';

/** Characters that AWS takes in the values of tags. */
const tagValue = (text: string): string => text.replace(/[^\p{L}\p{N} _.:/=+\-@]/gu, '_').slice(0, 256);

export function runRequest(
  { pod }: ResolvedPod,
  planned: PlannedTask,
  node: FargateNode,
  attempt: number,
  settings: FargateSettings,
): Omit<RunTaskRequest, 'cluster'> & { clientToken: string } {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const subnets = settings.subnets.filter((s) => s.zone === node.zone).map((s) => s.id);
  if (subnets.length === 0)
    throw new ProviderError('invalid', `zone ${node.zone} has no subnet any more`, {
      reason: 'FailedCreatePodSandBox',
    });
  const tags = {
    'nodeless.dev/cluster': settings.cluster,
    'nodeless.dev/namespace': namespace,
    'nodeless.dev/pod': name,
    'nodeless.dev/uid': uid,
  };
  return {
    // The newest of the family; its name says what is in it.
    taskDefinition: planned.definition.family,
    // Whoever repeats this attempt, after whatever accident, gets the same task.
    clientToken: `${uid}-${attempt}`,
    startedBy: uid,
    count: 1,
    capacityProviderStrategy: [{ capacityProvider: node.capacity === 'spot' ? 'FARGATE_SPOT' : 'FARGATE', weight: 1 }],
    platformVersion: '1.4.0',
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets,
        securityGroups: [...settings.securityGroups],
        assignPublicIp: settings.assignPublicIp,
      },
    },
    overrides: planned.overrides,
    tags: Object.entries(tags).map(([key, value]) => ({ key, value: tagValue(value) })),
  };
}
