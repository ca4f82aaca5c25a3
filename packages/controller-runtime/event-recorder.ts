import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { events } from '@nodeless/client/resource-types';
import type { Event } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { createEventCorrelator, remember, repeatWindowMs } from './event-correlator.ts';
import type { EventRecorder } from './events.ts';

/** client-go's queue: what comes while so many wait is dropped. */
const maxWaiting = 1000;
const maxMessage = 1024;

interface Written {
  readonly name: string;
  count: number;
  lastSeen: number;
}

export interface FlushableRecorder extends EventRecorder {
  /** Resolves once everything that was recorded before is written, or dropped. */
  flush(): Promise<void>;
}

/**
 * Writes core/v1 Events as `component`. A repeat within ten minutes raises `count` on the first one. `instance` (a node's name)
 * goes into source.host. Writes run in the background, those about one thing one after another, `parallel` (1) at once; a
 * failure is logged and dropped.
 */
export function createEventRecorder(options: {
  client: Client;
  clock: Clock;
  log: Logger;
  component: string;
  instance?: string;
  parallel?: number;
}): FlushableRecorder {
  const { client, clock, log, component, instance, parallel = 1 } = options;
  const correlator = createEventCorrelator();
  const known = new Map<string, Written>();
  const tails = Array.from({ length: parallel }, () => Promise.resolve());
  let waiting = 0;
  let sequence = 0;

  const write = async (
    object: KubernetesObject,
    type: string,
    reason: string,
    key: string,
    message: string,
    fieldPath: string | undefined,
  ): Promise<void> => {
    const { name = '', namespace, uid, resourceVersion } = object.metadata ?? {};
    const eventNamespace = namespace || 'default';
    const now = clock.now();
    const timestamp = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    const written = known.get(key);
    if (written && now - written.lastSeen < repeatWindowMs) {
      written.count += 1;
      written.lastSeen = now;
      try {
        await client.patch(events, { namespace: eventNamespace, name: written.name }, 'merge', {
          message,
          count: written.count,
          lastTimestamp: timestamp,
        });
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
      involvedObject: {
        kind: object.kind,
        apiVersion: object.apiVersion,
        name,
        namespace,
        uid,
        resourceVersion,
        fieldPath,
      },
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
    remember(known, key, { name: eventName, count: 1, lastSeen: now });
  };

  return {
    event(object, type, reason, message, { fieldPath } = {}) {
      if (waiting >= maxWaiting) return;
      const { name = '', namespace = '', uid = '' } = object.metadata ?? {};
      const about = `${object.kind}\n${namespace}\n${name}\n${uid}`;
      const correlated = correlator.correlate(
        { about, fieldPath: fieldPath ?? '', type, reason, message },
        clock.now(),
      );
      if (!correlated) return;
      waiting += 1;
      const lane = laneOf(about, parallel);
      tails[lane] = (tails[lane] as Promise<void>)
        .then(() => write(object, type, reason, correlated.key, correlated.message.slice(0, maxMessage), fieldPath))
        .catch((error: unknown) => log.debug('event was not recorded', { reason, error }))
        .finally(() => (waiting -= 1));
    },
    async flush() {
      await Promise.all(tails);
    },
  };
}

function laneOf(about: string, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0;
  for (let i = 0; i < about.length; i++) hash = (Math.imul(hash, 31) + about.charCodeAt(i)) | 0;
  return (hash >>> 0) % lanes;
}
