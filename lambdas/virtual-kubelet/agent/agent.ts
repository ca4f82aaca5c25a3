import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { backoffDelay } from '@nodeless/component-base/retry';
import { sleep } from '@nodeless/component-base/clock';
import type { Dialer } from '../probes/dialer.ts';
import {
  agentAudience,
  agentTokenSeconds,
  type BootDocument,
  type Capability,
  protocolVersion,
} from './agent-protocol.ts';
import { type Containers, createContainers } from './containers.ts';
import { type DoorClient, DoorError } from './door-client.ts';
import { createEventLog } from './event-log.ts';
import { createReporter } from './reporter.ts';
import { createServiceEndpoints } from './service-endpoints.ts';
import { createServiceProxy } from './service-proxy.ts';
import { assumeRunning, type ReadTask } from './task-metadata.ts';
import { createVolumeKeeper } from './volume-keeper.ts';
import type { VolumeWriter } from './volume-writer.ts';

export interface AgentDeps {
  readonly door: DoorClient;
  readonly dial: Dialer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly writer: VolumeWriter;
  /** Says, or no longer says, that the pod's containers may start. */
  readonly markReady: (ready: boolean) => Promise<void>;
  /** Absent where there is no metadata endpoint. */
  readonly readTask: ReadTask | undefined;
}

export interface Agent {
  /** Boots, and then lives until there is nothing left to do. Resolves with the exit code. */
  run(): Promise<number>;
  /** The task is being stopped: a last report, and `run` resolves. */
  terminate(): void;
}

const capabilities: readonly Capability[] = ['volumes', 'tokens', 'probes', 'health-check-probes', 'services'];
/** ECS gives up on the containers that wait after two minutes. */
const bootPatienceMs = 110_000;
const lastReportMs = 2_000;

export function createAgent(deps: AgentDeps): Agent {
  const { door, writer, clock, log } = deps;
  const terminated = new AbortController();

  const boot = async (): Promise<BootDocument> => {
    const deadline = clock.now() + bootPatienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        const document = await door.boot();
        if (document.protocol !== protocolVersion)
          throw new DoorError(400, `protocol ${String(document.protocol)} is not spoken here`);
        return document;
      } catch (error) {
        const status = error instanceof DoorError ? error.status : 0;
        if (status === 400 || status === 403 || status === 410 || clock.now() >= deadline) throw error;
        log.warn('no boot document yet', { attempt, error: String(error) });
        const wait = backoffDelay(attempt, { baseMs: 250, capMs: 8_000 }) + 50;
        await sleep(clock, Math.max(wait, (error as DoorError).retryAfterMs ?? 0), terminated.signal);
      }
    }
  };

  const live = async (document: BootDocument): Promise<number> => {
    const { pod, timing } = document;
    const bootedAt = clock.now();
    const events = createEventLog(clock.now);
    let onGone: () => void = () => {};
    const gone = new Promise<void>((resolve) => (onGone = resolve));
    let containers: Containers | undefined;
    const volumes = createVolumeKeeper({
      door,
      writer,
      clock,
      log,
      timing: timing.volumes,
      onChange: () => reporter.changed(),
      onEvent: (type, reason, message) => note(type, reason, message, ''),
    });
    const reporter = createReporter({
      door,
      clock,
      log,
      timing,
      identity: { agent: { version: deps.version, capabilities }, podUid: pod.uid, bootedAt },
      containers: () => containers?.reports() ?? [],
      volumesRevision: () => volumes.revision(),
      events,
      onGone,
      onVolumesRevision: (revision) => volumes.hint(revision),
    });
    const note = (type: 'Normal' | 'Warning', reason: string, message: string, fieldPath: string): void => {
      if (events.add(type, reason, message, fieldPath)) reporter.changed();
      else reporter.later();
    };
    containers = createContainers({
      containers: document.containers,
      readTask:
        deps.readTask ??
        assumeRunning(
          document.containers.map((c) => c.name),
          clock.now,
        ),
      dial: deps.dial,
      clock,
      log,
      timing: timing.metadata,
      onChange: () => reporter.changed(),
      onEvent: note,
    });

    for (const folder of document.emptyDirs) await writer.prepare(folder);
    await volumes.begin(document);
    const services = document.capabilities.includes('services')
      ? createServiceProxy({
          door,
          endpoints: createServiceEndpoints({ door, clock, log }),
          containers: document.containers,
          clock,
          log,
          timing: timing.services,
          onEvent: (type, reason, message) => note(type, reason, message, ''),
        })
      : undefined;
    // Before the pod's containers, which may want a Service at once.
    await services?.begin();
    const credentials = keepOwnToken(deps);
    await deps.markReady(true);
    log.info('the volumes stand', { pod: `${pod.namespace}/${pod.name}`, volumes: document.volumes.volumes.length });
    containers.start();
    reporter.changed();

    const reason = await Promise.race([
      onAbort(terminated.signal).then(() => 'terminated' as const),
      gone.then(() => 'gone' as const),
      containers.ended(document.endsWith).then(() => 'ended' as const),
    ]);
    log.info('the agent ends', { reason });
    volumes.stop();
    credentials.stop();
    services?.stop();
    if (reason === 'gone') reporter.stop();
    else {
      await containers.lookAgain();
      await reporter.finish(lastReportMs);
    }
    containers.stop();
    return 0;
  };

  return {
    async run() {
      try {
        return await live(await boot());
      } catch (error) {
        if (terminated.signal.aborted) return 0;
        log.error('the agent cannot start', { error: String(error) });
        return 1;
      } finally {
        await deps.markReady(false);
        door.close();
      }
    },
    terminate: () => terminated.abort(),
  };
}

/** Takes the place of the boot token at once, and of each token before four fifths of its life are over. */
function keepOwnToken({ door, clock, log }: AgentDeps): { stop(): void } {
  let timer: Timer | undefined;
  let stopped = false;
  let failures = 0;
  const renew = async (): Promise<void> => {
    let delay: number;
    try {
      const { token, renewAt } = await door.token({ audience: agentAudience, expirationSeconds: agentTokenSeconds });
      door.useToken(token);
      failures = 0;
      delay = Math.max(60_000, Date.parse(renewAt) - clock.now());
    } catch (error) {
      failures += 1;
      delay = 1_000 + backoffDelay(failures, { baseMs: 1_000, capMs: 300_000 });
      log.warn('the own token could not be renewed', { failures, error: String(error) });
    }
    if (!stopped) timer = clock.setTimer(() => void renew(), delay);
  };
  void renew();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

const onAbort = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
