import type { Client } from '@nodeless/client/client';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { ServiceIndex } from './service-index.ts';
import { ensureSystemService, type SystemService } from './system-services.ts';

export interface KeeperDeps {
  readonly client: Client;
  readonly index: ServiceIndex;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the keeping. */
  readonly signal: AbortSignal;
}

const settleMs = 100;
const retry = { baseMs: 250, capMs: 10_000 };

/** Resolves when the Services are there; from then on mends them whenever somebody changes or deletes them. */
export async function keepSystemServices(deps: KeeperDeps, systems: readonly SystemService[]): Promise<void> {
  const { client, index, clock, log, signal } = deps;
  const byKey = new Map(systems.map((system) => [`${system.namespace}/${system.name}`, system]));

  const ensure = async (system: SystemService): Promise<void> => {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        return await ensureSystemService(client, system);
      } catch (error) {
        log[tries < 3 ? 'debug' : 'warn']('a system Service could not be written', { service: system.name, error });
        await sleep(clock, Math.min(retry.baseMs * 2 ** tries, retry.capMs), signal).catch(() => {});
      }
    }
  };

  await Promise.all(systems.map(ensure));
  const pending = new Set<string>();
  index.onChange((service) => {
    const system = byKey.get(service);
    if (!system || pending.has(service) || signal.aborted) return;
    pending.add(service);
    clock.setTimer(() => {
      pending.delete(service);
      void ensure(system);
    }, settleMs);
  });
}
