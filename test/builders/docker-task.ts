/**
 * Containers as a Fargate task has them: one network namespace, shared volumes, those that depend on a healthy one started after
 * it, and the task's metadata endpoint. On Docker, for tests of what runs inside a task.
 */
import { randomBytes } from 'node:crypto';
import type { RegisterTaskDefinitionRequest, TaskOverride } from '@aws-sdk/client-ecs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import type { AgentContainerDefinition } from '@nodeless/virtual-kubelet/agent/agent-container';

export interface TaskContainer {
  readonly name: string;
  readonly image: string;
  readonly entryPoint?: readonly string[];
  readonly command: readonly string[];
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly mounts?: readonly { readonly volume: string; readonly path: string; readonly readOnly: boolean }[];
  /** Of its health check. */
  readonly healthCheck?: readonly string[];
}

export interface DockerTask {
  /** Of the task, on the engine's bridge. */
  readonly address: string;
  /** Runs a command in a container, its output. */
  exec(container: string, command: readonly string[]): Promise<string>;
  logs(container: string): Promise<string>;
  /** As in the metadata. */
  id(container: string): Promise<string>;
  isRunning(container: string): Promise<boolean>;
  exitCode(container: string): Promise<number | undefined>;
  /** Resident memory of everything in a container, MiB. */
  memoryMib(container: string): Promise<number>;
  restart(container: string): Promise<void>;
  kill(container: string): Promise<void>;
  /** As ECS: those that depend on others first, and what does not end in time is killed. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export interface TaskOptions {
  readonly agent: AgentContainerDefinition;
  readonly agentEnvironment: readonly { readonly name: string; readonly value: string }[];
  readonly volumes: readonly string[];
  readonly containers: readonly TaskContainer[];
  /** A task without the endpoint, as elsewhere than in ECS. */
  readonly withoutMetadata?: boolean;
}

/** What ECS would run for a task definition and the overrides of one RunTask. `secrets`: values by `valueFrom`. */
export function taskOptionsOf(
  definition: Pick<RegisterTaskDefinitionRequest, 'containerDefinitions' | 'volumes'>,
  overrides: TaskOverride,
  secrets: ReadonlyMap<string, string>,
): TaskOptions {
  const [first, ...others] = definition.containerDefinitions ?? [];
  const overrideOf = (name = '') => overrides.containerOverrides?.find((one) => one.name === name);
  return {
    agent: first as unknown as AgentContainerDefinition,
    agentEnvironment: (overrideOf(first?.name)?.environment ?? []) as { name: string; value: string }[],
    volumes: (definition.volumes ?? []).map((volume) => volume.name ?? ''),
    containers: others.map((one) => ({
      name: one.name ?? '',
      image: one.image ?? '',
      ...(one.entryPoint ? { entryPoint: one.entryPoint } : {}),
      command: overrideOf(one.name)?.command ?? one.command ?? [],
      ...(one.user ? { user: one.user } : {}),
      ...(one.healthCheck?.command ? { healthCheck: one.healthCheck.command } : {}),
      environment: Object.fromEntries([
        ...[...(one.environment ?? []), ...(overrideOf(one.name)?.environment ?? [])].map((e) => [e.name, e.value]),
        ...(one.secrets ?? []).map((e) => [e.name, secrets.get(e.valueFrom ?? '')]),
      ]) as Record<string, string>,
      mounts: (one.mountPoints ?? []).map((m) => ({
        volume: m.sourceVolume ?? '',
        path: m.containerPath ?? '',
        readOnly: m.readOnly === true,
      })),
    })),
  };
}

/** The address under which containers on the engine's default network reach this machine. */
export async function bridgeAddress(engine: Engine): Promise<string> {
  const network = (await engine.getNetwork('bridge').inspect()) as { IPAM?: { Config?: { Gateway?: string }[] } };
  return network.IPAM?.Config?.[0]?.Gateway ?? '172.17.0.1';
}

const seconds = 1e9;

