import { networkInterfaces } from 'node:os';

/** A container as the task's metadata endpoint shows it. */
export interface TaskContainer {
  readonly id: string;
  readonly state: 'waiting' | 'running' | 'ended';
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly restartCount?: number;
  /** Of its ECS health check, where it has one and a check has been made. */
  readonly health?: { readonly healthy: boolean; readonly output: string };
}

export interface TaskView {
  /** '' = not known. */
  readonly podIp: string;
  /** ECS has been told to stop the task: what is not ready any more is no fault. */
  readonly stopping: boolean;
  readonly containers: ReadonlyMap<string, TaskContainer>;
}

/** Reads what ECS says of the own task: the metadata endpoint, version 4, `/task`. Rejects when it does not answer. */
export type ReadTask = () => Promise<TaskView>;

interface MetadataContainer {
  readonly DockerId?: string;
  readonly Name?: string;
  readonly KnownStatus?: string;
  readonly StartedAt?: string;
  readonly FinishedAt?: string;
  readonly ExitCode?: number;
  readonly RestartCount?: number;
  readonly Health?: { readonly status?: string; readonly output?: string };
  readonly Networks?: readonly {
    readonly IPv4Addresses?: readonly string[];
    readonly IPv6Addresses?: readonly string[];
  }[];
}

interface Metadata {
  readonly DesiredStatus?: string;
  readonly Containers?: readonly MetadataContainer[];
}

export function taskView(metadata: unknown): TaskView {
  const { DesiredStatus, Containers = [] } = metadata as Metadata;
  const containers = new Map<string, TaskContainer>();
  let podIp = '';
  for (const one of Containers) {
    podIp ||= one.Networks?.flatMap((n) => [...(n.IPv4Addresses ?? []), ...(n.IPv6Addresses ?? [])])[0] ?? '';
    if (one.Name) containers.set(one.Name, taskContainer(one));
  }
  return { podIp, stopping: DesiredStatus === 'STOPPED', containers };
}

function taskContainer(one: MetadataContainer): TaskContainer {
  const running = one.KnownStatus === 'RUNNING' || one.KnownStatus === 'RESOURCES_PROVISIONED';
  const health = one.Health?.status;
  return {
    id: one.DockerId ?? '',
    state: running ? 'running' : one.KnownStatus === 'STOPPED' ? 'ended' : 'waiting',
    ...(one.StartedAt ? { startedAt: one.StartedAt } : {}),
    ...(one.FinishedAt && !running ? { finishedAt: one.FinishedAt } : {}),
    ...(one.ExitCode === undefined || running ? {} : { exitCode: one.ExitCode }),
    ...(one.RestartCount === undefined ? {} : { restartCount: one.RestartCount }),
    ...(health === 'HEALTHY' || health === 'UNHEALTHY'
      ? { health: { healthy: health === 'HEALTHY', output: one.Health?.output ?? '' } }
      : {}),
  };
}

/** For a place without the endpoint: every container counts as running from the time it was first asked. */
export function assumeRunning(names: readonly string[], now: () => number): ReadTask {
  let since: string | undefined;
  return () => {
    since ??= new Date(now()).toISOString();
    const startedAt = since;
    return Promise.resolve({
      podIp: ownAddress(),
      stopping: false,
      containers: new Map(names.map((name) => [name, { id: '', state: 'running', startedAt }])),
    });
  };
}

/** The first address that others could reach; a task's metadata network is link-local. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    all.find((one) => one.family === 'IPv4' && !one.internal && !one.address.startsWith('169.254.'))?.address ??
    '127.0.0.1'
  );
}
