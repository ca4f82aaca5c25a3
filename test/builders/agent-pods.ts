/** Pods as tasks on Docker, each with a real agent, against a real door over HTTP on the engine's bridge. */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConflict } from '@nodeless/apimachinery/status';
import { pods } from '@nodeless/client/resource-types';
import { systemClock } from '@nodeless/component-base/clock';
import { agentContainer, agentOverride } from '@nodeless/virtual-kubelet/agent/agent-container';
import { type AgentTiming, sharedVolumeName } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { probeStatus } from '@nodeless/virtual-kubelet/agent/apply-report';
import { agentVolumeNames } from '@nodeless/virtual-kubelet/agent-door/agent-volumes';
import { createServiceDirectory } from '@nodeless/virtual-kubelet/agent-door/service-directory';
import { findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { build } from 'esbuild';
import { type AgentCluster, createAgentCluster, type DoorServer, serveDoor } from './agent-door.ts';
import { bridgeAddress, type DockerTask, runDockerTask, type TaskOptions } from './docker-task.ts';
import { ensureNodeImage } from './node-image.ts';
import { probedApp, probedAppPath, probedAppPorts } from './probed-app.ts';

/** Everything faster than in AWS, nothing otherwise different. */
const timing: Partial<AgentTiming> = {
  volumes: { min: 300, max: 600 },
  services: { min: 300, max: 600 },
  metadata: { starting: 100, running: 200 },
  events: 500,
  gone: 300,
};

export interface AgentPod {
  readonly name: string;
  readonly pod: Pod;
  readonly task: DockerTask;
  /** Asks the program in the container. */
  ask<T = Record<string, unknown>>(path: string): Promise<T>;
  ready(): Promise<string | undefined>;
}

export interface AgentPods {
  readonly cluster: AgentCluster;
  readonly server: DoorServer;
  /** Where containers reach the door. */
  readonly url: string;
  /** With the agent's needs and the program of probed-app.ts. */
  readonly image: string;
  /** The agent in one file. */
  readonly program: string;
  /** A pod as API object and as a task, with what the kubelet would say of it once its containers run. */
  run(
    spec: Partial<PodSpec>,
    more?: Partial<TaskOptions> & {
      readonly token?: (pod: Pod) => Promise<string>;
      /** Makes the task out of the pod, in place of what is done without. */
      readonly plan?: (pod: Pod, token: string) => Promise<TaskOptions>;
    },
  ): Promise<AgentPod>;
  /** What the pod reconciler does when ECS says that the containers run. */
  markRunning(pod: Pod, task: DockerTask): Promise<void>;
  removeTasks(): Promise<void>;
  close(): Promise<void>;
}

export async function createAgentPods(): Promise<AgentPods> {
  const { engine } = findEngine();
  const tasks: DockerTask[] = [];
  let sequence = 0;
  const image = await ensureNodeImage(engine, 'nodeless-test-agent', { [probedAppPath]: probedApp });
  const entry = fileURLToPath(new URL('../../lambdas/virtual-kubelet/agent/main.ts', import.meta.url));
  const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    write: false,
  });
  const program = bundle.outputFiles[0]?.text ?? '';
  const cluster = await createAgentCluster({
    clock: systemClock,
    timing,
    program,
    services: (client) =>
      createServiceDirectory({ client, dataPaths: { byDefault: 'auto', agents: true, loadBalancers: false } }),
  });
  const address = await bridgeAddress(engine);
  const server = await serveDoor(cluster.door, address);
  const url = `http://${address}:${server.port}`;

  const run: AgentPods['run'] = async (spec, more = {}) => {
    const name = `pod-${++sequence}`;
    const pod = await cluster.startPod(name, { automountServiceAccountToken: false, ...spec }, { waiting: true });
    const volumes = agentVolumeNames(pod).map(sharedVolumeName);
    const token = await (more.token ?? cluster.agentToken)(pod);
    const task = await runDockerTask(
      engine,
      (await more.plan?.(pod, token)) ?? {
        agent: agentContainer({ image, volumes }),
        agentEnvironment: agentOverride(url, token).environment,
        volumes,
        containers: (pod.spec?.containers ?? []).map((c) => ({
          name: c.name,
          image,
          command: ['node', probedAppPath],
          user: String(c.securityContext?.runAsUser ?? 0),
          environment: Object.fromEntries((c.env ?? []).map((e) => [e.name, e.value ?? ''])),
          mounts: (c.volumeMounts ?? []).map((m) => ({
            volume: sharedVolumeName(m.name),
            path: m.mountPath,
            readOnly: m.name !== 'scratch',
          })),
        })),
        ...more,
      },
    );
    tasks.push(task);
    await markRunning(pod, task);
    return {
      name,
      pod,
      task,
      ask: async <T>(path: string) =>
        (await retried(() => fetch(`http://${task.address}:${probedAppPorts.control}${path}`)).then((r) =>
          r.json(),
        )) as T,
      ready: async () => (await cluster.readPod(name)).status?.conditions?.find((c) => c.type === 'Ready')?.status,
    };
  };

  const markRunning = async (pod: Pod, task: DockerTask): Promise<void> => {
    const ids = new Map<string, string>();
    for (const { name } of pod.spec?.containers ?? []) ids.set(name, await task.id(name));
    for (;;) {
      const now = await cluster.readPod(pod.metadata?.name ?? '');
      const containerStatuses = (now.spec?.containers ?? []).map((c) => ({
        name: c.name,
        image: c.image ?? '',
        imageID: '',
        containerID: `ecs://${ids.get(c.name)}`,
        restartCount: 0,
        ...probeStatus(now, c, ids.get(c.name) ?? ''),
        state: { running: { startedAt: new Date().toISOString().replace(/\.\d+/, '') } },
      }));
      try {
        await cluster
          .nodeClient()
          .update(
            pods,
            { ...now, status: { ...now.status, phase: 'Running', containerStatuses } },
            { subresource: 'status' },
          );
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  };

  const removeTasks = async (): Promise<void> => {
    await Promise.all(tasks.splice(0).map((task) => task.remove()));
  };
  return {
    cluster,
    server,
    url,
    image,
    program,
    run,
    markRunning,
    removeTasks,
    async close() {
      await removeTasks();
      await server.close();
      await cluster.close();
    },
  };
}

export async function until(condition: () => Promise<boolean>, everyMs = 50, patienceMs = 50_000): Promise<void> {
  for (const deadline = Date.now() + patienceMs; ; await delay(everyMs)) {
    if (await condition()) return;
    if (Date.now() > deadline) throw new Error('it did not come to be in time');
  }
}

/** A program that has just been started may not listen yet. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 10_000; ; await delay(50)) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
