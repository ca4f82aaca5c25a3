import type { Container, Probe } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { ReportEvent } from '../runtime/ensure-image.ts';
import type { RunProbe } from './run-probe.ts';

export interface ProbedRun {
  readonly id: string;
  readonly container: Container;
  readonly podIp: string;
  readonly startedAt: number;
  /** Known from before this process began: a container that was ready stays so until a probe says otherwise. */
  readonly wasStarted: boolean;
  readonly wasReady: boolean;
  readonly report: ReportEvent;
}

export interface Verdict {
  readonly started: boolean;
  readonly ready: boolean;
  readonly failed: 'liveness' | 'startup' | undefined;
}

/** Probes the running containers of one pod. */
export interface Prober {
  /** Probes exactly these runs from now on; what is known of the others is forgotten. */
  sync(runs: readonly ProbedRun[]): void;
  /** A run that is not probed is started and ready. */
  verdict(id: string): Verdict;
  /** While a pod is stopping only its readiness matters. */
  keepReadinessOnly(): void;
  stop(): void;
}

type ProbeKind = 'startup' | 'liveness' | 'readiness';
const titles = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

interface RunState {
  readonly run: ProbedRun;
  started: boolean;
  ready: boolean;
  failed: 'liveness' | 'startup' | undefined;
  readonly workers: Map<ProbeKind, { stop(): void }>;
}

export function createProber(deps: {
  readonly clock: Clock;
  readonly run: RunProbe;
  readonly onChange: () => void;
}): Prober {
  const { clock, run: runProbe, onChange } = deps;
  const states = new Map<string, RunState>();
  let readinessOnly = false;

  const startWorker = (state: RunState, kind: ProbeKind, probe: Probe, onResult: (success: boolean) => void): void => {
    if (state.workers.has(kind)) return;
    const worker = createProbeWorker({
      clock,
      kind,
      probe,
      startedAt: state.run.startedAt,
      report: state.run.report,
      attempt: () => runProbe(probe, state.run),
      onResult,
    });
    state.workers.set(kind, worker);
  };

  /** The other probes begin once the startup probe has succeeded. */
  const afterStartup = (state: RunState): void => {
    const { livenessProbe, readinessProbe } = state.run.container;
    if (livenessProbe && !readinessOnly) {
      startWorker(state, 'liveness', livenessProbe, (success) => {
        if (success) return;
        state.failed = 'liveness';
        state.workers.get('liveness')?.stop();
        onChange();
      });
    }
    if (readinessProbe) {
      startWorker(state, 'readiness', readinessProbe, (success) => {
        if (state.ready === success) return;
        state.ready = success;
        onChange();
      });
    }
  };

  const add = (run: ProbedRun): void => {
    const { startupProbe, readinessProbe } = run.container;
    const started = !startupProbe || run.wasStarted;
    const state: RunState = {
      run,
      started,
      ready: readinessProbe ? run.wasReady : true,
      failed: undefined,
      workers: new Map(),
    };
    states.set(run.id, state);
    if (started || !startupProbe) {
      afterStartup(state);
      return;
    }
    startWorker(state, 'startup', startupProbe, (success) => {
      state.workers.get('startup')?.stop();
      if (success) {
        state.started = true;
        afterStartup(state);
      } else {
        state.failed = 'startup';
      }
      onChange();
    });
  };

  const drop = (state: RunState): void => {
    for (const worker of state.workers.values()) worker.stop();
    states.delete(state.run.id);
  };

  return {
    sync(runs) {
      const wanted = new Set(runs.map((r) => r.id));
      for (const state of states.values()) if (!wanted.has(state.run.id)) drop(state);
      for (const run of runs) if (!states.has(run.id)) add(run);
    },
    verdict(id) {
      const state = states.get(id);
      if (!state) return { started: true, ready: true, failed: undefined };
      return { started: state.started, ready: state.started && state.ready, failed: state.failed };
    },
    keepReadinessOnly() {
      readinessOnly = true;
      for (const state of states.values()) {
        state.workers.get('liveness')?.stop();
        state.workers.get('startup')?.stop();
      }
    },
    stop() {
      for (const state of states.values()) drop(state);
    },
  };
}

interface WorkerOptions {
  readonly clock: Clock;
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly startedAt: number;
  readonly report: ReportEvent;
  readonly attempt: () => ReturnType<RunProbe>;
  /** Called each time enough results in a row agree. */
  readonly onResult: (success: boolean) => void;
}

/** Runs one probe every period, from the initial delay on, one try at a time. */
function createProbeWorker(options: WorkerOptions): { stop(): void } {
  const { clock, kind, probe, report } = options;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  let timer: Timer | undefined;
  let stopped = false;
  let last: boolean | undefined;
  let inARow = 0;

  const judge = (success: boolean): void => {
    inARow = last === success ? inARow + 1 : 1;
    last = success;
    if (inARow >= (success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3))) options.onResult(success);
  };

  const tick = async (): Promise<void> => {
    const begun = clock.now();
    const { outcome, output } = await options.attempt();
    if (stopped) return;
    timer = clock.setTimer(() => void tick(), Math.max(0, begun + periodMs - clock.now()));
    const title = titles[kind];
    if (outcome === 'unknown') {
      // The probe itself could not be made: that says nothing about the container.
      report('Warning', 'Unhealthy', `${title} probe errored and resulted in unknown state: ${output}`);
      return;
    }
    if (outcome === 'warning') report('Warning', 'ProbeWarning', `${title} probe warning: ${output}`);
    if (outcome === 'failure') report('Warning', 'Unhealthy', `${title} probe failed: ${output}`);
    judge(outcome !== 'failure');
  };

  const firstAt = options.startedAt + (probe.initialDelaySeconds ?? 0) * 1000;
  timer = clock.setTimer(() => void tick(), Math.max(0, firstAt - clock.now()));
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