export async function runDockerTask(engine: Engine, options: TaskOptions): Promise<DockerTask> {
  const { agent, volumes, containers } = options;
  const id = `nodeless-test-task-${randomBytes(4).toString('hex')}`;
  const nameOf = (container: string): string => `${id}.${container}`;
  const volumeOf = (volume: string): string => `${id}.${volume}`;
  const restarts = new Map<string, number>();
  let stopping = false;

  const inspect = async (container: string) => {
    try {
      return await engine.getContainer(nameOf(container)).inspect();
    } catch {
      return undefined;
    }
  };

  const metadata = async (): Promise<unknown> => {
    const list = [];
    const first = await inspect(agent.name);
    const address = first?.NetworkSettings.Networks['bridge']?.IPAddress;
    for (const name of [agent.name, ...containers.map((c) => c.name)]) {
      const found = await inspect(name);
      const state = found?.State;
      const ended = state?.Status === 'exited' || state?.Status === 'dead';
      list.push({
        DockerId: found?.Id ?? '',
        Name: name,
        DesiredStatus: stopping ? 'STOPPED' : 'RUNNING',
        KnownStatus: state?.Running ? 'RUNNING' : ended ? 'STOPPED' : 'CREATED',
        ...(state?.Running || ended ? { StartedAt: state?.StartedAt } : {}),
        ...(ended ? { FinishedAt: state?.FinishedAt, ExitCode: state?.ExitCode } : {}),
        ...(state?.Health ? { Health: { status: state.Health.Status.toUpperCase(), output: '' } } : {}),
        ...(restarts.has(name) ? { RestartCount: restarts.get(name) } : {}),
        Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: [address] }],
      });
    }
    return { DesiredStatus: stopping ? 'STOPPED' : 'RUNNING', KnownStatus: 'RUNNING', Containers: list };
  };
  const host = await bridgeAddress(engine);
  const endpoint = createServer((request, response) => {
    if (request.url !== '/v4/me/task') return void response.writeHead(404).end();
    void metadata().then((body) => response.end(JSON.stringify(body)));
  });
  await new Promise<void>((resolve) => endpoint.listen(0, host, resolve));
  const metadataUri = `http://${host}:${(endpoint.address() as AddressInfo).port}/v4/me`;

  for (const volume of volumes) await engine.createVolume({ Name: volumeOf(volume), Labels: { 'nodeless-test': id } });
  const remove = async (): Promise<void> => {
    for (const name of [...containers.map((c) => c.name), agent.name])
      await engine
        .getContainer(nameOf(name))
        .remove({ force: true })
        .catch(() => {});
    for (const volume of volumes)
      await engine
        .getVolume(volumeOf(volume))
        .remove()
        .catch(() => {});
    endpoint.closeAllConnections();
    await new Promise((resolve) => endpoint.close(resolve));
  };

  try {
    const first = await engine.createContainer({
      name: nameOf(agent.name),
      Image: agent.image,
      Entrypoint: [...agent.entryPoint],
      Cmd: [...agent.command],
      User: agent.user,
      Env: [
        ...options.agentEnvironment.map(({ name, value }) => `${name}=${value}`),
        ...(options.withoutMetadata ? [] : [`ECS_CONTAINER_METADATA_URI_V4=${metadataUri}`]),
      ],
      Healthcheck: {
        Test: [...agent.healthCheck.command],
        // ECS' shortest is five seconds; nobody has to wait for that here.
        Interval: 0.2 * seconds,
        Timeout: agent.healthCheck.timeout * seconds,
        Retries: agent.healthCheck.retries,
        StartPeriod: agent.healthCheck.startPeriod * seconds,
      },
      HostConfig: {
        Memory: agent.memory * 1024 * 1024,
        Binds: agent.mountPoints.map((m) => `${volumeOf(m.sourceVolume)}:${m.containerPath}`),
        // What Fargate's containers have, and no more.
        CapDrop: ['NET_ADMIN', 'SYS_ADMIN'],
      },
    });
    await first.start();
    for (const deadline = Date.now() + 30_000; ; await delay(50)) {
      const state = (await inspect(agent.name))?.State;
      if (state?.Health?.Status === 'healthy') break;
      if (!state?.Running || Date.now() > deadline) {
        const output = await logsOf(engine, nameOf(agent.name));
        throw new Error(`the agent did not become healthy (${state?.Status}, exit ${state?.ExitCode}):\n${output}`);
      }
    }
    for (const one of containers) {
      const made = await engine.createContainer({
        name: nameOf(one.name),
        Image: one.image,
        ...(one.entryPoint ? { Entrypoint: [...one.entryPoint] } : {}),
        Cmd: [...one.command],
        ...(one.user ? { User: one.user } : {}),
        ...(one.healthCheck
          ? { Healthcheck: { Test: [...one.healthCheck], Interval: 0.3 * seconds, Timeout: 2 * seconds, Retries: 1 } }
          : {}),
        Env: Object.entries(one.environment ?? {}).map(([k, v]) => `${k}=${v}`),
        HostConfig: {
          NetworkMode: `container:${nameOf(agent.name)}`,
          Binds: (one.mounts ?? []).map(
            ({ volume, path, readOnly }) => `${volumeOf(volume)}:${path}${readOnly ? ':ro' : ''}`,
          ),
        },
      });
      await made.start();
    }
  } catch (error) {
    await remove();
    throw error;
  }

  const address = (await inspect(agent.name))?.NetworkSettings.Networks['bridge']?.IPAddress ?? '';
  const stopOne = (name: string, timeout: number): Promise<unknown> =>
    engine
      .getContainer(nameOf(name))
      .stop({ t: timeout })
      .catch(() => {});
  return {
    address,
    async exec(container, command) {
      const run = await engine
        .getContainer(nameOf(container))
        .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true });
      const stream = await run.start({ Tty: true });
      const chunks: Buffer[] = [];
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8').replaceAll('\r\n', '\n').trimEnd();
    },
    logs: (container) => logsOf(engine, nameOf(container)),
    id: async (container) => (await inspect(container))?.Id ?? '',
    isRunning: async (container) => (await inspect(container))?.State.Running ?? false,
    exitCode: async (container) => (await inspect(container))?.State.ExitCode,
    async memoryMib(container) {
      const stats = await engine.getContainer(nameOf(container)).stats({ stream: false });
      const { usage, stats: parts } = stats.memory_stats as { usage: number; stats: { inactive_file?: number } };
      return Math.round((usage - (parts.inactive_file ?? 0)) / 1024 / 1024);
    },
    async restart(container) {
      await engine.getContainer(nameOf(container)).restart({ t: 0 });
      restarts.set(container, (restarts.get(container) ?? 0) + 1);
    },
    kill: async (container) => void (await engine.getContainer(nameOf(container)).kill()),
    async stop() {
      stopping = true;
      await Promise.all(containers.map((c) => stopOne(c.name, 5)));
      await stopOne(agent.name, agent.stopTimeout);
    },
    remove,
  };
}

async function logsOf(engine: Engine, name: string): Promise<string> {
  const output = await engine
    .getContainer(name)
    .logs({ stdout: true, stderr: true })
    .catch((error: unknown) => Buffer.from(String(error)));
  // Each piece is headed by eight bytes.
  return output.toString('utf8').replaceAll(/[\u0000-\u0002]\u0000{3}[\s\S]{4}/g, '');
}
