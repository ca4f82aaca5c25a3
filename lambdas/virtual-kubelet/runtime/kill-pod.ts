import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import type { RunHook } from '../probes/lifecycle-hook.ts';
import { isSidecar } from '../restart-policy.ts';
import type { ContainerRuntime, RuntimeContainer } from './container-runtime.ts';
import type { ReportEvent } from './ensure-image.ts';

/** Whatever is left of the grace, a process gets this long to end by itself. */
const shortestGrace = 2;

export interface Killer {
  readonly runtime: Pick<ContainerRuntime, 'stopContainer'>;
  readonly clock: Clock;
  readonly runHook: RunHook;
}

export interface KillTarget {
  readonly run: Pick<RuntimeContainer, 'id' | 'name' | 'kind'>;
  /** undefined = the spec is not known any more (a pod found after a restart): no hook is run. */
  readonly container: Container | undefined;
  readonly podIp: string;
  readonly message: string;
  readonly report: ReportEvent;
}

/** Stops one container: its preStop hook, then its turn, then the stop signal, all within the grace. */
export async function killContainer(
  killer: Killer,
  target: KillTarget,
  deadline: () => number,
  turn: () => Promise<void> = async () => {},
): Promise<void> {
  const { runtime, clock, runHook } = killer;
  const { run, container, report } = target;
  report('Normal', 'Killing', target.message);
  const hook = container?.lifecycle?.preStop;
  if (container && hook && deadline() > clock.now()) {
    const controller = new AbortController();
    const timer = clock.setTimer(() => controller.abort(new Error('grace period is over')), deadline() - clock.now());
    try {
      await runHook(hook, { containerId: run.id, container, podIp: target.podIp }, controller.signal);
    } catch {
      report('Warning', 'FailedPreStopHook', 'PreStopHook failed');
    } finally {
      timer.cancel();
    }
  }
  await withinGrace(turn(), deadline, clock);
  const left = Math.ceil((deadline() - clock.now()) / 1000);
  await runtime.stopContainer(run.id, Math.max(shortestGrace, left));
}

/** Stops everything: regular containers at once, then sidecars from the last to the first. */
export async function killPod(
  killer: Killer,
  pod: Pod | undefined,
  targets: readonly KillTarget[],
  deadline: () => number,
): Promise<void> {
  const order = (pod?.spec?.initContainers ?? []).filter(isSidecar).map((c) => c.name);
  const position = (target: KillTarget): number =>
    target.run.kind === 'init' ? order.indexOf(target.run.name) : order.length;
  const done = new Map<KillTarget, Promise<void>>();
  const laterThan = (target: KillTarget): Promise<unknown> => {
    const mine = position(target);
    return Promise.allSettled([...done].filter(([other]) => position(other) > mine).map(([, work]) => work));
  };
  // Those that end first are begun first, so that the others find their work to wait for.
  for (const target of [...targets].sort((a, b) => position(b) - position(a))) {
    const waitFor = laterThan(target);
    done.set(
      target,
      killContainer(killer, target, deadline, async () => void (await waitFor)),
    );
  }
  await Promise.all(done.values());
}

/** Resolves with the work or when the grace is over, whichever is first. */
function withinGrace(work: Promise<void>, deadline: () => number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(resolve, Math.max(0, deadline() - clock.now()));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
