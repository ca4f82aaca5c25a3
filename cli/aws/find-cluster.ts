import type { Cloud } from './cloud.ts';
import { AwsProblem, noCluster } from './errors.ts';
import { roleToAssume } from './kubeconfig-file.ts';

export interface FoundCluster {
  readonly cluster: string;
  readonly clusterId: string;
  readonly endpoint: string;
  readonly region: string;
  readonly account: string;
  /** The API server's long-running door, where the cluster has one, and the authority of its certificate (PEM). */
  readonly hub?: { readonly endpoint: string; readonly ca: string };
  /** To be assumed by whoever asks, who has no access entry. */
  readonly role?: string;
}

/** Throws AwsProblem when there is no such cluster, naming those that there are. */
export async function findCluster(cloud: Cloud, cluster: string): Promise<FoundCluster> {
  const [identity, parameters] = await Promise.all([cloud.identity(), cloud.parameters(cluster)]);
  const endpoint = parameters?.get('endpoint');
  if (!endpoint) {
    const stack = await cloud.stack(`nodeless-${cluster}`).catch(() => undefined);
    if (stack)
      throw new AwsProblem(
        'no-cluster',
        `the cluster ${JSON.stringify(cluster)} is not made to its end (its stack is ${stack.status}): "nodeless deploy --cluster ${cluster} --region ${cloud.region}" goes on`,
      );
    throw noCluster(cluster, cloud.region, identity.account, await cloud.clusters());
  }
  return {
    cluster,
    clusterId: parameters?.get('cluster-id') ?? cluster,
    endpoint,
    region: cloud.region,
    account: identity.account,
    hub: hubOf(parameters?.get('hub-endpoint'), parameters?.get('hub-ca')),
    role: roleToAssume(parameters?.get('access'), identity, { cluster, region: cloud.region }),
  };
}

function hubOf(endpoint: string | undefined, ca: string | undefined): FoundCluster['hub'] {
  return endpoint && ca ? { endpoint, ca } : undefined;
}
