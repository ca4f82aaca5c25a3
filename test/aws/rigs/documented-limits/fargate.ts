import { type Input, between, list } from './rules.ts';

/** vCPU units → MiB that go with them (Amazon ECS Developer Guide, Fargate task sizes, Linux). */
const sizes: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: steps(1024, 4096, 1024),
  1024: steps(2048, 8192, 1024),
  2048: steps(4096, 16_384, 1024),
  4096: steps(8192, 30_720, 1024),
  8192: steps(16_384, 61_440, 4096),
  16_384: steps(32_768, 122_880, 8192),
  32_768: steps(61_440, 249_856, 4096),
};

function steps(from: number, to: number, by: number): number[] {
  return Array.from({ length: (to - from) / by + 1 }, (_, index) => from + index * by);
}

/** What a task definition may not say when it is to run on Fargate (Task definition differences for Fargate). */
export function fargateDefinition(input: Input): string[] {
  const cpu = Number(input['cpu']);
  const memory = Number(input['memory']);
  const containers = list(input['containerDefinitions']);
  const storage = input['ephemeralStorage'] as Input | undefined;
  const sum = (name: string): number => containers.reduce((all, one) => all + Number(one[name] ?? 0), 0);
  return [
    ...(input['networkMode'] === 'awsvpc' ? [] : ['networkMode: awsvpc on Fargate']),
    ...(sizes[cpu]?.includes(memory)
      ? []
      : [`cpu ${String(input['cpu'])} and memory ${String(input['memory'])}: no size of Fargate`]),
    ...(sum('cpu') > cpu ? [`cpu: the containers ask for ${sum('cpu')}, the task has ${cpu}`] : []),
    ...(sum('memoryReservation') > memory ? ['memory: the containers reserve more than the task has'] : []),
    ...containers
      .filter((one) => Number(one['memory'] ?? 0) > memory)
      .map((one) => `memory: container ${String(one['name'])} asks for more than the task has`),
    ...(storage ? between(storage, 'sizeInGiB', 21, 200, 'ephemeralStorage.') : []),
    ...(input['ipcMode'] !== undefined ? ['ipcMode: not on Fargate'] : []),
    ...(input['pidMode'] !== undefined && input['pidMode'] !== 'task' ? ['pidMode: only task on Fargate'] : []),
    ...(list(input['placementConstraints']).length > 0 ? ['placementConstraints: not on Fargate'] : []),
    ...list(input['volumes']).flatMap(volume),
    ...(needsExecutionRole(containers) && input['executionRoleArn'] === undefined
      ? ['executionRoleArn: needed for secrets, for awslogs and for credentials of registries']
      : []),
    ...containers.flatMap((container, index) => containerRules(container, `containerDefinitions[${index}].`)),
  ];
}

function volume(one: Input): string[] {
  const at = `volumes: ${String(one['name'])}: `;
  const efs = one['efsVolumeConfiguration'] as Input | undefined;
  const access = efs?.['authorizationConfig'] as Input | undefined;
  return [
    ...((one['host'] as Input | undefined)?.['sourcePath'] !== undefined ? [`${at}no path of a host on Fargate`] : []),
    ...(one['dockerVolumeConfiguration'] !== undefined ? [`${at}no volumes of Docker on Fargate`] : []),
    ...(access && efs?.['transitEncryption'] !== 'ENABLED'
      ? [`${at}transitEncryption is needed with authorizationConfig`]
      : []),
    ...(access?.['accessPointId'] !== undefined &&
    !['/', undefined].includes(efs?.['rootDirectory'] as string | undefined)
      ? [`${at}rootDirectory is / with an access point`]
      : []),
  ];
}

function needsExecutionRole(containers: readonly Input[]): boolean {
  return containers.some(
    (one) =>
      list(one['secrets']).length > 0 ||
      one['repositoryCredentials'] !== undefined ||
      (one['logConfiguration'] as Input | undefined)?.['logDriver'] === 'awslogs',
  );
}

const notOnFargate = [
  'disableNetworking',
  'dnsSearchDomains',
  'dnsServers',
  'dockerSecurityOptions',
  'extraHosts',
  'links',
  'hostname',
];
const linuxNotOnFargate = ['devices', 'maxSwap', 'sharedMemorySize', 'swappiness', 'tmpfs'];

function containerRules(container: Input, at: string): string[] {
  const linux = (container['linuxParameters'] ?? {}) as Input;
  const added = (((linux['capabilities'] as Input | undefined)?.['add'] ?? []) as string[]).filter(
    (one) => one !== 'SYS_PTRACE',
  );
  const has = (from: Input, name: string): boolean => {
    const value = from[name];
    return value !== undefined && !(Array.isArray(value) && value.length === 0) && value !== false;
  };
  return [
    ...notOnFargate.filter((name) => has(container, name)).map((name) => `${at}${name}: not on Fargate`),
    ...linuxNotOnFargate
      .filter((name) => has(linux, name))
      .map((name) => `${at}linuxParameters.${name}: not on Fargate`),
    ...(container['privileged'] === true ? [`${at}privileged: not on Fargate`] : []),
    ...added.map((name) => `${at}linuxParameters.capabilities.add: ${name}: only SYS_PTRACE on Fargate`),
    ...list(container['ulimits'])
      .filter((one) => one['name'] !== 'nofile')
      .map((one) => `${at}ulimits: ${String(one['name'])}: only nofile on Fargate`),
    ...list(container['portMappings'])
      .filter((one) => one['hostPort'] !== undefined && one['hostPort'] !== one['containerPort'])
      .map((one) => `${at}portMappings: hostPort ${String(one['hostPort'])} is not containerPort`),
    ...between(container, 'stopTimeout', 2, 120, at),
    ...between(container, 'startTimeout', 2, 120, at),
    ...(container['memory'] !== undefined && Number(container['memory']) < 6 ? [`${at}memory: at least 6`] : []),
  ];
}
