import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { makeIamToken } from '@nodeless/client/iam-token';
import type { NodelessStackProps } from '../../../infra/nodeless-stack.ts';
import { type Kubectl, createKubectl } from '../../builders/kubectl.ts';
import { kubeconfigText } from '../function-cluster.ts';
import type { Aws } from '../harness.ts';
import type { StreamingHost } from '../rigs/streaming-host.ts';
import { hostDeployedFunction } from './deployed-function.ts';
import { type Deployment, bundleAll, deploy } from './deployment.ts';

/** A cluster that the CDK's command line has deployed to an engine, and a kubectl that speaks with it. */
export interface DeployedCluster extends Deployment {
  readonly name: string;
  readonly kubectl: Kubectl;
  /** The deployed code of the API server, in our streaming host. */
  readonly api: StreamingHost;
  /** Ends what was started beside the engine. */
  stop(): Promise<void>;
}

export async function deployCluster(
  aws: Aws,
  { cluster: name, ...options }: NodelessStackProps & { readonly cluster: string },
): Promise<DeployedCluster> {
  const bundles = await bundleAll(aws.folder);
  const user = await makeUser(aws, `${name}-admin`);
  const props = { ...options, cluster: name, bundles, admins: [user.arn] };
  const deployment = await deploy(aws, props);

  const api = await hostDeployedFunction(aws, `nodeless-${name}-apiserver`);
  // Clients, and tokens that name their issuer, must find the streaming host where AWS has the Function URL.
  await setParameter(aws, `/nodeless/${name}/endpoint`, api.url);
  const { token } = makeIamToken({
    credentials: user,
    region: aws.engine.region,
    cluster: deployment.outputs['ClusterId']!,
    now: Date.now(),
  });
  const kubeconfig = join(aws.folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText(api, token), { mode: 0o600 });
  return {
    ...deployment,
    name,
    api,
    kubectl: createKubectl(kubeconfig, aws.folder),
    update: (more) => deployment.update({ ...props, ...more }),
    stop: () => api.stop(),
  };
}

async function setParameter({ settings }: Aws, Name: string, Value: string): Promise<void> {
  await new SSMClient(settings).send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
}

async function makeUser(
  { settings }: Aws,
  UserName: string,
): Promise<{ readonly arn: string; readonly accessKeyId: string; readonly secretAccessKey: string }> {
  const iam = new IAMClient(settings);
  const { User } = await iam.send(new CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { arn: User!.Arn!, accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}
