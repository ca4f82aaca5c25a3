/** A pod as an ECS task definition that other pods of its template share, and the overrides that make a task this pod's. Pure. */
import { createHash } from 'node:crypto';
import type {
  ContainerDefinition,
  ContainerDependency,
  ContainerOverride,
  RegisterTaskDefinitionRequest,
  TaskOverride,
  Volume,
} from '@aws-sdk/client-ecs';
import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import { podRequests } from '@nodeless/apimachinery/resource-list';
import { formatIdentity, identityVariable } from '@nodeless/component-base/task-identity';
import {
  agentMemoryMib,
  ephemeralGib,
  type FargateSize,
  fargateSize,
} from '@nodeless/registry/admission/fargate/fargate-size';
import { agentContainer, agentContainerName, agentOverride, dependsOnAgent } from '../../agent/agent-container.ts';
import { sharedVolumeName } from '../../agent/agent-protocol.ts';
import { milliValue, wholeValue } from '../../quantities.ts';
import { isSidecar } from '../../restart-policy.ts';
import { ProviderError, type ResolvedPod, type ResolvedVolume } from '../provider.ts';
import { type ContainerContext, logPrefix, type PlannedContainer, planContainer } from './container-definition.ts';
import type { Architecture, FargateSettings } from './settings.ts';

export interface LaunchFacts {
  /** For the agent. */
  readonly bootToken: string;
  /** '' = the settings' own. */
  readonly roleArn: string;
  readonly attempt: number;
  readonly architecture: Architecture;
}

export interface SecretNames {
  /** The name under which a value is kept for ECS to read. */
  secretFor(value: string): string;
  credentialsFor(image: string): string | undefined;
}

export interface PlannedTask {
  /** Named by its content. */
  readonly definition: RegisterTaskDefinitionRequest;
  readonly overrides: TaskOverride;
  readonly size: FargateSize;
}

const maxContainers = 10;
/** Characters of JSON. */
const maxOverrides = 8_192;
const maxDefinitionBytes = 64 * 1024;
const gib = 2 ** 30;

/** Throws ProviderError 'invalid' for what admission should have refused: the pod then waits with the reason. */
export function planTask(
  resolved: ResolvedPod,
  facts: LaunchFacts,
  settings: FargateSettings,
  names: SecretNames,
): PlannedTask {
  const shared = build(resolved, facts, settings, names, false);
  // What is the pod's own does not fit beside the definition: then it gets one to itself.
  const planned =
    overridesLength(shared.overrides) <= maxOverrides ? shared : build(resolved, facts, settings, names, true);
  // Markers of late-binding.ts: nobody could put the address in their place.
  if (JSON.stringify([planned.definition, planned.overrides]).includes('\\u0000'))
    throw invalid("a task's environment is made before it has an address: status.podIP cannot be part of it");
  if (overridesLength(planned.overrides) > maxOverrides) throw invalid('the task overrides exceed 8192 characters');
  if (Buffer.byteLength(JSON.stringify(planned.definition)) > maxDefinitionBytes)
    throw invalid('the task definition exceeds 64 KB: its environment and commands are too long');
  return planned;
}

const overridesLength = (overrides: TaskOverride): number => JSON.stringify(overrides).length;

function build(
  resolved: ResolvedPod,
  facts: LaunchFacts,
  settings: FargateSettings,
  names: SecretNames,
  alone: boolean,
): PlannedTask {
  const { pod } = resolved;
  const init = pod.spec?.initContainers ?? [];
  const regular = pod.spec?.containers ?? [];
  if (init.length + regular.length + 1 > maxContainers)
    throw invalid(
      `a task holds ${maxContainers} containers, the agent included; the pod has ${init.length + regular.length}`,
    );
  const size = taskSize(resolved);
  const context: ContainerContext = { settings, resolved, taskMemory: size.memory, alone, ...names };
  const planned = [
    ...init.map((c) => planContainer(c, 'init', false, context)),
    ...regular.map((c) => planContainer(c, 'regular', isEssential(resolved, regular), context)),
  ];
  const prepared = resolved.volumes.filter(isPrepared).map((v) => sharedVolumeName(v.name));
  addDependencies(planned, init, prepared.length > 0);
  const room = size.cpu - planned.reduce((sum, { definition }) => sum + (definition.cpu ?? 0), 0);
  const agent = agentContainer({
    image: settings.agentImage,
    volumes: prepared,
    logs: { group: settings.logGroup, region: settings.region, streamPrefix: logPrefix(pod) },
  });
  const storage = ephemeralStorage(resolved);
  const content: Omit<RegisterTaskDefinitionRequest, 'family' | 'tags'> = {
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: String(size.cpu),
    memory: String(size.memory),
    runtimePlatform: {
      operatingSystemFamily: 'LINUX',
      cpuArchitecture: facts.architecture === 'arm64' ? 'ARM64' : 'X86_64',
    },
    executionRoleArn: settings.executionRole,
    ...(settings.taskRole === '' ? {} : { taskRoleArn: settings.taskRole }),
    ...(storage === undefined ? {} : { ephemeralStorage: { sizeInGiB: storage } }),
    ...(pod.spec?.shareProcessNamespace ? { pidMode: 'task' as const } : {}),
    volumes: resolved.volumes.map(taskVolume),
    containerDefinitions: [
      { ...(agent as unknown as ContainerDefinition), cpu: Math.max(0, Math.min(agent.cpu, room)) },
      ...planned.map(({ definition }) => definition),
    ],
  };
  return {
    definition: {
      family: familyOf(settings.cluster, content),
      tags: [{ key: 'nodeless.dev/cluster', value: settings.cluster }],
      ...content,
    },
    overrides: overridesOf(resolved, facts, settings, planned),
    size,
  };
}

