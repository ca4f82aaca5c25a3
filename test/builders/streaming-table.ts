/** The table in memory with its stream: what is put into it comes out as records, as the event source mapping gets them. */
import { logToItem } from '@nodeless/store/dynamodb/item-codec';
import type { StreamImage } from '@nodeless/store/dynamodb/stream-records';
import type { LogItem, ObjectItem, Table } from '@nodeless/store/dynamodb/table';
import { epochOf, epochSize } from '@nodeless/store/dynamodb/table-schema';
import { typeOf } from '@nodeless/store/keys';
import { createMemoryTable, type MemoryTable } from '../unit/store/dynamodb/memory-table.ts';

export interface StreamedImage {
  readonly eventName: 'INSERT' | 'MODIFY';
  readonly partitionKey: string;
  /** Binary values in base64, as Lambda hands them over. */
  readonly image: StreamImage;
}

/** Each put of a log item or an object is told to `emit` once it is done. */
export function createStreamingTable(emit: (record: StreamedImage) => void): Table {
  const memory = createMemoryTable();
  const logs = new Map<string, LogItem[]>();
  const objects = new Map<string, Map<string, ObjectItem>>();

  const logged = (type: string, item: LogItem): void => {
    const log = logs.get(type) ?? [];
    logs.set(type, log);
    let at = log.length;
    while (at > 0 && (log[at - 1] as LogItem).seq > item.seq) at -= 1;
    log.splice(at, 0, item);
    const image = plain(logToItem(type, item));
    emit({ eventName: 'INSERT', partitionKey: String(image['pk']?.['S']), image });
  };
  const after = (type: string, seq: number): number => {
    const log = logs.get(type) ?? [];
    let low = 0;
    for (let high = log.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((log[middle] as LogItem).seq > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  return {
    ...(memory as MemoryTable),
    async transact(transaction) {
      const before = memory.done.length;
      await memory.transact(transaction);
      if (memory.done.length === before) return;
      memory.done.length = 0;
      for (const { type, item } of transaction.logs) logged(type, item);
      for (const { item } of transaction.objects) {
        if (!item) continue;
        const type = typeOf(item.key);
        let ofType = objects.get(type);
        if (!ofType) objects.set(type, (ofType = new Map()));
        ofType.set(item.key, item);
        emit({ eventName: 'MODIFY', partitionKey: `OBJ#${type}`, image: { pk: { S: `OBJ#${type}#0` } } });
      }
    },
    async putLog(type, item) {
      const put = await memory.putLog(type, item);
      if (put) logged(type, item);
      return put;
    },
    // The same answers as the table's, without looking at everything.
    scan: async (prefix) =>
      [...(objects.get(typeOf(prefix))?.values() ?? [])].filter(({ key }) => key.startsWith(prefix)),
    logAfter: async (type, seq) => ({ items: (logs.get(type) ?? []).slice(after(type, seq)), more: false }),
    async logBefore(type, before, limit = Infinity) {
      const from = epochOf(before - 1) * epochSize;
      const all = (logs.get(type) ?? []).slice(after(type, from - 1), after(type, before - 1)).reverse();
      return { items: all.slice(0, limit), more: all.length > limit };
    },
  };
}

function plain(item: object): StreamImage {
  return Object.fromEntries(
    Object.entries(item as Record<string, Record<string, unknown>>).map(([name, value]) => [
      name,
      value['B'] instanceof Uint8Array ? { B: Buffer.from(value['B']).toString('base64') } : value,
    ]),
  );
}
