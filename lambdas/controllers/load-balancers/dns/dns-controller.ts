/** Names of Services in the cluster's private hosted zone. One request for all of them: the zone has one writer. */
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { type DataPathSettings, chooseDataPath } from '@nodeless/apimachinery/service-data-path';
import { endpointSlices, services } from '@nodeless/client/resource-types';
import { type Controller, type Request, watchRule } from '@nodeless/controller-runtime/controller';
import { serviceNameLabel } from '../../endpoints/endpoint-slice-plan.ts';
import { type DnsRecord, type RecordOptions, endpointPortsOf, isHost, recordsOf } from './records.ts';
import type { ZoneWriter } from './zone-writer.ts';

export interface DnsControllerOptions extends RecordOptions {
  readonly zone: ZoneWriter;
  readonly dataPaths: DataPathSettings;
}

const everything: readonly Request[] = [{ name: 'zone' }];

export interface ZoneModel {
  readonly records: readonly DnsRecord[];
  /** Who is meant by a record, to tell what is wrong with it. */
  readonly owners: ReadonlyMap<string, Service>;
}

export function buildZone(
  all: readonly Service[],
  slices: readonly EndpointSlice[],
  options: RecordOptions & { readonly dataPaths: DataPathSettings },
): ZoneModel {
  const behind = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = `${slice.metadata?.namespace}/${slice.metadata?.labels?.[serviceNameLabel]}`;
    const found = behind.get(key);
    if (found) found.push(slice);
    else behind.set(key, [slice]);
  }
  const records: DnsRecord[] = [];
  const owners = new Map<string, Service>();
  for (const service of all) {
    if (service.metadata?.deletionTimestamp) continue;
    const mine = behind.get(`${service.metadata?.namespace}/${service.metadata?.name}`) ?? [];
    const { path } = chooseDataPath(service, options.dataPaths, endpointPortsOf(mine));
    for (const record of recordsOf(service, mine, path, options)) {
      records.push(record);
      owners.set(record.name, service);
    }
  }
  return { records, owners };
}

export function createDnsController(options: DnsControllerOptions): Controller {
  return {
    name: 'dns-controller',
    concurrency: 1,
    minIntervalMs: 1000,
    resyncMs: 10 * 60_000,
    watches: [
      watchRule({
        type: services,
        requests: ({ object, previous }) =>
          previous && semanticEqual(previous.spec, object.spec) && semanticEqual(previous.metadata, object.metadata)
            ? []
            : everything,
      }),
      watchRule({
        type: endpointSlices,
        requests: ({ object }) => (object.metadata?.labels?.[serviceNameLabel] ? everything : []),
      }),
    ],
    async reconcile(_request, { cache, events }) {
      const all = await cache.list(services);
      const { records, owners } = buildZone(all, await cache.list(endpointSlices), options);
      for (const service of all)
        if (service.spec?.type === 'ExternalName' && !isHost(service.spec.externalName))
          events.event(
            service,
            'Warning',
            'ExternalNameIgnored',
            `${service.spec.externalName} is no host name: a name can lead to names only`,
          );
      const { refused, retryAfterMs } = await options.zone.write(records);
      for (const { record, reason } of refused) {
        const service = owners.get(record.name);
        if (service) events.event(service, 'Warning', 'NameNotWritten', `${record.name} ${record.type}: ${reason}`);
      }
      return retryAfterMs === undefined ? undefined : { requeueAfterMs: retryAfterMs };
    },
  };
}
