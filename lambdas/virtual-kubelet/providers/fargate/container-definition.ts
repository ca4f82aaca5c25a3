/** One container of a pod as a member of ECS' containerDefinitions. Pure. */
import type { ContainerDefinition, KeyValuePair } from '@aws-sdk/client-ecs';
import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { sharedVolumeName } from '../../agent/agent-protocol.ts';
import { isSidecar } from '../../restart-policy.ts';
import { milliValue, wholeValue } from '../../quantities.ts';
import type { ResolvedContainer, ResolvedPod } from '../provider.ts';
import { healthCheck } from './health-check.ts';
import type { FargateSettings } from './settings.ts';

/** What a definition cannot hold because no other pod has it: it goes into the task's overrides. */
export interface ContainerParticulars {
  readonly environment: readonly KeyValuePair[];
  readonly command?: readonly string[];
}

export interface PlannedContainer {
  readonly definition: ContainerDefinition;
  readonly own: ContainerParticulars;
}

export interface ContainerContext {
  readonly settings: FargateSettings;
  readonly resolved: ResolvedPod;
  /** MiB of the whole task. */
  readonly taskMemory: number;
  /** Names, by value, of the secrets that are kept for it. */
  readonly secretFor: (value: string) => string;
  readonly credentialsFor: (image: string) => string | undefined;
  /** Everything stands in the definition, which is then this pod's alone. */
  readonly alone: boolean;
}

const mib = 2 ** 20;
/** Seconds; of ECS on Fargate. */
const stopTimeoutBounds = { least: 2, most: 120 } as const;
const restartPeriodSeconds = 60;
/** ECS takes no less. */
const leastMemory = 6;

export function planContainer(
  container: Container,
  kind: 'init' | 'regular',
  essential: boolean,
  context: ContainerContext,
): PlannedContainer {
  const { settings, resolved } = context;
  const { pod } = resolved;
  const mine = resolved.containers[container.name];
  const environment = planEnvironment(container.name, mine, context);
  const line = commandLine(mine);
  const movesLine = mine?.particular?.commandLine === true && !context.alone;
  const passing = kind === 'init' && !isSidecar(container);
  const definition: ContainerDefinition = {
    name: container.name,
    image: container.image,
    essential,
    ...(line.entryPoint ? { entryPoint: line.entryPoint } : {}),
    ...(line.command && !movesLine ? { command: line.command } : {}),
    environment: environment.shared,
    ...(environment.secrets.length > 0 ? { secrets: environment.secrets } : {}),
    ...share(container, passing, context.taskMemory),
    ...mounts(container, resolved),
    ...restart(pod, container, passing),
    ...security(pod, container),
    ...present('healthCheck', healthCheck(container)),
    ...present('workingDirectory', container.workingDir || undefined),
    ...(container.tty ? { pseudoTerminal: true } : {}),
    ...(container.stdin ? { interactive: true } : {}),
    stopTimeout: stopTimeout(pod),
    logConfiguration: {
      logDriver: 'awslogs',
      options: {
        'awslogs-group': settings.logGroup,
        'awslogs-region': settings.region,
        'awslogs-stream-prefix': logPrefix(pod),
        mode: 'non-blocking',
      },
    },
    ...systemControls(pod),
  };
  const credentials = context.credentialsFor(container.image ?? '');
  if (credentials !== undefined) definition.repositoryCredentials = { credentialsParameter: credentials };
  return {
    definition,
    own: { environment: environment.own, ...(line.command && movesLine ? { command: line.command } : {}) },
  };
}

/** ECS names a stream `<prefix>/<container>/<id of the task>`; the prefix stands in the definition, so it names no pod. */
export const logPrefix = (pod: Pod): string => pod.metadata?.namespace ?? 'default';

export function stopTimeout(pod: Pod): number {
  const { least, most } = stopTimeoutBounds;
  return Math.min(most, Math.max(least, pod.spec?.terminationGracePeriodSeconds ?? 30));
}

/**
 * ECS can replace a container's command for one task but not its entry point, and runs one after the other: only the program
 * itself is the entry point, so that all that follows can be particular.
 */
function commandLine(resolved: ResolvedContainer | undefined): { entryPoint?: string[]; command?: string[] } {
  const { command, args } = resolved ?? {};
  if (!command) return args ? { command: [...args] } : {};
  const rest = [...command.slice(1), ...(args ?? [])];
  // An empty command would be the image's own again, which Kubernetes does not add to a given one.
  return rest.length > 0 ? { entryPoint: command.slice(0, 1), command: rest } : { entryPoint: [...command] };
}

