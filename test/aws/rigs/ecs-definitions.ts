/** What ECS checks of a task definition for Fargate before it registers it. */
import type { ContainerDefinition, RegisterTaskDefinitionRequest } from '@aws-sdk/client-ecs';
import { ServiceFault } from './json-service.ts';

const maxBytes = 64 * 1024;
const maxContainers = 10;

/** MiB that go with so many CPU units. */
const sizes: Readonly<Record<number, { min: number; max: number; step: number } | readonly number[]>> = {
  256: [512, 1024, 2048],
  512: { min: 1024, max: 4096, step: 1024 },
  1024: { min: 2048, max: 8192, step: 1024 },
  2048: { min: 4096, max: 16384, step: 1024 },
  4096: { min: 8192, max: 30720, step: 1024 },
  8192: { min: 16384, max: 61440, step: 4096 },
  16384: { min: 32768, max: 122880, step: 8192 },
  32768: [61440, 122880, 249856],
};

export function checkSize(cpu: string | undefined, memory: string | undefined): void {
  const rule = sizes[Number(cpu)];
  const mib = Number(memory);
  const fits =
    rule === undefined
      ? false
      : 'step' in rule
        ? mib >= rule.min && mib <= rule.max && mib % rule.step === 0
        : rule.includes(mib);
  if (!fits) throw client(`No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory.`);
}

export function checkDefinition(request: RegisterTaskDefinitionRequest): void {
  const { family = '', containerDefinitions = [], volumes = [] } = request;
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(family))
    throw client('Family should match ^[a-zA-Z0-9-_]+$ and be at most 255 long.');
  if (Buffer.byteLength(JSON.stringify(request)) > maxBytes)
    throw client('Actual length of the task definition exceeds the max allowed size of 65536 bytes.');
  if (containerDefinitions.length === 0) throw client('Container list cannot be empty.');
  if (containerDefinitions.length > maxContainers) throw client('Too many containers: at most 10.');
  if (!containerDefinitions.some((c) => c.essential !== false))
    throw client('Invalid task definition: at least one container must be essential.');
  checkSize(request.cpu, request.memory);
  if (!request.requiresCompatibilities?.includes('FARGATE') || request.networkMode !== 'awsvpc')
    throw client('Fargate only supports network mode ‘awsvpc’.');
  const volumeNames = new Set(volumes.map((v) => v.name));
  if (volumeNames.size !== volumes.length) throw client('Duplicate volume name.');
  for (const name of volumeNames)
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(name ?? '')) throw client(`Invalid volume name ${name}.`);
  const names = new Set<string>();
  for (const container of containerDefinitions) checkContainer(container, request, names, volumeNames);
  let memory = 0;
  let cpu = 0;
  for (const container of containerDefinitions) {
    for (const { containerName = '' } of container.dependsOn ?? []) {
      if (!names.has(containerName)) throw client(`Container dependency ${containerName} does not exist.`);
      if (containerName === container.name) throw client('A container cannot depend on itself.');
    }
    memory += container.memoryReservation ?? container.memory ?? 0;
    cpu += container.cpu ?? 0;
  }
  if (cpu > Number(request.cpu)) throw client('The task cpu is less than that of its containers.');
  if (memory > Number(request.memory)) throw client('The task memory is less than what its containers reserve.');
}

function checkContainer(
  container: ContainerDefinition,
  request: RegisterTaskDefinitionRequest,
  names: Set<string>,
  volumes: ReadonlySet<string | undefined>,
): void {
  const { name = '', image = '' } = container;
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(name)) throw client(`Container.name ${name} contains invalid characters.`);
  if (names.has(name)) throw client(`Container name ${name} is not unique.`);
  names.add(name);
  if (image === '') throw client('Container.image should not be null or empty.');
  for (const key of [
    'dnsServers',
    'dnsSearchDomains',
    'extraHosts',
    'links',
    'hostname',
    'dockerSecurityOptions',
  ] as const)
    if (container[key] !== undefined) throw client(`Fargate does not support ${key}.`);
  if (container.privileged) throw client('privileged is not supported on Fargate.');
  const capabilities = container.linuxParameters?.capabilities?.add ?? [];
  if (capabilities.some((c) => c !== 'SYS_PTRACE')) throw client('Fargate only supports adding SYS_PTRACE.');
  if (container.linuxParameters?.tmpfs || container.linuxParameters?.devices)
    throw client('tmpfs and devices are not supported on Fargate.');
  for (const [key, value] of [
    ['stopTimeout', container.stopTimeout],
    ['startTimeout', container.startTimeout],
  ] as const)
    if (value !== undefined && (value < 2 || value > 120)) throw client(`${key} must be between 2 and 120 on Fargate.`);
  if ((container.memory ?? 0) > Number(request.memory))
    throw client(`Invalid setting for container '${name}'. The memory exceeds that of the task.`);
  if ((container.memoryReservation ?? 0) >= (container.memory ?? Number.MAX_SAFE_INTEGER))
    throw client(`Invalid setting for container '${name}'. memoryReservation exceeds memory.`);
  if (container.memory !== undefined && container.memory < 6) throw client('memory must be at least 6 MiB.');
  for (const mount of container.mountPoints ?? [])
    if (!volumes.has(mount.sourceVolume)) throw client(`Unknown volume '${mount.sourceVolume}'.`);
  const check = container.healthCheck;
  if (check) {
    const outside = (value: number | undefined, least: number, most: number): boolean =>
      value !== undefined && (value < least || value > most);
    if (
      outside(check.interval, 5, 300) ||
      outside(check.timeout, 2, 60) ||
      outside(check.retries, 1, 10) ||
      outside(check.startPeriod, 0, 300)
    )
      throw client(`Invalid health check of container '${name}'.`);
  }
  const period = container.restartPolicy?.restartAttemptPeriod;
  if (period !== undefined && (period < 60 || period > 1800)) throw client('restartAttemptPeriod must be 60 to 1800.');
  if ((container.restartPolicy?.ignoredExitCodes?.length ?? 0) > 50) throw client('At most 50 ignoredExitCodes.');
  if (container.logConfiguration?.logDriver === 'awslogs' && !request.executionRoleArn)
    throw client('Fargate requires task definition to have execution role ARN to support log driver awslogs.');
  if ((container.secrets?.length ?? 0) > 0 && !request.executionRoleArn)
    throw client('Fargate requires task definition to have execution role ARN to support secrets.');
}

export const client = (message: string): ServiceFault => new ServiceFault('ClientException', message);
