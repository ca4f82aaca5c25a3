/**
 * UDP has no connections, but the kernel remembers which target a client's packets were given and keeps to it as long as
 * they come, also when the target is gone. Where others delete those entries one by one, the entries of a Service port lie
 * in a conntrack zone here, and a new zone makes the kernel forget all of them at once, in the same transaction that takes
 * the target away.
 */
import { type Target, usableTargets } from '@nodeless/controllers/load-balancers/service-endpoints';
import type { DataPathPort } from '../data-path-model.ts';

export interface UdpZones {
  /** The zone of the port as it is now. Changes when a target has gone since the last call. */
  zoneOf(port: DataPathPort): number;
  /** Forgets ports that are not in the model any more. */
  keepOnly(ids: ReadonlySet<string>): void;
}

const zones = 65_535;

/** `seed` must differ from one process to the next: rules of an earlier one may still hold entries of targets that have gone since. */
export function createUdpZones(seed: number): UdpZones {
  const states = new Map<string, { port: DataPathPort; targets: ReadonlySet<string>; zone: number }>();
  // Never reused soon, also for a port that goes and comes back.
  let next = Math.abs(Math.trunc(seed)) % zones;
  const fresh = (): number => {
    next = (next + 1) % zones;
    return next + 1;
  };
  const nameOf = (target: Target): string => `${target.address}:${target.port}`;
  return {
    zoneOf(port) {
      const known = states.get(port.id);
      if (known?.port === port) return known.zone;
      // A target is lost when it is not to be used any more, and when one that only its own node used has ended.
      const { ready, draining } = port.targets;
      const targets = new Set([
        ...usableTargets(port.targets).map((t) => `used ${nameOf(t)}`),
        ...[...ready, ...draining].map(nameOf),
      ]);
      const lost = known !== undefined && [...known.targets].some((name) => !targets.has(name));
      const zone = known === undefined || lost ? fresh() : known.zone;
      states.set(port.id, { port, targets, zone });
      return zone;
    },
    keepOnly(ids) {
      for (const id of states.keys()) if (!ids.has(id)) states.delete(id);
    },
  };
}
