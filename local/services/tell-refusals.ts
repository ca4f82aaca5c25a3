import type { Client } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { refusals } from './data-path-model.ts';
import type { ServiceIndex } from './service-index.ts';

/** An event for each port that is not served, once. */
export function tellRefusals(deps: {
  readonly client: Client;
  readonly index: ServiceIndex;
  readonly clock: Clock;
  readonly log: Logger;
}): void {
  const { client, index, clock, log } = deps;
  const recorder = createEventRecorder({ client, clock, log, component: 'service-proxy' });
  const told = new Set<string>();
  const tell = (namespace: string, name: string): void => {
    const service = index.service(namespace, name);
    for (const message of service ? refusals(service) : []) {
      const key = `${service?.metadata?.uid} ${message}`;
      if (service && !told.has(key)) recorder.event(service, 'Warning', 'UnsupportedProtocol', message);
      told.add(key);
    }
  };
  for (const { metadata } of index.services()) tell(metadata?.namespace ?? '', metadata?.name ?? '');
  index.onChange((service) => {
    const [namespace = '', name = ''] = service.split('/');
    tell(namespace, name);
  });
}
