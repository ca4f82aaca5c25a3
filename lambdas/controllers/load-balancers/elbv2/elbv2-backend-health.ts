import type { TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { BackendGroup, BackendHealth, TargetHealth, TargetState } from '../backend-health.ts';
import { isError } from './aws-problems.ts';
import type { StackDeployer } from './stack-deployer.ts';

const order: readonly TargetHealth[] = ['healthy', 'initial', 'unhealthy', 'draining'];

export function createElbv2BackendHealth({ inventory, reads }: StackDeployer): BackendHealth {
  return {
    async of(namespace, service) {
      const groups = await inventory.backendGroups(`${namespace}/${service}`);
      const found: BackendGroup[] = [];
      for (const { TargetGroupArn = '', LoadBalancerArns = [], Protocol, HealthCheckPort } of groups) {
        if (LoadBalancerArns.length === 0) continue;
        try {
          found.push({
            checked: Protocol !== 'UDP' || HealthCheckPort !== 'traffic-port',
            targets: states(await reads.health(TargetGroupArn)),
          });
        } catch (error) {
          // Gone since the list: nothing is sent by way of it.
          if (!isError(error, 'TargetGroupNotFound')) throw error;
        }
      }
      return found;
    },
  };
}

function states(described: readonly TargetHealthDescription[]): ReadonlyMap<string, TargetState> {
  const targets = new Map<string, TargetState>();
  for (const { Target, TargetHealth } of described) {
    const health = stateOf(TargetHealth?.State);
    const before = targets.get(Target?.Id ?? '');
    if (!health || (before && order.indexOf(before.health) >= order.indexOf(health))) continue;
    targets.set(Target?.Id ?? '', {
      health,
      reason: TargetHealth?.Reason ?? '',
      message: TargetHealth?.Description ?? '',
    });
  }
  return targets;
}

function stateOf(state: string | undefined): TargetHealth | undefined {
  switch (state) {
    case 'healthy':
    case 'initial':
    case 'draining':
      return state;
    case 'unhealthy':
    case 'unhealthy.draining':
    case 'unavailable':
      return 'unhealthy';
    default:
      return undefined;
  }
}
