import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { backoffDelay } from '@nodeless/component-base/retry';
import type { AgentReport, AgentTiming, ContainerReport, ReportedEvent } from './agent-protocol.ts';
import { type DoorClient, DoorError } from './door-client.ts';

export interface ReporterDeps {
  readonly door: Pick<DoorClient, 'report'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing: Pick<AgentTiming, 'heartbeat' | 'gather' | 'events' | 'gone'>;
  readonly identity: Pick<AgentReport, 'agent' | 'podUid' | 'bootedAt'>;
  readonly containers: () => readonly ContainerReport[];
  readonly volumesRevision: () => string;
  readonly events: { pending(): readonly ReportedEvent[]; settle(events: readonly ReportedEvent[]): void };
  /** The pod is gone, said more than once. */
  readonly onGone: () => void;
  /** The volumes have another revision by now. */
  readonly onVolumesRevision: (revision: string) => void;
  readonly random?: () => number;
}

/** Sends where the agent stands: soon after each change, one report at a time, again and again until it has arrived. */
export interface Reporter {
  /** Something worth telling now. */
  changed(): void;
  /** A repeat of something: it may wait for others. */
  later(): void;
  /** Says the last word; resolves when it was said or could not be. */
  finish(timeoutMs: number): Promise<void>;
  stop(): void;
}

const firstRetryMs = 250;
const longestRetryMs = 30_000;
/** A single 410 could be a mistake, and the agent's end is the pod's. */
const goneTimes = 3;

export function createReporter(deps: ReporterDeps): Reporter {
  const { door, clock, log, timing, identity, events } = deps;
  let sequence = 0;
  let last: { readonly content: string; readonly report: AgentReport } | undefined;
  let timer: Timer | undefined;
  let timerAt = Infinity;
  let sending: Promise<void> | undefined;
  let dirty = false;
  let failures = 0;
  let gone = 0;
  let stopped = false;

  const schedule = (ms: number): void => {
    const at = clock.now() + ms;
    if (stopped || sending || at >= timerAt) return;
    timer?.cancel();
    timerAt = at;
    timer = clock.setTimer(() => {
      timerAt = Infinity;
      sending = send().finally(() => {
        sending = undefined;
        // The next one: at once what changed meanwhile, after a failure the same again, else the heartbeat.
        if (failures > 0) schedule(retryMs);
        else if (dirty) schedule(timing.gather);
        else if (events.pending().length > 0) schedule(timing.events);
        else schedule(jittered(timing.heartbeat, deps.random));
      });
    }, ms);
  };
  let retryMs = 0;

  /** What is sent again because nobody answered keeps its number, unless there is more to say by now. */
  const next = (): AgentReport => {
    const body = {
      protocol: 1 as const,
      ...identity,
      volumesRevision: deps.volumesRevision(),
      containers: deps.containers(),
      events: events.pending(),
    };
    const content = JSON.stringify(body);
    if (failures > 0 && last?.content === content) return last.report;
    last = { content, report: { ...body, sequence: ++sequence, at: new Date(clock.now()).toISOString() } };
    return last.report;
  };

  const send = async (timeoutMs?: number): Promise<void> => {
    dirty = false;
    const report = next();
    try {
      const answer = await door.report(report, timeoutMs);
      events.settle(report.events);
      failures = 0;
      gone = 0;
      if (answer.volumesRevision !== undefined) deps.onVolumesRevision(answer.volumesRevision);
    } catch (error) {
      failures += 1;
      retryMs = backoffDelay(failures, { baseMs: firstRetryMs, capMs: longestRetryMs, random: deps.random }) + 50;
      if (error instanceof DoorError) {
        retryMs = Math.max(retryMs, error.retryAfterMs ?? 0);
        gone = error.status === 410 ? gone + 1 : 0;
        if (gone > 0) retryMs = Math.max(retryMs, timing.gone);
        if (gone >= goneTimes) deps.onGone();
        // Sent again it would be refused again.
        if (error.status === 400 || error.status === 413) events.settle(report.events);
      }
      log.warn('the report did not arrive', { sequence: report.sequence, failures, error: String(error) });
    }
  };

  return {
    changed() {
      dirty = true;
      if (failures === 0) schedule(timing.gather);
    },
    later() {
      if (failures === 0) schedule(timing.events);
    },
    async finish(timeoutMs) {
      stopped = true;
      timer?.cancel();
      await sending;
      await send(timeoutMs);
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

/** A tenth more or less, so that pods started together do not stay together. */
export function jittered(ms: number, random: () => number = Math.random): number {
  return Math.round(ms * (0.9 + 0.2 * random()));
}
