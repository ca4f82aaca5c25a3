/** The Fargate provider over the model of ECS, through the real SDK client. */
import { ECSClient } from '@aws-sdk/client-ecs';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { createEcsApi } from '@nodeless/virtual-kubelet/providers/fargate/ecs-api';
import {
  createFargateProvider,
  type FargateProvider,
} from '@nodeless/virtual-kubelet/providers/fargate/fargate-provider';
import { createSecretKeeping } from '@nodeless/virtual-kubelet/providers/fargate/secret-keeper';
import type { FargateSettings } from '@nodeless/virtual-kubelet/providers/fargate/settings';
import type { ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import type { EcsModel } from '../aws/rigs/ecs.ts';
import { validated } from '../aws/rigs/request-validation.ts';

export const fargateSettings: FargateSettings = {
  cluster: 'test',
  region: 'us-east-1',
  ecsCluster: 'nodeless-test',
  subnets: [
    { id: 'subnet-0000000000000000a', zone: 'us-east-1a' },
    { id: 'subnet-0000000000000000b', zone: 'us-east-1b' },
  ],
  securityGroups: ['sg-00000000000000000'],
  assignPublicIp: 'ENABLED',
  executionRole: 'arn:aws:iam::000000000000:role/nodeless-test-execution',
  taskRole: '',
  logGroup: '/nodeless/test/pods',
  agentImage: 'public.ecr.aws/docker/library/node:24-slim',
  kubeletEndpoint: 'https://kubelet.example.com',
  defaultArchitecture: 'amd64',
};

export const onDemandNode = 'fargate-us-east-1a-amd64-on-demand';
export const spotNode = 'fargate-us-east-1b-arm64-spot';

export function ecsClient(model: Pick<EcsModel, 'requestHandler'>): ECSClient {
  const client = new ECSClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: model.requestHandler,
  });
  return validated(client, { responses: true });
}

export interface FakePlaces {
  readonly values: Map<string, string>;
  readonly credentials: Map<string, string>;
}

export function fargateProvider(
  model: EcsModel,
  clock: Clock,
  options: {
    client?: ECSClient;
    places?: FakePlaces;
    roleArn?: string;
    bootToken?: (pod: Readonly<Pod>) => string;
    settings?: Partial<FargateSettings>;
  } = {},
): FargateProvider {
  const places = options.places ?? { values: new Map(), credentials: new Map() };
  const keeping = createSecretKeeping({
    path: '/nodeless/test',
    cluster: 'test',
    key: () => Promise.resolve(Buffer.from('key')),
    values: { put: (name, value) => Promise.resolve(void places.values.set(name, value)) },
    credentials: { put: (name, value) => Promise.resolve(void places.credentials.set(name, value)) },
  });
  return createFargateProvider({
    ecs: createEcsApi({
      client: options.client ?? ecsClient(model),
      cluster: model.clusterArn,
      clock,
      random: () => 0.5,
    }),
    settings: { ...fargateSettings, ...options.settings },
    clock,
    log: createLogger({ level: 'error' }),
    launchFacts: (pod) =>
      Promise.resolve({ bootToken: options.bootToken?.(pod) ?? 'boot-token', roleArn: options.roleArn ?? '' }),
    secretsFor: (pod) => keeping.forPod(pod),
  });
}

/** A pod with nothing to resolve. */
export function resolved(pod: Pod, rest: Partial<ResolvedPod> = {}): ResolvedPod {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return {
    pod,
    containers: Object.fromEntries(
      containers.map((c) => [
        c.name,
        {
          name: c.name,
          env: (c.env ?? []).map(({ name, value = '' }) => ({ name, value })),
          command: c.command,
          args: c.args,
        },
      ]),
    ),
    volumes: [],
    dns: { nameservers: [], searches: [], options: [] },
    hostname: pod.metadata?.name ?? '',
    hostAliases: [],
    pullSecrets: [],
    nodeAddresses: [],
    ...rest,
  };
}

/** Runs through its time `factor` times as fast as the machine's. */
export function fastClock(factor: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * factor,
    setTimer(callback, ms) {
      const timer = setTimeout(callback, Math.max(0, ms) / factor);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
