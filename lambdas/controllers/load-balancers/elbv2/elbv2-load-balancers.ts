/** Services of type LoadBalancer on network load balancers, one each, their pods as targets. */
import type { LoadBalancerNotice, LoadBalancerOwner, LoadBalancerProvider } from '../load-balancer.ts';
import { createNoticeMemory } from '../notice-memory.ts';
import { explain } from './aws-problems.ts';
import type { StackOwner } from './desired-stack.ts';
import type { Elbv2 } from './elbv2.ts';
import { buildNetworkModel } from './network-model.ts';

export const networkLoadBalancerClass = 'nodeless.dev/nlb';
/** Of the AWS Load Balancer Controller. */
export const upstreamLoadBalancerClass = 'service.k8s.aws/nlb';
const provisioningMs = 15_000;
const removingMs = 10_000;
const resyncMs = 10 * 60_000;

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