/** By content: pods whose tasks are the same share it, and it is registered once. The cluster is part of it. */
function familyOf(cluster: string, content: object): string {
  const digest = createHash('sha256').update(canonical({ cluster, content })).digest('hex');
  return `nodeless-${cluster}-${digest.slice(0, 20)}`;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

function overridesOf(
  resolved: ResolvedPod,
  facts: LaunchFacts,
  settings: FargateSettings,
  planned: readonly PlannedContainer[],
): TaskOverride {
  const { metadata, spec } = resolved.pod;
  const identity = formatIdentity({
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    node: spec?.nodeName ?? '',
    attempt: facts.attempt,
    init: (spec?.initContainers ?? []).map((c) => c.name),
  });
  const boot = agentOverride(settings.kubeletEndpoint, facts.bootToken);
  const agent: ContainerOverride = {
    name: boot.name,
    environment: [...boot.environment, { name: identityVariable, value: identity }],
  };
  const others = planned.flatMap(({ definition, own }): ContainerOverride[] =>
    own.environment.length === 0 && !own.command
      ? []
      : [
          {
            name: definition.name,
            ...(own.command ? { command: [...own.command] } : {}),
            ...(own.environment.length > 0 ? { environment: [...own.environment] } : {}),
          },
        ],
  );
  return {
    containerOverrides: [agent, ...others],
    ...(facts.roleArn === '' ? {} : { taskRoleArn: facts.roleArn }),
  };
}

/** The size of the task for the pod and the agent beside it. */
export function taskSize(resolved: Pick<ResolvedPod, 'pod'>): FargateSize {
  const requests = podRequests(resolved.pod);
  const size = fargateSize(milliValue(requests['cpu']), wholeValue(requests['memory']) + agentMemoryMib * 2 ** 20);
  if (!size) throw invalid(`no Fargate task is as large as what the pod asks for`);
  return size;
}

function ephemeralStorage(resolved: ResolvedPod): number | undefined {
  const asked = Math.ceil(wholeValue(podRequests(resolved.pod)['ephemeral-storage']) / gib);
  if (asked <= ephemeralGib.free) return undefined;
  if (asked > ephemeralGib.most) throw invalid(`a task has at most ${ephemeralGib.most} GiB of ephemeral storage`);
  return Math.max(ephemeralGib.least, asked);
}

/**
 * Whether the end of any regular container ends the task. Where several may end one after another without being restarted, the
 * task goes on: the agent, which is always essential, ends it after the last one.
 */
function isEssential(resolved: ResolvedPod, regular: readonly Container[]): boolean {
  return regular.length === 1 || (resolved.pod.spec?.restartPolicy ?? 'Always') === 'Always';
}

/** Volumes that the agent writes or makes accessible; ECS makes them belong to root. */
const isPrepared = (volume: ResolvedVolume): boolean => volume.kind === 'files' || volume.kind === 'emptyDir';

function taskVolume(volume: ResolvedVolume): Volume {
  if (volume.kind === 'hostPath') throw invalid(`volume ${volume.name}: a task has no node whose files it could see`);
  const name = sharedVolumeName(volume.name);
  if (volume.kind !== 'efs') return { name };
  return {
    name,
    efsVolumeConfiguration: {
      fileSystemId: volume.fileSystemId,
      transitEncryption: 'ENABLED',
      ...(volume.accessPointId === undefined
        ? { rootDirectory: volume.path }
        : { authorizationConfig: { accessPointId: volume.accessPointId, iam: 'ENABLED' as const } }),
    },
  };
}

/** Init containers one after another, then the regular ones; what runs beside them is stopped after them (ECS reverses the order). */
function addDependencies(
  planned: readonly PlannedContainer[],
  init: readonly Container[],
  waitsForAgent: boolean,
): void {
  const after: ContainerDependency[] = waitsForAgent ? [{ ...dependsOnAgent }] : [];
  planned.forEach(({ definition }, i) => {
    if (after.length > 0) definition.dependsOn = after.map((one) => ({ ...one }));
    const container = init[i];
    if (!container) return;
    // An ordinary one that has succeeded says that everything before it that was to end has ended.
    if (!isSidecar(container)) removeSuccesses(after);
    after.push({
      containerName: container.name,
      condition: isSidecar(container) ? (definition.healthCheck ? 'HEALTHY' : 'START') : 'SUCCESS',
    });
  });
}

function removeSuccesses(after: ContainerDependency[]): void {
  for (let i = after.length - 1; i >= 0; i--) if (after[i]?.condition === 'SUCCESS') after.splice(i, 1);
}

export const isAgent = (container: string): boolean => container === agentContainerName;

const invalid = (message: string): ProviderError =>
  new ProviderError('invalid', message, { reason: 'CreateContainerConfigError' });
