/** Real agents beside the tasks of an ECS model, in this process: everything of them but their container. */
import { PassThrough } from 'node:stream';
import type { Task } from '@aws-sdk/client-ecs';
import { silentLogger } from '@nodeless/component-base/logger';
import { type Agent, createAgent } from '@nodeless/virtual-kubelet/agent/agent';
import { agentContainerName } from '@nodeless/virtual-kubelet/agent/agent-container';
import { type BootSettings, bootVariable, paths } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { type DoorClient, DoorError } from '@nodeless/virtual-kubelet/agent/door-client';
import type { TaskContainer, TaskView } from '@nodeless/virtual-kubelet/agent/task-metadata';
import type { FargateCluster } from './fargate-cluster.ts';

export interface TaskAgents {
  /** How probes are answered from now on, by the port that they go to. Nobody listens on others. */
  readonly open: Set<number>;
  /** While true no agent reaches the door. */
  cut: boolean;
  /** Of the tasks that run. */
  running(): number;
  /** As the cluster's own, but time waits for what agents ask of the door: signatures are checked in threads of this machine. */
  settle(ms: number): Promise<void>;
  until<T>(what: string, check: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  close(): Promise<void>;
}

const lookMs = 250;
const stepMs = 500;

export function createTaskAgents(cluster: FargateCluster): TaskAgents {
  const { clock, ecs } = cluster;
  const agents = new Map<string, { readonly agent: Agent; readonly over: Promise<number> }>();
  const result = { open: new Set<number>(), cut: false };
  let closed = false;
  let asking = 0;
  const calm = async (): Promise<void> => {
    for (let rounds = 0; rounds < 2; rounds = asking === 0 ? rounds + 1 : 0) {
      await cluster.settle();
      if (asking > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };

  const doorClient = (settings: BootSettings): DoorClient => {
    let token = settings.token;
    const ask = async <T>(method: string, path: string, body?: unknown, revision = ''): Promise<T | undefined> => {
      if (result.cut) throw new DoorError(0, 'cut off');
      asking++;
      try {
        return await answerOf(method, path, body, revision);
      } finally {
        asking--;
      }
    };
    const answerOf = async <T>(
      method: string,
      path: string,
      body: unknown,
      revision: string,
    ): Promise<T | undefined> => {
      const { door } = await cluster.kubelet();
      const answer = await door(
        new Request(settings.url + path, {
          method,
          headers: { authorization: `Bearer ${token}`, ...(revision ? { 'if-none-match': `"${revision}"` } : {}) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      if (answer.status === 304) return undefined;
      if (!answer.ok) throw new DoorError(answer.status, await answer.text());
      return (await answer.json()) as T;
    };
    const must = async <T>(answer: Promise<T | undefined>): Promise<T> => (await answer) as T;
    return {
      boot: () => must(ask('GET', paths.boot)),
      volumes: (revision) => ask('GET', paths.volumes, undefined, revision),
      token: (query) => must(ask('POST', paths.token, query)),
      report: (report) => must(ask('POST', paths.report, report)),
      services: (revision) => ask('GET', paths.services, undefined, revision),
      endpoints: (query) => must(ask('POST', paths.endpoints, query)),
      useToken: (next) => void (token = next),
      close: () => {},
    };
  };

  const begin = (task: Task): void => {
    const arn = task.taskArn ?? '';
    const environment = task.overrides?.containerOverrides?.find((c) => c.name === agentContainerName)?.environment;
    const settings = JSON.parse(environment?.find((e) => e.name === bootVariable)?.value ?? '') as BootSettings;
    const agent = createAgent({
      door: doorClient(settings),
      dial: (_, port) =>
        result.open.has(port)
          ? Promise.resolve(new PassThrough())
          : Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
      clock,
      log: silentLogger,
      version: 'test',
      // A disk would not wait for the clock.
      writer: { write: () => Promise.resolve(true), prepare: () => Promise.resolve() },
      markReady: () => Promise.resolve(),
      readTask: () => Promise.resolve(viewOf(task)),
    });
    agents.set(arn, { agent, over: agent.run() });
  };

  const look = (): void => {
    if (closed) return;
    for (const task of ecs.tasks()) {
      const container = task.containers?.find((c) => c.name === agentContainerName);
      const known = agents.get(task.taskArn ?? '');
      if (container?.lastStatus === 'RUNNING' && !known) begin(task);
      if (container?.lastStatus === 'STOPPED') known?.agent.terminate();
    }
    clock.setTimer(look, lookMs);
  };
  look();

  return Object.assign(result, {
    running: () =>
      ecs.tasks().filter((t) => t.containers?.some((c) => c.name === agentContainerName && c.lastStatus === 'RUNNING'))
        .length,
    async settle(ms: number) {
      await calm();
      for (let left = ms; left > 0; left -= stepMs) {
        await clock.advance(Math.min(stepMs, left));
        await calm();
      }
    },
    async until<T>(what: string, check: () => Promise<T | undefined | false>, withinMs = 300_000): Promise<T> {
      for (const start = clock.now(); ; await clock.advance(stepMs)) {
        await calm();
        const found = await check();
        if (found !== undefined && found !== false) return found;
        if (clock.now() - start >= withinMs) throw new Error(`did not happen: ${what}`);
      }
    },
    async close() {
      closed = true;
      for (const { agent } of agents.values()) agent.terminate();
      await calm();
    },
  });
}

function viewOf(task: Task): TaskView {
  const containers = new Map<string, TaskContainer>();
  for (const { name = '', runtimeId = '', lastStatus, exitCode } of task.containers ?? []) {
    const state = lastStatus === 'RUNNING' ? 'running' : lastStatus === 'STOPPED' ? 'ended' : 'waiting';
    containers.set(name, { id: runtimeId, state, ...(exitCode === undefined ? {} : { exitCode }) });
  }
  return { podIp: '10.0.0.7', stopping: task.desiredStatus === 'STOPPED', containers };
}
