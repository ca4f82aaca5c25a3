import type { Clock } from '@nodeless/component-base/clock';
import type { RunHook } from '../probes/lifecycle-hook.ts';
import { ProviderError } from '../providers/provider.ts';
import type { ContainerRuntime, ContainerStart } from './container-runtime.ts';
import type { ReportEvent } from './ensure-image.ts';
import { killContainer } from './kill-pod.ts';
import { grace } from './plan-pod.ts';
import { specHash } from './spec-hash.ts';

export interface StartDeps {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly runHook: RunHook;
  /** Holds the ids of containers whose postStart hook is running. */
  readonly hooking: Set<string>;
}

/**
 * Makes and starts a container and runs its postStart hook; when that fails, the container is ended again. Reports events.
 * Throws ProviderError with the waiting reason. Aborting ends the wait for the hook.
 */
export async function startContainer(
  deps: StartDeps,
  start: Omit<ContainerStart, 'specHash'>,
  report: ReportEvent,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, clock, runHook, hooking } = deps;
  const { container } = start;
  let id: string;
  try {
    id = await runtime.createContainer({ ...start, specHash: specHash(container) });
  } catch (error) {
    if (!(error instanceof ProviderError && error.code === 'unavailable'))
      report('Warning', 'Failed', `Error: ${textOf(error)}`);
    throw error;
  }
  report('Normal', 'Created', 'Container created');
  const hook = container.lifecycle?.postStart;
  if (hook) hooking.add(id);
  try {
    try {
      await runtime.startContainer(id);
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      report('Warning', 'Failed', `Error: ${textOf(error)}`);
      // The engine keeps what it could not start, with its reason: from here on that counts as a run that ended.
      return;
    }
    report('Normal', 'Started', 'Container started');
    if (hook) await runPostStart();
  } finally {
    hooking.delete(id);
  }

  async function runPostStart(): Promise<void> {
    const podIp = start.sandbox.podIps[0] ?? '';
    try {
      await runHook(hook ?? {}, { containerId: id, container, podIp }, signal);
    } catch (error) {
      if (signal.aborted) return;
      report('Warning', 'FailedPostStartHook', 'PostStartHook failed');
      const until = clock.now() + grace(start.pod.pod) * 1000;
      await killContainer(
        { runtime, clock, runHook },
        {
          run: { id, name: container.name, kind: start.kind },
          container,
          podIp,
          message: 'FailedPostStartHook',
          report,
        },
        () => until,
      );
      throw new ProviderError('invalid', textOf(error), { reason: 'PostStartHookError', cause: error });
    }
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
