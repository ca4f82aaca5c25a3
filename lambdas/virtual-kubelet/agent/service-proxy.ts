import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { AgentContainer, AgentService, AgentTiming, ServicesResponse } from './agent-protocol.ts';
import type { DoorClient } from './door-client.ts';
import { jittered } from './reporter.ts';
import type { ServiceEndpoints } from './service-endpoints.ts';
import { createTargetChoice } from './target-choice.ts';
import { createTcpRelay, type Relay, type RelayDeps } from './tcp-relay.ts';
import { createUdpRelay } from './udp-relay.ts';

export interface ServiceProxyDeps {
  readonly door: Pick<DoorClient, 'services'>;
  readonly endpoints: ServiceEndpoints;
  /** Their ports are the pod's own: nothing else may listen there. */
  readonly containers: readonly AgentContainer[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing: AgentTiming['services'];
  readonly onEvent: (type: 'Warning', reason: string, message: string) => void;
  readonly random?: () => number;
}

/** Listens on the loopback addresses of Services and passes on what comes. */
export interface ServiceProxy {
  /** Reads the table and listens; resolves also when that could not be done yet, and goes on trying. */
  begin(): Promise<void>;
  stop(): void;
}

type Protocol = 'TCP' | 'UDP';

/** Listeners cost a file descriptor each, and the agent is to stay small. */
const mostListeners = 2_000;
const retryMs = 5_000;
const namesInEvent = 5;

export function createServiceProxy(deps: ServiceProxyDeps): ServiceProxy {
  const { door, endpoints, clock, log, timing, onEvent } = deps;
  const relays = new Map<string, Relay>();
  const taken = new Map<string, string[]>();
  let current: ServicesResponse = { revision: '', services: [] };
  let distance = timing.min;
  let timer: Timer | undefined;
  let stopped = false;

  const own = new Set(
    deps.containers.flatMap(({ ports }) => ports.map((p) => `${p.protocol ?? 'TCP'}/${p.containerPort}`)),
  );

  const listen = async (service: AgentService, protocol: Protocol, port: number): Promise<Relay | undefined> => {
    const name = `${service.namespace}/${service.name}`;
    const relay: RelayDeps = {
      targets: () => endpoints.targets(name, protocol, port),
      renewed: () => endpoints.renewed(name, protocol, port),
      choice: createTargetChoice(service.clientIpAffinitySeconds, clock.now, deps.random),
    };
    try {
      return await (protocol === 'TCP' ? createTcpRelay : createUdpRelay)(service.address, port, relay);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'EADDRINUSE') note(protocol, port, name);
      else log.warn('a Service cannot be listened for', { service: name, port, error: String(error) });
      return undefined;
    }
  };

  const note = (protocol: Protocol, port: number, name: string): void => {
    const key = `${protocol}/${port}`;
    taken.set(key, [...(taken.get(key) ?? []), name]);
  };

  /** One event a port: many Services may have it. */
  const tell = (): void => {
    for (const [key, names] of taken) {
      const [protocol, port] = key.split('/');
      const more = names.length > namesInEvent ? ` and ${names.length - namesInEvent} more` : '';
      onEvent(
        'Warning',
        'ServicePortTaken',
        `the pod itself uses ${protocol} port ${port}, so these Services with that port cannot be reached from it by their names: ${names.slice(0, namesInEvent).join(', ')}${more}; give them another port, or the data path dns or nlb`,
      );
    }
    taken.clear();
  };

  /** What a listener depends on: when any of it changes it is made anew. */
  const wantedOf = (services: readonly AgentService[]) => {
    const wanted = new Map<string, () => Promise<Relay | undefined>>();
    for (const service of services) {
      const name = `${service.namespace}/${service.name}`;
      for (const { protocol, port } of service.ports) {
        if (own.has(`${protocol}/${port}`)) {
          note(protocol, port, name);
          continue;
        }
        if (wanted.size >= mostListeners) continue;
        wanted.set(`${protocol}/${service.address}/${port}/${name}/${service.clientIpAffinitySeconds}`, () =>
          listen(service, protocol, port),
        );
      }
    }
    return wanted;
  };

  const apply = async (table: ServicesResponse): Promise<boolean> => {
    const wanted = wantedOf(table.services);
    for (const [key, relay] of relays) {
      if (wanted.has(key)) continue;
      relay.close();
      relays.delete(key);
    }
    let complete = true;
    for (const [key, open] of wanted) {
      if (relays.has(key) || stopped) continue;
      const relay = await open();
      if (!relay) complete = false;
      else if (stopped) relay.close();
      else relays.set(key, relay);
    }
    tell();
    return complete;
  };

  let complete = true;
  const refresh = async (): Promise<void> => {
    let delay: number;
    try {
      const fresh = await door.services(current.revision);
      if (fresh) {
        complete = await apply(fresh);
        current = fresh;
      } else if (!complete) {
        complete = await apply(current);
      }
      distance = fresh ? timing.min : Math.min(timing.max, distance * 1.5);
      delay = jittered(distance, deps.random);
    } catch (error) {
      log.warn('the table of Services could not be read', { error: String(error) });
      delay = jittered(retryMs, deps.random);
    }
    if (!stopped && timing.max > 0) timer = clock.setTimer(() => void refresh(), delay);
  };

  return {
    begin: refresh,
    stop() {
      stopped = true;
      timer?.cancel();
      for (const relay of relays.values()) relay.close();
      relays.clear();
    },
  };
}
