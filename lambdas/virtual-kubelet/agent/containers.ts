import type { Container, Probe } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { Dialer } from '../probes/dialer.ts';
import { createProber } from '../probes/prober.ts';
import { createRunProbe } from '../probes/run-probe.ts';
import type { AgentContainer, AgentTiming, ContainerReport } from './agent-protocol.ts';
import type { ReadTask, TaskContainer, TaskView } from './task-metadata.ts';

export interface ContainersDeps {
  readonly containers: readonly AgentContainer[];
  readonly readTask: ReadTask;
  readonly dial: Dialer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing: AgentTiming['metadata'];
  /** Something about a report has changed. */
  readonly onChange: () => void;
  readonly onEvent: (type: 'Normal' | 'Warning', reason: string, message: string, fieldPath: string) => void;
}

/** The pod's containers as the task's metadata and their probes show them. */
export interface Containers {
  start(): void;
  reports(): readonly ContainerReport[];
  /** Resolves once all of these have ended; never for none. */
  ended(names: readonly string[]): Promise<void>;
  /** Looks once more and rejects nothing: for the last report. */
  lookAgain(): Promise<void>;
  stop(): void;
}

/** Until ECS has made a first check there is nothing to say; the words never reach an event. */
const unknownHealth = 'no health check has been made';
/** A container that has ended may be about to be started again by its restart policy. */
const endedForMs = 5_000;

export function createContainers(deps: ContainersDeps): Containers {
  const { clock, log, timing, onChange, onEvent } = deps;
  const specs = new Map(deps.containers.map((one) => [one.name, one]));
  const changedAt = new Map<string, { key: string; at: string }>();
  const failures = new Map<string, ContainerReport['failed']>();
  const lastProblem = new Map<string, string>();
  let view: TaskView = { podIp: '', stopping: false, containers: new Map() };
  let timer: Timer | undefined;
  let stopped = false;
  let waiting: { readonly names: readonly string[]; since: number | undefined; resolve: () => void } | undefined;

  const prober = createProber({ clock, run: createRunProbe({ exec: healthCheck, dial: deps.dial }), onChange });

  /** An exec probe is ECS' health check of the container: its thresholds were applied there. */
  function healthCheck(id: string): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    const found = [...view.containers].find(([name, one]) => runKey(name, one) === id)?.[1];
    if (!found?.health) return Promise.reject(new Error(unknownHealth));
    return Promise.resolve({ exitCode: found.health.healthy ? 0 : 1, output: found.health.output, timedOut: false });
  }

  const sync = (): void => {
    if (view.stopping) prober.keepReadinessOnly();
    prober.sync(
      [...view.containers].flatMap(([name, one]) => {
        const spec = specs.get(name);
        if (!spec || one.state !== 'running') return [];
        return [
          {
            id: runKey(name, one),
            container: probedContainer(spec),
            podIp: view.podIp,
            // Two clocks: what has started has not done so in the future.
            startedAt: Math.min(clock.now(), Date.parse(one.startedAt ?? '') || clock.now()),
            wasStarted: false,
            wasReady: false,
            report: (type: 'Normal' | 'Warning', reason: string, message: string) => {
              if (message.endsWith(unknownHealth)) return;
              if (reason === 'Unhealthy') lastProblem.set(`${runKey(name, one)}/${kindOf(message)}`, message);
              onEvent(type, reason, message, spec.fieldPath);
            },
          },
        ];
      }),
    );
  };

  const look = async (): Promise<void> => {
    try {
      const before = fingerprint(view);
      view = await deps.readTask();
      sync();
      if (fingerprint(view) !== before) onChange();
    } catch (error) {
      log.warn('the task metadata could not be read', { error: String(error) });
    }
    checkEnded();
  };

  const checkEnded = (): void => {
    if (!waiting) return;
    const all = waiting.names.every((name) => view.containers.get(name)?.state === 'ended');
    if (!all) waiting.since = undefined;
    else if (waiting.since === undefined) waiting.since = clock.now();
    else if (clock.now() - waiting.since >= endedForMs) waiting.resolve();
  };

  const loop = async (): Promise<void> => {
    await look();
    if (stopped) return;
    const starting = [...specs.keys()].some((name) => (view.containers.get(name)?.state ?? 'waiting') === 'waiting');
    timer = clock.setTimer(() => void loop(), starting ? timing.starting : timing.running);
  };

  const reportOf = (name: string): ContainerReport => {
    const one = view.containers.get(name);
    const running = one?.state === 'running';
    const id = one ? runKey(name, one) : '';
    const verdict = running ? prober.verdict(id) : undefined;
    const started = verdict?.started ?? false;
    const ready = verdict?.ready ?? false;
    if (verdict?.failed && !failures.has(id))
      failures.set(id, {
        probe: verdict.failed,
        message: lastProblem.get(`${id}/${verdict.failed}`) ?? `${verdict.failed} probe failed`,
      });
    const failed = failures.get(id);
    const key = `${id}/${started}/${ready}`;
    const known = changedAt.get(name);
    const at = known?.key === key ? known.at : new Date(clock.now()).toISOString();
    changedAt.set(name, { key, at });
    return {
      name,
      runId: one?.id ?? '',
      state: one?.state ?? 'waiting',
      ...(one?.startedAt === undefined ? {} : { startedAt: one.startedAt }),
      ...(one?.finishedAt === undefined ? {} : { finishedAt: one.finishedAt }),
      ...(one?.exitCode === undefined ? {} : { exitCode: one.exitCode }),
      ...(one?.restartCount === undefined ? {} : { restartCount: one.restartCount }),
      started,
      ready,
      changedAt: at,
      ...(failed ? { failed } : {}),
    };
  };

  return {
    start: () => void loop(),
    reports: () => [...specs.keys()].map(reportOf),
    ended: (names) =>
      new Promise((resolve) => {
        if (names.length > 0) waiting = { names, since: undefined, resolve };
      }),
    lookAgain: look,
    stop() {
      stopped = true;
      timer?.cancel();
      prober.stop();
    },
  };
}

/** One run of a container: a restart by its policy is another, whatever happens to the id. */
const runKey = (name: string, one: TaskContainer): string =>
  `${name}/${one.id}/${one.restartCount ?? 0}/${one.startedAt ?? ''}`;

/** A probe's message begins with its kind: `Liveness probe failed: …`. */
const kindOf = (message: string): string => (message.split(' ')[0] ?? '').toLowerCase();

const fingerprint = (view: TaskView): string =>
  [...view.containers].map(([name, one]) => `${runKey(name, one)}/${one.state}/${one.exitCode ?? ''}`).join('\n');

function probedContainer(spec: AgentContainer): Container {
  const { name, ports, startupProbe, livenessProbe, readinessProbe } = spec;
  return {
    name,
    ports: ports.map(({ name: portName, containerPort }) => ({
      ...(portName ? { name: portName } : {}),
      containerPort,
    })),
    ...(startupProbe ? { startupProbe: probe(startupProbe) } : {}),
    ...(livenessProbe ? { livenessProbe: probe(livenessProbe) } : {}),
    ...(readinessProbe ? { readinessProbe: probe(readinessProbe) } : {}),
  };
}

const probe = (spec: Probe): Probe =>
  spec.exec ? { ...spec, initialDelaySeconds: 0, periodSeconds: 1, failureThreshold: 1, successThreshold: 1 } : spec;
