/** An ECS task as the provider looks at it, from DescribeTasks and RunTask (dates) or from an event (texts). */
import { type TaskIdentity, taskIdentity } from '@nodeless/component-base/task-identity';

export interface TaskContainer {
  readonly name: string;
  /** PENDING, RUNNING, STOPPED. */
  readonly status: string;
  readonly exitCode: number | undefined;
  readonly reason: string;
  readonly runtimeId: string;
  readonly image: string;
  readonly imageDigest: string;
  readonly health: string;
}

/** Times are milliseconds. */
export interface TaskState {
  readonly arn: string;
  /** Grows with each change that ECS tells of. Health is not one. */
  readonly version: number;
  readonly lastStatus: string;
  readonly desiredStatus: string;
  readonly stopCode: string;
  readonly stoppedReason: string;
  readonly addresses: readonly string[];
  readonly spot: boolean;
  readonly definition: string;
  readonly createdAt: number | undefined;
  readonly pullStartedAt: number | undefined;
  readonly pullStoppedAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly executionStoppedAt: number | undefined;
  readonly stoppedAt: number | undefined;
  readonly containers: readonly TaskContainer[];
  readonly identity: TaskIdentity | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** undefined = not a task. Unknown members are left alone: ECS adds some from time to time. */
export function taskState(task: unknown): TaskState | undefined {
  if (typeof task !== 'object' || task === null) return undefined;
  const fields = task as Fields;
  const arn = text(fields['taskArn']);
  if (arn === '') return undefined;
  const containers = records(fields['containers']);
  return {
    arn,
    version: typeof fields['version'] === 'number' ? fields['version'] : 0,
    lastStatus: text(fields['lastStatus']),
    desiredStatus: text(fields['desiredStatus']),
    stopCode: text(fields['stopCode']),
    stoppedReason: text(fields['stoppedReason']),
    addresses: addressesOf(containers, records(fields['attachments'])),
    spot: fields['capacityProviderName'] === 'FARGATE_SPOT',
    definition: text(fields['taskDefinitionArn']),
    createdAt: time(fields['createdAt']),
    pullStartedAt: time(fields['pullStartedAt']),
    pullStoppedAt: time(fields['pullStoppedAt']),
    startedAt: time(fields['startedAt']),
    executionStoppedAt: time(fields['executionStoppedAt']),
    stoppedAt: time(fields['stoppedAt']),
    containers: containers.map((c) => ({
      name: text(c['name']),
      status: text(c['lastStatus']),
      exitCode: typeof c['exitCode'] === 'number' ? c['exitCode'] : undefined,
      reason: text(c['reason']),
      runtimeId: text(c['runtimeId']),
      image: text(c['image']),
      imageDigest: text(c['imageDigest']),
      health: text(c['healthStatus']),
    })),
    identity: taskIdentity(task),
    tags: Object.fromEntries(records(fields['tags']).map((t) => [text(t['key']), text(t['value'])])),
  };
}

/** The pod's addresses: those of the task's one interface, which all containers share. None before it is attached. */
function addressesOf(containers: readonly Fields[], attachments: readonly Fields[]): string[] {
  const found = new Set<string>();
  for (const attachment of attachments) {
    if (attachment['type'] !== 'ElasticNetworkInterface' && attachment['type'] !== 'eni') continue;
    if (attachment['status'] === 'PRECREATED') return [];
    for (const detail of records(attachment['details']))
      if (detail['name'] === 'privateIPv4Address' || detail['name'] === 'ipv6Address') found.add(text(detail['value']));
  }
  for (const container of containers)
    for (const network of records(container['networkInterfaces'])) {
      found.add(text(network['privateIpv4Address']));
      found.add(text(network['ipv6Address']));
    }
  found.delete('');
  return [...found];
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function time(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime();
  if (typeof value !== 'string') return undefined;
  const parsed = Date.parse(value);
  return Number.isNaN(parsed) ? undefined : parsed;
}

function records(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((one): one is Fields => typeof one === 'object' && one !== null) : [];
}

export const isStopped = (task: TaskState): boolean => task.lastStatus === 'STOPPED';
/** ECS is ending it or has; nothing of it will be started any more. */
export const isEnding = (task: TaskState): boolean => task.desiredStatus === 'STOPPED' || isStopped(task);
/** The warning that Fargate Spot takes the capacity back in two minutes, and what follows it. */
export const isInterrupted = (task: TaskState): boolean => task.stopCode === 'SpotInterruption';
/** `6a3c…` of `arn:aws:ecs:…:task/cluster/6a3c…`. */
export const taskId = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
