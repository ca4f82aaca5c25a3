import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { PodRef } from '../provider.ts';
import type { Engine } from './engine.ts';
import { label, type Labels, refFromLabels } from './labels.ts';

export interface EngineEvents {
  subscribe(onChange: (ref: PodRef | undefined) => void): { stop(): void };
  close(): void;
}

/** Of a container's events those that change what we would see. */
const telling: ReadonlySet<string> = new Set([
  'create',
  'start',
  'die',
  'oom',
  'destroy',
  'kill',
  'pause',
  'unpause',
  'rename',
  'update',
]);
const retryMs = 1_000;

/**
 * Follows the engine's events about the cluster's containers, for as long as somebody listens. When the engine was away
 * everything may have changed: `onReturn` is called, then listeners with undefined.
 */
export function createEngineEvents(deps: {
  readonly engine: Engine;
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onReturn: () => void;
}): EngineEvents {
  const { engine, cluster, clock, log, onReturn } = deps;
  const listeners = new Set<(ref: PodRef | undefined) => void>();
  let closed = false;
  let following = false;
  let current: { destroy?: () => void } | undefined;

  const tell = (ref: PodRef | undefined): void => {
    for (const listener of listeners) listener(ref);
  };

  const onLine = (line: string): void => {
    let event: { Action?: string; Actor?: { Attributes?: Labels } };
    try {
      event = JSON.parse(line) as typeof event;
    } catch {
      return;
    }
    const labels = event.Actor?.Attributes ?? {};
    // A node that ended beneath us is made again by whoever needs it next.
    if (labels[label.role] === 'node' && event.Action === 'die') onReturn();
    const ref = refFromLabels(labels);
    if (ref && telling.has(event.Action?.split(':')[0] ?? '')) tell(ref);
  };

  const followOnce = async (): Promise<void> => {
    const stream = await engine.getEvents({ filters: { type: ['container'], label: [`${label.cluster}=${cluster}`] } });
    current = stream as unknown as { destroy(): void };
    onReturn();
    tell(undefined);
    let rest = '';
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') onLine(line);
    }
  };

  const follow = async (): Promise<void> => {
    following = true;
    while (!closed) {
      try {
        await followOnce();
      } catch (error) {
        if (!closed) log.debug('engine events ended', { error });
      }
      current = undefined;
      if (!closed) await sleep(clock, retryMs);
    }
  };

  return {
    subscribe(onChange) {
      listeners.add(onChange);
      if (!following) void follow();
      return { stop: () => void listeners.delete(onChange) };
    },
    close() {
      closed = true;
      listeners.clear();
      current?.destroy?.();
    },
  };
}
