import type { Container, LifecycleHandler } from '@nodeless/apimachinery/generated/types/core/v1';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { ContainerRuntime } from '../runtime/container-runtime.ts';
import type { Dialer } from './dialer.ts';
import { httpErrorText, httpGet, urlOf } from './http-probe.ts';
import { httpTarget } from './run-probe.ts';

export interface HookTarget {
  readonly containerId: string;
  readonly container: Container;
  readonly podIp: string;
}

/** Runs a postStart or preStop handler; throws with the reason when it fails. Aborting ends the wait, not the command. */
export type RunHook = (handler: LifecycleHandler, target: HookTarget, signal: AbortSignal) => Promise<void>;

export function createRunHook(deps: {
  readonly exec: ContainerRuntime['execSync'];
  readonly dial: Dialer;
  readonly clock: Clock;
}): RunHook {
  const { exec, dial, clock } = deps;
  return async (handler, target, signal) => {
    if (handler.exec) {
      const command = handler.exec.command ?? [];
      const { exitCode, output } = await orAborted(exec(target.containerId, command, 0), signal);
      if (exitCode !== 0) throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
    } else if (handler.httpGet) {
      const http = httpTarget(handler.httpGet, target.container, target.podIp);
      try {
        await httpGet(dial, http, signal);
      } catch (error) {
        throw new Error(`Get "${urlOf(http)}": ${httpErrorText(error, http, signal)}`, { cause: error });
      }
    } else if (handler.sleep) {
      await sleep(clock, handler.sleep.seconds * 1000, signal);
    }
  };
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
