/** The one writer of the cluster's private hosted zone: it knows what is there, and stays below Route 53's limits. */
import { randomUUID } from 'node:crypto';
import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsCommandInput,
  type ListResourceRecordSetsCommandOutput,
  type RRType,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { DnsRecord } from './records.ts';
import { type NameChanges, type ZoneRecord, batches, planZone, recordKey } from './zone-plan.ts';

export interface ZoneResult {
  /** Not everything is written yet: come again after so long. */
  readonly retryAfterMs?: number;
  /** What Route 53 does not take, with its reason. The rest is written. */
  readonly refused: readonly { readonly record: ZoneRecord; readonly reason: string }[];
}

export interface ZoneWriter {
  /** Brings all names below `svc.<domain>` to these. One at a time. */
  write(records: readonly DnsRecord[]): Promise<ZoneResult>;
}

/** Route 53 takes ten requests a second of an account, for everything that the account does with it. */
const betweenCallsMs = 200;
/** Of one run; the next one goes on. */
const mostCalls = 60;
/** What others may have changed is looked at again after so long. */
const trustedMs = 10 * 60_000;
/** "No such name" is remembered by resolvers for the last number of the SOA record, a day as it comes. */
const negativeSeconds = 5;

const named = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name.replace(/Exception$/, ''));