function planEnvironment(name: string, resolved: ResolvedContainer | undefined, context: ContainerContext) {
  const { dns, hostname } = context.resolved;
  const secret = new Set(resolved?.particular?.secret);
  const particular = new Set(resolved?.particular?.own);
  const shared: KeyValuePair[] = [];
  const own: KeyValuePair[] = [];
  const secrets: { name: string; valueFrom: string }[] = [];
  const given = new Set<string>();
  for (const { name: variable, value } of resolved?.env ?? []) {
    given.add(variable);
    if (secret.has(variable)) secrets.push({ name: variable, valueFrom: context.secretFor(value) });
    else (particular.has(variable) && !context.alone ? own : shared).push({ name: variable, value });
  }
  const add = (list: KeyValuePair[], variable: string, value: string): void => {
    if (!given.has(variable) && value !== '') list.push({ name: variable, value });
  };
  // Fargate takes no DNS settings; resolvers of the C library read these instead (resolv.conf(5)).
  add(shared, 'LOCALDOMAIN', dns.searches.join(' '));
  add(shared, 'RES_OPTIONS', dns.options.join(' '));
  add(context.alone ? shared : own, 'HOSTNAME', hostname);
  const byName = (a: { name?: string }, b: { name?: string }): number => ((a.name ?? '') < (b.name ?? '') ? -1 : 1);
  return { shared: shared.sort(byName), own: own.sort(byName), secrets: secrets.sort(byName), name };
}

function share(container: Container, passing: boolean, taskMemory: number): Partial<ContainerDefinition> {
  const { requests, limits } = container.resources ?? {};
  const limit = Math.ceil(wholeValue(limits?.['memory']) / mib);
  const request = Math.ceil(wholeValue(requests?.['memory'] ?? limits?.['memory']) / mib);
  const hard: { memory?: number } = limit > 0 ? { memory: Math.max(leastMemory, Math.min(limit, taskMemory)) } : {};
  // What has ended by the time the others start takes nothing from them, but ECS adds up what all reserve.
  if (passing) return { ...hard, ...(limit > leastMemory ? { memoryReservation: leastMemory } : {}) };
  const cpu = Math.floor((milliValue(requests?.['cpu'] ?? limits?.['cpu']) * 1024) / 1000);
  const reserved = Math.max(leastMemory, Math.min(request, taskMemory));
  // ECS wants a limit to be more than what is reserved; a limit alone is reserved, too.
  const reserves = request > 0 && reserved < (hard.memory ?? Infinity);
  return { ...(cpu > 0 ? { cpu } : {}), ...hard, ...(reserves ? { memoryReservation: reserved } : {}) };
}

function mounts(container: Container, resolved: ResolvedPod): Partial<ContainerDefinition> {
  const list = container.volumeMounts ?? [];
  if (list.length === 0) return {};
  return {
    mountPoints: list.map((mount) => {
      const volume = resolved.volumes.find((v) => v.name === mount.name);
      const fixed = volume !== undefined && 'readOnly' in volume && volume.readOnly;
      return {
        sourceVolume: sharedVolumeName(mount.name),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly === true || fixed,
      };
    }),
  };
}

/** ECS restarts in place what has run a minute; everything else ends the task, and another is started after a while. */
function restart(pod: Pod, container: Container, passing: boolean): Partial<ContainerDefinition> {
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (passing || policy === 'Never') return {};
  return {
    restartPolicy: {
      enabled: true,
      restartAttemptPeriod: restartPeriodSeconds,
      ...(policy === 'OnFailure' ? { ignoredExitCodes: [0] } : {}),
    },
  };
}

function security(pod: Pod, { securityContext: own }: Container): Partial<ContainerDefinition> {
  const user = own?.runAsUser ?? pod.spec?.securityContext?.runAsUser;
  const group = own?.runAsGroup ?? pod.spec?.securityContext?.runAsGroup;
  const { add = [], drop = [] } = own?.capabilities ?? {};
  return {
    ...(user === undefined ? {} : { user: group === undefined ? String(user) : `${user}:${group}` }),
    ...(own?.readOnlyRootFilesystem ? { readonlyRootFilesystem: true } : {}),
    ...(add.length + drop.length > 0
      ? {
          linuxParameters: {
            capabilities: {
              ...(add.length > 0 ? { add: add.map(capability) } : {}),
              ...(drop.length > 0 ? { drop: drop.map(capability) } : {}),
            },
          },
        }
      : {}),
  };
}

const capability = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');

function systemControls(pod: Pod): Partial<ContainerDefinition> {
  const sysctls = pod.spec?.securityContext?.sysctls ?? [];
  return sysctls.length === 0 ? {} : { systemControls: sysctls.map(({ name, value }) => ({ namespace: name, value })) };
}

const present = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
