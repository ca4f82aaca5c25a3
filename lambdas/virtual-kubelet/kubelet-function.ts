/** The virtual kubelet of Fargate as functions run it: batches of messages from its queue, and requests at its door. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { serviceAccounts } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { controllerManagerUser, controllerUser } from '@nodeless/controller-runtime/component-users';
import { createEventRecorder, type FlushableRecorder } from '@nodeless/controller-runtime/event-recorder';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import type { Later } from '@nodeless/controller-runtime/queues';
import { createStoreLister } from '@nodeless/controller-runtime/store-lister';
import { type QueueRecord, workBatch } from '@nodeless/controller-runtime/work-batch';
import { createWorker } from '@nodeless/controller-runtime/worker';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { createTokenIssuer, type ServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import type { Store } from '@nodeless/store/store';
import { agentAudience, bootTokenSeconds } from './agent/agent-protocol.ts';
import { createAgentDoor, type FetchHandler } from './agent-door/door.ts';
import type { AgentProgram } from './agent-door/program.ts';
import type { ServiceDirectory } from './agent-door/service-directory.ts';
import { createTokenVerifier } from './agent-door/token-verifier.ts';
import { createPodReconciler } from './pod-reconciler.ts';
import type { EcsApi } from './providers/fargate/ecs-api.ts';
import { createFargateProvider, type FargateProvider } from './providers/fargate/fargate-provider.ts';
import type { SecretKeeper } from './providers/fargate/secret-keeper.ts';
import type { FargateSettings } from './providers/fargate/settings.ts';
import { createSweep } from './providers/fargate/sweep.ts';
import type { PodLogs, ResolvedPod } from './providers/provider.ts';
import { requestToken } from './service-account-tokens.ts';
import { createVirtualNodes } from './virtual-nodes.ts';
import { isFargateNode } from './waking-controllers.ts';

export interface KubeletFunctionOptions {
  readonly store: Store;
  readonly later: Later;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  readonly settings: FargateSettings;
  readonly ecs: EcsApi;
  readonly secretsFor: (pod: ResolvedPod) => Promise<SecretKeeper>;
  /** Logs of the provider's pods; absent: reading them is refused. */
  readonly logs?: (provider: FargateProvider) => PodLogs;
  readonly keys: ServiceAccountKeys;
  /** The API's URL, which is also who issues ServiceAccount tokens. */
  readonly endpoint: string;
  /** `cluster.local` */
  readonly domain: string;
  readonly kubeletVersion: string;
  readonly program: () => Promise<AgentProgram>;
  readonly services?: (client: Client) => ServiceDirectory;
}

export interface KubeletFunction {
  /** Works messages off; answers the ids of those that are to come again. */
  work(records: readonly QueueRecord[]): Promise<string[]>;
  readonly door: FetchHandler;
  readonly provider: FargateProvider;
}

/** IAM role of a ServiceAccount's pods: our own annotation, or that of EKS. */
const roleAnnotations = ['nodeless.dev/role-arn', 'eks.amazonaws.com/role-arn'] as const;
const manager = 'virtual-kubelet';

export async function createKubeletFunction(options: KubeletFunctionOptions): Promise<KubeletFunction> {
  const { store, later, clock, log, settings, ecs, keys, endpoint, random } = options;
  const issuer = endpoint.replace(/\/$/, '');
  const cluster = await createClusterRegistry({
    store,
    clock,
    tokens: createTokenIssuer({ keys, issuer, audiences: [issuer], clock }),
  });
  const nodes = new Map<string, { client: Client; events: FlushableRecorder }>();
  const nodeOf = (name: string): { client: Client; events: FlushableRecorder } => {
    const known = nodes.get(name);
    if (known) return known;
    const client = cluster.clientFor(
      { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] },
      'kubelet',
    );
    const events = createEventRecorder({ client, clock, log, component: 'kubelet', instance: name, parallel: 8 });
    const made = { client, events };
    nodes.set(name, made);
    return made;
  };
  const clientFor = (name: string): Client => nodeOf(name).client;

  const launchFacts = async (pod: Readonly<Pod>): Promise<{ bootToken: string; roleArn: string }> => {
    const client = clientFor(pod.spec?.nodeName ?? '');
    const [{ token }, roleArn] = await Promise.all([
      requestToken(client, clock, pod as Pod, agentAudience, bootTokenSeconds),
      roleOf(client, pod),
    ]);
    return { bootToken: token, roleArn };
  };

  const fargate = createFargateProvider({ ecs, settings, clock, log, launchFacts, secretsFor: options.secretsFor });
  const provider = options.logs ? { ...fargate, ...options.logs(fargate) } : fargate;
  const dns = {
    // The VPC's resolver answers the cluster's private zone, too.
    nameservers: ['169.254.169.253'],
    domain: options.domain,
    node: { nameservers: ['169.254.169.253'], searches: [], options: [] },
  };
  const informers = createSharedInformers(cluster.clientFor(controllerManagerUser, manager), { clock, log });
  const worker = createWorker({
    controllers: [
      createPodReconciler({
        provider,
        isOurs: isFargateNode,
        clientFor,
        eventsFor: (name) => nodeOf(name).events,
        dns,
        apiHost: new URL(endpoint).hostname,
        sweep: createSweep({ ecs, provider: fargate }),
        ...(random ? { random } : {}),
      }),
      createVirtualNodes({ provider, isOurs: isFargateNode, kubeletVersion: options.kubeletVersion, clientFor }),
    ],
    clientFor: (name, actsAs) => cluster.clientFor(controllerUser(name, actsAs), manager),
    lister: createStoreLister(informers),
    clock,
    log,
    ...(random ? { random } : {}),
  });

  return {
    provider,
    async work(records) {
      // What the events tell first, for all of them: then nobody has to ask ECS.
      for (const { body } of records) {
        const hint = hintOf(body);
        if (hint !== undefined) fargate.taskSeen(hint);
      }
      await cluster.refresh();
      const failed = await workBatch(records, { worker, later, log });
      await Promise.all([...nodes.values()].map(({ events }) => events.flush()));
      return failed;
    },
    door: createAgentDoor({
      verify: createTokenVerifier({ keys: keys.verify, issuer, clock }),
      readPod: async (namespace, name) =>
        (await cluster.registry.reader.get('', 'pods', namespace, name)) as Pod | undefined,
      clientFor,
      provider,
      program: options.program,
      dns,
      ...(options.services ? { services: options.services(cluster.clientFor(controllerManagerUser, manager)) } : {}),
      clock,
      log,
    }),
  };
}

async function roleOf(client: Client, pod: Readonly<Pod>): Promise<string> {
  try {
    const { metadata } = await client.get(serviceAccounts, {
      namespace: pod.metadata?.namespace,
      name: pod.spec?.serviceAccountName || 'default',
    });
    for (const annotation of roleAnnotations) {
      const role = metadata?.annotations?.[annotation];
      if (role) return role;
    }
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return '';
}

/** undefined also for what is no message: the worker says so. */
function hintOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { hint?: unknown } | null)?.hint;
  } catch {
    return undefined;
  }
}
