import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ECSClient } from '@aws-sdk/client-ecs';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { InvokeCommand, LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { makeIamToken } from '@nodeless/client/iam-token';
import { dockerBridgeAddress } from '@nodeless/localstack-utils/docker-bridge';
import type { NodelessStackProps } from '../../../infra/nodeless-stack.ts';
import { type Kubectl, createKubectl } from '../../builders/kubectl.ts';
import { kubeconfigText } from '../function-cluster.ts';
import type { Aws } from '../harness.ts';
import { startPlainFront } from '../rigs/plain-front.ts';
import type { StreamingHost } from '../rigs/streaming-host.ts';
import { type TaskEventPump, startTaskEventPump } from '../rigs/task-event-pump.ts';
import { hostDeployedFunction } from './deployed-function.ts';
import { type Deployment, bundleAll, deploy } from './deployment.ts';

/** A cluster that the CDK's command line has deployed to an engine, and a kubectl that speaks with it. */
export interface DeployedCluster extends Deployment {
  readonly name: string;
  readonly kubectl: Kubectl;
  /** The deployed code of the virtual kubelet's door, in our streaming host; undefined where Function URLs stream. */
  readonly door: StreamingHost | undefined;
  /** In the place of ECS's events; undefined where the engine has them. */
  readonly events: TaskEventPump | undefined;
  /** What all functions and the engine have written, for a test that failed. */
  log(): string;
  /** Ends what was started beside the engine. */
  stop(): Promise<void>;
}

export async function deployCluster(
  aws: Aws,
  { cluster: name, ...options }: NodelessStackProps & { readonly cluster: string },
): Promise<DeployedCluster> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  const begun: Begun = async (starting) => {
    const started = await starting;
    undo.push(() => started.stop());
    return started;
  };
  try {
    const bundles = await bundleAll(aws.folder);
    const user = await makeUser(aws, `${name}-admin`);
    const props = { ...options, cluster: name, bundles, admins: [user.arn] };
    const deployment = await deploy(aws, props);
    const functionName = (which: string): string => `nodeless-${name}-${which}`;

    const hosted = (await aws.lacks('url-streaming')) === undefined ? undefined : await host(aws, name, begun);
    const lambda = new LambdaClient(aws.settings);
    const ecs = new ECSClient(aws.settings);
    const events =
      (await aws.lacks('task-events')) === undefined
        ? undefined
        : startTaskEventPump({
            ecs,
            lambda,
            cluster: `nodeless-${name}`,
            target: functionName('dispatcher'),
          });
    if (events) undo.push(() => events.stop());

    // The rule that makes ticks makes its first one some minutes after the deployment.
    await lambda.send(
      new InvokeCommand({ FunctionName: functionName('dispatcher'), Payload: Buffer.from('{"tick":true}') }),
    );

    const { token } = makeIamToken({
      credentials: user,
      region: aws.engine.region,
      cluster: deployment.outputs['ClusterId']!,
      now: Date.now(),
    });
    const kubeconfig = join(aws.folder, 'kubeconfig');
    const server = hosted?.api ?? { url: deployment.outputs['Endpoint']!, ca: '' };
    writeFileSync(kubeconfig, kubeconfigText(server, token), { mode: 0o600 });
    return {
      ...deployment,
      name,
      door: hosted?.door,
      events,
      kubectl: createKubectl(kubeconfig, aws.folder),
      update: (more) => deployment.update({ ...props, ...more }),
      log: () => [hosted?.api.log(), hosted?.door.log(), aws.engine.log()].join('\n'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Begun = <T extends { stop(): Promise<unknown> }>(starting: Promise<T>) => Promise<T>;

/** Puts the deployed code of what is behind Function URLs into our streaming host, and tells the cluster where that is. */
async function host(
  aws: Aws,
  name: string,
  begun: Begun,
): Promise<{ readonly api: StreamingHost; readonly door: StreamingHost }> {
  const functionName = (which: string): string => `nodeless-${name}-${which}`;
  const [api, door] = await Promise.all([
    begun(hostDeployedFunction(aws, functionName('apiserver'))),
    begun(hostDeployedFunction(aws, functionName('kubelet-door'))),
  ]);
  const front = await begun(startPlainFront(door, (await dockerBridgeAddress()) ?? '127.0.0.1'));
  await setParameter(aws, `/nodeless/${name}/endpoint`, api.url);
  await setParameter(aws, `/nodeless/${name}/kubelet-endpoint`, front.url);
  for (const which of ['virtual-kubelet', 'controllers', 'scheduler', 'dispatcher'])
    await startAnew(aws, functionName(which));
  return { api, door };
}

/** Ends the environments of a function that may have read what has changed since. */
async function startAnew({ settings }: Aws, FunctionName: string): Promise<void> {
  const Description = `started anew at ${Date.now()}`;
  await new LambdaClient(settings).send(new UpdateFunctionConfigurationCommand({ FunctionName, Description }));
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
