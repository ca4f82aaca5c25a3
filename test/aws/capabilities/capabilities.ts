import {
  functionUrl,
  parallelInvocations,
  streamPartialFailures,
  streamRetryLimit,
  urlStreaming,
} from './functions.ts';
import { stsSignatures } from './identity.ts';
import { networkDataPath, targetHealth } from './load-balancers.ts';
import type { Probed } from './probe.ts';
import { capacityProviders } from './stacks.ts';
import { transactionConflict } from './tables.ts';
import {
  containerDependencies,
  entryPoint,
  sharedLocalhost,
  stopExitCode,
  taskContainers,
  taskEvents,
} from './tasks.ts';

/** Something that AWS does, and not every engine. */
export interface Capability {
  readonly what: string;
  /** What of ours has it instead where an engine lacks it. */
  readonly instead: string;
  /** Asks the engine itself. Answers how it falls short, undefined when it does not. */
  probe(aws: Probed): Promise<string | undefined>;
}

export const capabilities = {
  'function-url': {
    what: 'a Function URL answers with what its function returns',
    instead: 'nothing: every engine must have it',
    probe: functionUrl,
  },
  'parallel-invocations': {
    what: 'calls at the same time run in functions of their own',
    instead: 'nothing: every engine must have it',
    probe: parallelInvocations,
  },
  'url-streaming': {
    what: 'what a function streams arrives while it runs',
    instead: 'test/aws/rigs/streaming-host.ts',
    probe: urlStreaming,
  },
  'stream-partial-failures': {
    what: 'an event source mapping sends again what a function reports as failed',
    instead: 'test/aws/rigs/event-source-mapping.ts',
    probe: streamPartialFailures,
  },
  'stream-retry-limit': {
    what: 'an event source mapping gives up after MaximumRetryAttempts',
    instead: 'test/aws/rigs/event-source-mapping.ts',
    probe: streamRetryLimit,
  },
  'transaction-conflict': {
    what: 'transactions that meet are cancelled with TransactionConflict',
    instead: 'injected: test/aws/store-dynamodb-faults.test.ts',
    probe: transactionConflict,
  },
  'sts-signatures': {
    what: 'a presigned request with a wrong signature is refused',
    instead: 'the local checks, and a pretended STS: test/unit/apiserver',
    probe: stsSignatures,
  },
  'task-containers': {
    what: 'a task runs, ends, and tells its exit code',
    instead: 'nothing: every engine must have it',
    probe: taskContainers,
  },
  'entry-point': {
    what: "a container begins with its definition's entry point",
    instead: 'images whose own entry point is the same; test/aws/rigs/ecs.ts',
    probe: entryPoint,
  },
  'task-events': {
    what: 'a task that changes its state makes an event',
    instead: 'test/aws/rigs/ecs.ts, and recorded events in test/fixtures/aws-events',
    probe: taskEvents,
  },
  'shared-localhost': {
    what: 'the containers of a task share their localhost',
    instead: 'the agent runs with containers of a Docker pod: test/integration/agent-docker.test.ts',
    probe: sharedLocalhost,
  },
  'container-dependencies': {
    what: 'containers wait for those that they depend on',
    instead: 'test/aws/rigs/ecs.ts',
    probe: containerDependencies,
  },
  'stop-exit-code': {
    what: 'a stopped task tells its own exit code',
    instead: 'test/aws/rigs/ecs.ts',
    probe: stopExitCode,
  },
  'target-health': {
    what: 'a target that does not answer is unhealthy',
    instead: 'test/aws/rigs/elbv2.ts',
    probe: targetHealth,
  },
  'nlb-data-path': {
    what: 'a network load balancer carries connections',
    instead: 'test/aws/rigs/elbv2.ts',
    probe: networkDataPath,
  },
  'capacity-providers': {
    what: 'CloudFormation knows AWS::ECS::ClusterCapacityProviderAssociations',
    instead: 'the resource is taken out of the template, which is said',
    probe: capacityProviders,
  },
} as const satisfies Readonly<Record<string, Capability>>;

export type CapabilityName = keyof typeof capabilities;
