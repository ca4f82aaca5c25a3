/** From the records that are there to those that should be, in batches that Route 53 takes. Pure. */
import type { DnsRecord } from './records.ts';

export interface ZoneRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly values: readonly string[];
}

export interface ZoneChange {
  readonly action: 'UPSERT' | 'DELETE';
  readonly record: ZoneRecord;
}

/** All changes of one name: they must not come apart. */
export type NameChanges = readonly ZoneChange[];

/** Of one ChangeResourceRecordSets (1,000 and 32,000), less what the writer adds; an UPSERT counts twice. */
const mostElements = 998;
const mostCharacters = 31_900;

export const recordKey = ({ name, type }: { name: string; type: string }): string => `${name} ${type}`;

export function planZone(wanted: readonly DnsRecord[], present: ReadonlyMap<string, ZoneRecord>): NameChanges[] {
  const byName = new Map<string, { deletes: ZoneChange[]; upserts: ZoneChange[] }>();
  const of = (name: string): { deletes: ZoneChange[]; upserts: ZoneChange[] } => {
    const found = byName.get(name) ?? { deletes: [], upserts: [] };
    byName.set(name, found);
    return found;
  };
  const keys = new Set(wanted.map(recordKey));
  for (const record of present.values())
    if (!keys.has(recordKey(record))) of(record.name).deletes.push({ action: 'DELETE', record });
  for (const record of wanted) {
    const before = present.get(recordKey(record));
    if (
      !before ||
      before.ttl !== record.ttl ||
      before.values.toSorted().join('\n') !== record.values.toSorted().join('\n')
    )
      of(record.name).upserts.push({ action: 'UPSERT', record });
  }
  // New names before those that go: a Service that was renamed has one of them at each moment.
  const all = [...byName.values()].map(({ deletes, upserts }) => [...deletes, ...upserts]);
  return all.toSorted((a, b) => Number(a[0]?.action === 'DELETE') - Number(b[0]?.action === 'DELETE'));
}

export function batches(changes: readonly NameChanges[]): NameChanges[][] {
  const result: NameChanges[][] = [];
  let elements = Infinity;
  let characters = Infinity;
  for (const one of changes) {
    const [more, text] = weight(one);
    if (elements + more > mostElements || characters + text > mostCharacters) {
      result.push([]);
      elements = 0;
      characters = 0;
    }
    result.at(-1)?.push(one);
    elements += more;
    characters += text;
  }
  return result;
}

function weight(changes: NameChanges): [number, number] {
  let elements = 0;
  let characters = 0;
  for (const { action, record } of changes) {
    const factor = action === 'UPSERT' ? 2 : 1;
    elements += record.values.length * factor;
    characters += record.values.join('').length * factor;
  }
  return [elements, characters];
}
