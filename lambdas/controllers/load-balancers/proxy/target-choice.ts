import type { Clock } from '@nodeless/component-base/clock';
import type { Target } from '../service-endpoints.ts';

export interface Backend {
  readonly targets: readonly Target[];
  readonly affinitySeconds: number | undefined;
  admits(clientAddress: string): boolean;
}

export interface TargetChoice {
  /** The targets in the order in which to try them; [] = none. The first is the client's own where it has one. */
  order(client: string, backend: Backend): readonly Target[];
  /** The client has been given to this target. */
  chose(client: string, target: Target): void;
}

const maxClients = 10_000;

/** Random, or the target that a client had last, for as long as its affinity lasts. */
export function createTargetChoice(clock: Clock, random: () => number = Math.random): TargetChoice {
  const clients = new Map<string, { readonly target: string; readonly at: number }>();
  const nameOf = (target: Target): string => `${target.address}:${target.port}`;
  return {
    order(client, { targets, affinitySeconds }) {
      const start = Math.floor(random() * targets.length);
      const turned = [...targets.slice(start), ...targets.slice(0, start)];
      if (affinitySeconds === undefined) return turned;
      const known = clients.get(client);
      if (!known || clock.now() - known.at > affinitySeconds * 1000) return turned;
      const own = turned.find((target) => nameOf(target) === known.target);
      return own ? [own, ...turned.filter((target) => target !== own)] : turned;
    },
    chose(client, target) {
      clients.delete(client);
      clients.set(client, { target: nameOf(target), at: clock.now() });
      if (clients.size > maxClients) clients.delete(clients.keys().next().value as string);
    },
  };
}
