/** How the controllers are set up where they run as functions. */
import type { ControllersOptions } from './controllers.ts';

const minute = 60_000;

/** Virtual nodes send a heartbeat with each tick, every five minutes; two may be late or lost. */
export const functionDefaults: Pick<ControllersOptions, 'nodes' | 'eventSweepMs'> = {
  nodes: { graceMs: 16 * minute, trustsHeartbeats: true },
  eventSweepMs: 10 * minute,
};