/** Some answers to a bad batch have a form that the SDK cannot name. */
const isRefused = (error: unknown): boolean =>
  named(error, 'InvalidChangeBatch', 'InvalidInput') ||
  (named(error, 'Unknown', 'UnknownError') &&
    (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 400);

const tokenOf = (value: string | undefined): string => (value ?? '').replaceAll('"', '');

class OutOfCalls extends Error {}

export function createZoneWriter(options: {
  /** With bounded retries and timeouts. */
  readonly client: Route53Client;
  readonly zoneId: string;
  readonly domain: string;
  readonly clock: Clock;
}): ZoneWriter {
  const { client, zoneId, clock } = options;
  const domain = options.domain.toLowerCase().replace(/\.$/, '');
  let known: { at: number; token: string; records: Map<string, ZoneRecord> } | undefined;
  const marker = `_nodeless.svc.${domain}.`;
  /** Records that were refused, as they were: not tried again until they change. */
  const bad = new Map<string, { text: string; reason: string; at: number }>();
  let soa: ZoneRecord | undefined;
  let calls = 0;
  let surprised = false;
  let lastCall = -Infinity;

  const pace = async (): Promise<void> => {
    if (++calls > mostCalls) throw new OutOfCalls();
    const wait = lastCall + betweenCallsMs - clock.now();
    if (wait > 0) await sleep(clock, wait);
    lastCall = clock.now();
  };

  /** Each batch puts a new token into the zone with it: who finds another one than its own knows that somebody else has written. */
  const change = async (wanted: readonly NameChanges[]): Promise<void> => {
    await pace();
    const token = randomUUID();
    const changes = [
      ...wanted,
      [{ action: 'UPSERT', record: { name: marker, type: 'TXT', ttl: 60, values: [`"${token}"`] } }] as const,
    ];
    await client.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        ChangeBatch: {
          Changes: changes.flat().map(({ action, record }) => ({
            Action: action,
            ResourceRecordSet: {
              Name: record.name,
              Type: record.type as RRType,
              TTL: record.ttl,
              ResourceRecords: record.values.map((Value) => ({ Value })),
            },
          })),
        },
      }),
    );
    if (known) known.token = token;
  };

  const readToken = async (): Promise<string | undefined> => {
    await pace();
    const { ResourceRecordSets: [first] = [] } = await client.send(
      new ListResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        StartRecordName: marker,
        StartRecordType: 'TXT',
        MaxItems: 1,
      }),
    );
    return first?.Name === marker && first.Type === 'TXT' ? tokenOf(first.ResourceRecords?.[0]?.Value) : undefined;
  };

  const read = async (): Promise<{ records: Map<string, ZoneRecord>; token: string }> => {
    const found = new Map<string, ZoneRecord>();
    let token = '';
    let next: Partial<ListResourceRecordSetsCommandInput> | undefined = {};
    while (next) {
      await pace();
      const page: ListResourceRecordSetsCommandOutput = await client.send(
        new ListResourceRecordSetsCommand({ HostedZoneId: zoneId, ...next }),
      );
      for (const { Name = '', Type = '', TTL = 0, ResourceRecords = [] } of page.ResourceRecordSets ?? []) {
        const record = {
          name: Name.toLowerCase(),
          type: Type,
          ttl: TTL,
          values: ResourceRecords.map(({ Value = '' }) => Value),
        };
        if (record.name === marker) token = tokenOf(record.values[0]);
        else if (record.name.endsWith(`.svc.${domain}.`)) found.set(recordKey(record), record);
        else if (record.type === 'SOA' && record.name === `${domain}.`) soa = record;
      }
      next = page.IsTruncated
        ? {
            StartRecordName: page.NextRecordName,
            StartRecordType: page.NextRecordType,
            StartRecordIdentifier: page.NextRecordIdentifier,
          }
        : undefined;
    }
    return { records: found, token };
  };

  const forgetMissingNamesSoon = async (): Promise<void> => {
    const value = soa?.values[0]?.replace(/\d+\s*$/, String(negativeSeconds));
    if (!soa || value === undefined || value === soa.values[0]) return;
    await change([[{ action: 'UPSERT', record: { ...soa, values: [value] } }]]);
    soa = undefined;
  };

  const remember = (changes: readonly NameChanges[]): void => {
    for (const { action, record } of changes.flat()) {
      if (action === 'UPSERT') known?.records.set(recordKey(record), record);
      else known?.records.delete(recordKey(record));
    }
  };

  /** A batch is refused as a whole: halves of it show what is wrong, and the rest is written. */
  const apply = async (changes: readonly NameChanges[]): Promise<void> => {
    try {
      await change(changes);
      remember(changes);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const half = Math.ceil(changes.length / 2);
      if (changes.length > 1) {
        await apply(changes.slice(0, half));
        await apply(changes.slice(half));
        return;
      }
      const reason = error instanceof Error ? error.message : String(error);
      // What was believed to be there may be wrong: it is read again the next time.
      surprised = true;
      for (const { record } of changes.flat())
        bad.set(recordKey(record), { text: JSON.stringify(record), reason, at: clock.now() });
    }
  };

  const write = async (records: readonly DnsRecord[]): Promise<void> => {
    if (known && (clock.now() - known.at >= trustedMs || (await readToken()) !== known.token)) known = undefined;
    if (!known) {
      known = { at: clock.now(), ...(await read()) };
      await forgetMissingNamesSoon();
    }
    const wanted = new Set(records.map(recordKey));
    for (const [key, { at }] of bad) if (!wanted.has(key) || clock.now() - at >= trustedMs) bad.delete(key);
    const changes = planZone(records, known.records).filter(
      (name) => !name.some(({ record }) => bad.get(recordKey(record))?.text === JSON.stringify(record)),
    );
    for (const batch of batches(changes)) await apply(batch);
  };

  return {
    async write(records) {
      calls = 0;
      surprised = false;
      let retryAfterMs: number | undefined;
      try {
        await write(records);
      } catch (error) {
        if (error instanceof OutOfCalls) retryAfterMs = 1000;
        else if (named(error, 'PriorRequestNotComplete', 'Throttling')) retryAfterMs = 2000;
        else {
          known = undefined;
          throw error;
        }
      }
      const refused = records.flatMap((record) => {
        const found = bad.get(recordKey(record));
        return found ? [{ record, reason: found.reason }] : [];
      });
      if (surprised) known = undefined;
      return { refused, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    },
  };
}
