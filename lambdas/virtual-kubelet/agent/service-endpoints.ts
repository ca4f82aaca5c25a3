import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { AgentEndpoints } from './agent-protocol.ts';
import type { DoorClient } from './door-client.ts';

export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Where the pods of Services are, asked for only while somebody uses the Service. */
export interface ServiceEndpoints {
  /** Those of one of its ports; what is known is used while it is fresh, and while it is renewed. [] = none is ready. */
  targets(service: string, protocol: 'TCP' | 'UDP', port: number): Promise<readonly Target[]>;
  /** One of them did not answer: asks again at once. Resolves with what there is now. */
  renewed(service: string, protocol: 'TCP' | 'UDP', port: number): Promise<readonly Target[]>;
}

interface Known {
  readonly endpoints: readonly AgentEndpoints[];
  readonly at: number;
  readonly ttl: number;
}

/** What is older than so many times its life is not used before it has been asked for again. */
const staleLives = 6;
/** Connections that fail in a row make one request, not one each. */
const minRenewMs = 500;

export function createServiceEndpoints(deps: {
  readonly door: Pick<DoorClient, 'endpoints'>;
  readonly clock: Clock;
  readonly log: Logger;
}): ServiceEndpoints {
  const { door, clock, log } = deps;
  const known = new Map<string, Known>();
  const underWay = new Map<string, Promise<void>>();
  let waiting: Set<string> | undefined;
  let gathering: Promise<void> | undefined;

  /** Services that are asked for in the same turn travel together. */
  const ask = (service: string): Promise<void> => {
    const running = underWay.get(service);
    if (running) return running;
    waiting ??= new Set();
    waiting.add(service);
    gathering ??= Promise.resolve().then(async () => {
      const list = [...(waiting ?? [])];
      waiting = undefined;
      gathering = undefined;
      try {
        const { services, ttl } = await door.endpoints({ services: list.slice(0, 100) });
        for (const one of list)
          known.set(one, {
            endpoints: Object.hasOwn(services, one) ? (services[one] ?? []) : [],
            at: clock.now(),
            ttl,
          });
      } catch (error) {
        // Old addresses are better than none.
        log.warn('endpoints could not be asked for', { services: list, error: String(error) });
      } finally {
        for (const one of list) underWay.delete(one);
      }
    });
    underWay.set(service, gathering);
    return gathering;
  };

  const find = (service: string, protocol: 'TCP' | 'UDP', port: number): readonly Target[] =>
    known.get(service)?.endpoints.find((e) => e.port === port && e.protocol === protocol)?.targets ?? [];

  return {
    async targets(service, protocol, port) {
      const have = known.get(service);
      const age = have ? clock.now() - have.at : Infinity;
      const asked = !have || age > have.ttl ? ask(service) : undefined;
      if (!have || age > have.ttl * staleLives || find(service, protocol, port).length === 0) await asked;
      return find(service, protocol, port);
    },
    async renewed(service, protocol, port) {
      const have = known.get(service);
      if (!have || clock.now() - have.at > minRenewMs) await ask(service);
      return find(service, protocol, port);
    },
  };
}
