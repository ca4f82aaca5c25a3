import { marshalledSize } from './item-size.ts';
import { keyItem, logToItem, objectToItem, pendingToItem, sequenceToItem } from '@nodeless/store/dynamodb/item-codec';
import type { LogItem, ObjectItem, PendingChunks, Table } from '@nodeless/store/dynamodb/table';
import { chunkPartition, objectItemKey, sequenceItemKey } from '@nodeless/store/dynamodb/table-schema';
import type { MemoryTable } from '../unit/store/dynamodb/memory-table.ts';

/** What requests to a table cost, by the service's rules for on-demand tables; reads are strong. */
export interface Usage {
  /** Requests to the service. */
  requests: number;
  /** Read request units: one for each 4 KB, at least one a request. */
  reads: number;
  /** Write request units: one for each KB, two in a transaction. */
  writes: number;
  transactions: number;
  /** Each request with its type, in order. */
  readonly log: string[];
}

export interface Meter {
  readonly table: Table;
  readonly usage: Usage;
  /** What was used since the last call. */
  take(): Usage;
}

const readUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4096));
const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1024));
const pageBytes = 1024 * 1024;

/** A table in memory that counts. */
export function meterTable(inner: MemoryTable): Meter {
  let usage: Usage = fresh();
  const request = (what: string, count: { reads?: number; writes?: number; requests?: number }): void => {
    const { reads = 0, writes = 0, requests = 1 } = count;
    usage.requests += requests;
    usage.reads += reads;
    usage.writes += writes;
    usage.log.push(`${what}${reads ? ` ${reads}r` : ''}${writes ? ` ${writes}w` : ''}`);
  };
  /** A query: as many pages as a megabyte of items takes. */
  const query = (what: string, bytes: number): void => {
    const requests = Math.max(1, Math.ceil(bytes / pageBytes));
    request(what, { reads: Math.max(requests, Math.ceil(bytes / 4096)), requests });
  };
  const objectBytes = (item: ObjectItem | undefined): number =>
    item ? marshalledSize(objectToItem(objectItemKey(item.key, 0), item)) : 0;
  const logBytes = (type: string, item: LogItem): number => marshalledSize(logToItem(type, item));
  const sequenceBytes = (type: string): number => {
    const sequence = inner.sequences.get(type);
    return sequence ? marshalledSize(sequenceToItem(sequenceItemKey(type), sequence)) : 0;
  };
  const noteBytes = (note: PendingChunks): number => marshalledSize(pendingToItem(note));
  const chunkBytes = (type: string, id: string, data: Uint8Array): number =>
    marshalledSize({
      ...keyItem({ pk: chunkPartition(type, id), sk: '0000' }),
      d: { B: data },
      x: { N: '1900000000' },
    });

  const table: Table = {
    sequence(type) {
      request(`get SEQ ${type}`, { reads: 1 });
      return inner.sequence(type);
    },
    createSequence(type, sequence) {
      request(`put SEQ ${type}`, { writes: 1 });
      return inner.createSequence(type, sequence);
    },
    takeTickets(type, count, now, settled) {
      request(`add SEQ ${type}`, { writes: writeUnits(sequenceBytes(type)) });
      return inner.takeTickets(type, count, now, settled);
    },
    raiseCompacted(type, before) {
      request(`update SEQ ${type}`, { writes: 1 });
      return inner.raiseCompacted(type, before);
    },
    async objects(places) {
      const reads = places.reduce((sum, { key }) => sum + readUnits(objectBytes(inner.items.get(key))), 0);
      if (places.length > 0) {
        request(`get ${places.map(({ key }) => key).join(' ')}`, { reads, requests: Math.ceil(places.length / 100) });
      }
      return await inner.objects(places);
    },
    async scan(prefix, buckets) {
      const items = await inner.scan(prefix, buckets);
      const bytes = items.reduce((sum, item) => sum + objectBytes(item), 0);
      for (let bucket = 0; bucket < buckets; bucket++) query(`query OBJ ${prefix}`, bytes / buckets);
      return items;
    },
    async logEntry(type, seq) {
      const item = await inner.logEntry(type, seq);
      request(`get LOG ${type}`, { reads: readUnits(item ? logBytes(type, item) : 0) });
      return item;
    },
    async logAfter(type, after) {
      const page = await inner.logAfter(type, after);
      query(
        `query LOG ${type}`,
        page.items.reduce((sum, item) => sum + logBytes(type, item), 0),
      );
      return page;
    },
    async logBefore(type, before, limit) {
      const page = await inner.logBefore(type, before, limit);
      query(
        `query LOG back ${type}`,
        page.items.reduce((sum, item) => sum + logBytes(type, item), 0),
      );
      return page;
    },
    putLog(type, item) {
      request(`put LOG ${type}`, { writes: writeUnits(logBytes(type, item)) });
      return inner.putLog(type, item);
    },
    transact(transaction) {
      const { logs, objects, used, unused } = transaction;
      let writes = 0;
      for (const { type, item } of logs) writes += 2 * writeUnits(logBytes(type, item));
      for (const { place, item } of objects)
        writes += 2 * writeUnits(Math.max(objectBytes(item), objectBytes(inner.items.get(place.key))));
      for (const note of [...used, ...unused]) writes += 2 * writeUnits(noteBytes(note));
      if (transaction.quiet) writes += 2;
      usage.transactions++;
      request(`transact ${[...logs.map(({ type }) => type), ...objects.map(({ place }) => place.key)].join(' ')}`, {
        writes,
      });
      return inner.transact(transaction);
    },
    putChunk(type, id, index, data, expires) {
      request(`put BODY ${type}`, { writes: writeUnits(chunkBytes(type, id, data)) });
      return inner.putChunk(type, id, index, data, expires);
    },
    async chunks(type, ref) {
      const found = await inner.chunks(type, ref);
      query(
        `query BODY ${type}`,
        found.reduce((sum, data) => sum + chunkBytes(type, ref.id, data), 0),
      );
      return found;
    },
    async expireChunks(type, ref, expires) {
      for (const data of await inner.chunks(type, ref))
        request(`update BODY ${type}`, { writes: writeUnits(chunkBytes(type, ref.id, data)) });
      await inner.expireChunks(type, ref, expires);
    },
    notePending(note) {
      request('put PENDING', { writes: 1 });
      return inner.notePending(note);
    },
    pendingChunks(before) {
      request('query PENDING', { reads: 1 });
      return inner.pendingChunks(before);
    },
    claimPending(note) {
      request('update PENDING', { writes: 1 });
      return inner.claimPending(note);
    },
    dropPending(note) {
      request('delete PENDING', { writes: 1 });
      return inner.dropPending(note);
    },
    generation() {
      request('get QUIET', { reads: 1 });
      return inner.generation();
    },
    growGeneration() {
      request('update QUIET', { writes: 1 });
      return inner.growGeneration();
    },
    life() {
      request('get LIFE', { reads: 1 });
      return inner.life();
    },
    putLife(life) {
      request('put LIFE', { writes: 1 });
      return inner.putLife(life);
    },
    rebase(type, base, now) {
      request(`update SEQ ${type}`, { writes: 1 });
      return inner.rebase(type, base, now);
    },
    close: () => {},
  };
  return {
    table,
    get usage() {
      return usage;
    },
    take() {
      const taken = usage;
      usage = fresh();
      return taken;
    },
  };
}

function fresh(): Usage {
  return { requests: 0, reads: 0, writes: 0, transactions: 0, log: [] };
}

/** $ per unit, on demand, us-east-1 (reference in docs/adr/0034). */
export const readDollars = 0.125e-6;
export const writeDollars = 0.625e-6;

export function dollars({ reads, writes }: Pick<Usage, 'reads' | 'writes'>): number {
  return reads * readDollars + writes * writeDollars;
}
