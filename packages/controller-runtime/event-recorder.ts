import { isNotFound } from '@nodeless/apimachinery/status';
import { type Client, resourceType } from '@nodeless/client/client';
import type { Event } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { EventRecorder } from './events.ts';

const events = resourceType<Event>('', 'v1', 'events', 'Event');
/** client-go's EventCorrelator forgets an event after ten minutes and lets 25 of a source and object through at once, then one each five minutes. */
const repeatWindowMs = 600_000;
const burst = 25;
const refillMs = 300_000;
const maxRemembered = 4096;

interface Remembered {
  name: string;
  count: number;
  lastSeen: number;
  first: string;
}

/**
 * Writes core/v1 Events as `component`. A repeat within ten minutes raises `count` on the first one. `instance` (a node's name)
 * goes into source.host. Writes run one after another in the background; a failure is logged and dropped.
 */
export function createEventRecorder(options: { client: Client; clock: Clock; log: Logger; component: string; instance?: string }): EventRecorder {
  const { client, clock, log, component, instance } = options;
  const remembered = new Map<string, Remembered>();
  const budgets = new Map<string, { tokens: number; at: number }>();
  let tail: Promise<void> = Promise.resolve();
  let sequence = 0;

  const allowed = (key: string): boolean => {
    const now = clock.now();
    const budget = budgets.get(key) ?? { tokens: burst, at: now };
    budget.tokens = Math.min(burst, budget.tokens + (now - budget.at) / refillMs);
    budget.at = now;
    remember(budgets, key, budget);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  };

  const write = async (object: KubernetesObject, type: string, reason: string, message: string, fieldPath: string | undefined): Promise<void> => {
    const { name = '', namespace, uid, resourceVersion } = object.metadata ?? {};
    const eventNamespace = namespace || 'default';
    const key = [object.kind, eventNamespace, name, uid, fieldPath, type, reason, message].join('\n');
    const now = clock.now();
    const timestamp = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    const known = remembered.get(key);
    if (known && now - known.lastSeen < repeatWindowMs) {
      known.count += 1;
      known.lastSeen = now;
      try {
        await client.patch(events, { namespace: eventNamespace, name: known.name }, 'merge', { count: known.count, lastTimestamp: timestamp });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    // The same shape of name as client-go's: the object's name and the time in hexadecimal nanoseconds.
    const eventName = `${name}.${(BigInt(now) * 1_000_000n + BigInt(sequence++ % 1_000_000)).toString(16)}`;
    await client.create(events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName, namespace: eventNamespace },
      involvedObject: { kind: object.kind, apiVersion: object.apiVersion, name, namespace, uid, resourceVersion, fieldPath },
      reason,
      message,
      type,
      count: 1,
      firstTimestamp: timestamp,
      lastTimestamp: timestamp,
      source: instance === undefined ? { component } : { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance ?? '',
    } as Event);
    remember(remembered, key, { name: eventName, count: 1, lastSeen: now, first: timestamp });
  };

  return {
    event(object, type, reason, message, details = {}) {
      if (!allowed(`${object.kind}/${object.metadata?.uid ?? object.metadata?.name ?? ''}`)) return;
      tail = tail
        .then(() => write(object, type, reason, message.slice(0, 1024), details.fieldPath))
        .catch((error: unknown) => log.debug('event was not recorded', { reason, error }));
    },
  };
}

/** Keeps the newest entries only: the order of a Map is that of insertion. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxRemembered) map.delete(map.keys().next().value as string);
}
