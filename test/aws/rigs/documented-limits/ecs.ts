import { fargateDefinition } from './fargate.ts';
import { type Input, type LimitRules, atMost, between, list, matches, notBoth, tagRules } from './rules.ts';

const names = /^[A-Za-z0-9_-]{1,255}$/;

/** Amazon ECS API Reference, Developer Guide (task definition parameters, service quotas). */
export const ecsLimits: LimitRules = {
  'ecs:RunTask': (input) => {
    const network = ((input['networkConfiguration'] as Input | undefined)?.['awsvpcConfiguration'] ?? {}) as Input;
    const strategy = list(input['capacityProviderStrategy']);
    const overrides = JSON.stringify(input['overrides'] ?? {});
    return [
      ...between(input, 'count', 1, 10),
      ...matches(input, 'clientToken', /^[\x21-\x7e]{1,64}$/, '1 to 64 visible ASCII characters'),
      ...matches(input, 'startedBy', /^[A-Za-z0-9\-/_]{1,128}$/, '1 to 128 letters, digits, - / and _'),
      ...matches(input, 'group', /^[\w:.\-/]{1,255}$/, '1 to 255 letters, digits and :.-_/'),
      ...notBoth(input, 'launchType', 'capacityProviderStrategy'),
      ...(strategy.length > 20 ? ['capacityProviderStrategy: at most 20'] : []),
      ...(strategy.filter((one) => Number(one['base'] ?? 0) > 0).length > 1
        ? ['capacityProviderStrategy: one base']
        : []),
      ...(overrides.length > 8192 ? [`overrides: 8192 characters as JSON, has ${overrides.length}`] : []),
      ...atMost(network, 'subnets', 16, 'awsvpcConfiguration.'),
      ...atMost(network, 'securityGroups', 5, 'awsvpcConfiguration.'),
      ...tagRules(input['tags'], 'tags'),
    ];
  },
  'ecs:RegisterTaskDefinition': (input) => {
    const containers = list(input['containerDefinitions']);
    const text = JSON.stringify(input);
    const all = containers.map((container) => String(container['name']));
    return [
      ...matches(input, 'family', names, '1 to 255 letters, digits, - and _'),
      ...(containers.length < 1 || containers.length > 10
        ? [`containerDefinitions: 1 to 10, are ${containers.length}`]
        : []),
      ...(new Set(all).size === all.length ? [] : ['containerDefinitions: names must differ']),
      ...(containers.some((one) => one['essential'] !== false) ? [] : ['containerDefinitions: one must be essential']),
      ...(Buffer.byteLength(text) > 64 * 1024 ? [`the whole: 64 KB, has ${Buffer.byteLength(text)}`] : []),
      ...tagRules(input['tags'], 'tags'),
      ...containers.flatMap((container, index) => containerRules(container, all, `containerDefinitions[${index}].`)),
      ...(((input['requiresCompatibilities'] ?? []) as string[]).includes('FARGATE') ? fargateDefinition(input) : []),
    ];
  },
  'ecs:DescribeTasks': (input) => atMost(input, 'tasks', 100),
  'ecs:DescribeClusters': (input) => atMost(input, 'clusters', 100),
  'ecs:ListTasks': (input) => between(input, 'maxResults', 1, 100),
  'ecs:ListTaskDefinitions': (input) => between(input, 'maxResults', 1, 100),
  'ecs:ListTaskDefinitionFamilies': (input) => between(input, 'maxResults', 1, 100),
  'ecs:DeleteTaskDefinitions': (input) => atMost(input, 'taskDefinitions', 10),
  'ecs:CreateCluster': (input) => [
    ...matches(input, 'clusterName', names, '1 to 255 letters, digits, - and _'),
    ...tagRules(input['tags'], 'tags'),
  ],
};

function containerRules(container: Input, all: readonly string[], at: string): string[] {
  const health = container['healthCheck'] as Input | undefined;
  const restart = container['restartPolicy'] as Input | undefined;
  const command = (health?.['command'] ?? []) as string[];
  return [
    ...matches(container, 'name', names, '1 to 255 letters, digits, - and _', at),
    ...(container['image'] ? atMost(container, 'image', 255, at) : [`${at}image: needed`]),
    ...list(container['dependsOn']).flatMap((one) => [
      ...(all.includes(String(one['containerName']))
        ? []
        : [`${at}dependsOn: no container ${String(one['containerName'])}`]),
      ...(one['containerName'] === container['name'] ? [`${at}dependsOn: itself`] : []),
    ]),
    ...(health
      ? [
          ...between(health, 'interval', 5, 300, `${at}healthCheck.`),
          ...between(health, 'timeout', 2, 60, `${at}healthCheck.`),
          ...between(health, 'retries', 1, 10, `${at}healthCheck.`),
          ...between(health, 'startPeriod', 0, 300, `${at}healthCheck.`),
          ...(['CMD', 'CMD-SHELL', 'NONE'].includes(command[0]!)
            ? []
            : [`${at}healthCheck.command: begins with CMD or CMD-SHELL`]),
        ]
      : []),
    ...(restart
      ? [
          ...between(restart, 'restartAttemptPeriod', 60, 1800, `${at}restartPolicy.`),
          ...atMost(restart, 'ignoredExitCodes', 50, `${at}restartPolicy.`),
        ]
      : []),
    ...list(container['environment'])
      .filter((one) => one['name'] === '' || one['name'] === undefined)
      .map(() => `${at}environment: a variable without name`),
    ...list(container['portMappings']).flatMap((one) => between(one, 'containerPort', 1, 65_535, `${at}portMappings.`)),
  ];
}
