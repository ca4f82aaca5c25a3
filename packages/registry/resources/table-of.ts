/**
 * What `kubectl get` shows of a kind. The columns' words are on the wire and so are upstream's: columns.json has them by
 * storage group and resource. There a column without more than its name is the name or the age that every kind shows.
 */
import { ageOf } from '@nodeless/apimachinery/duration';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { KindDefinition } from '../resource.ts';
import type { ColumnDefinition, RowPrinter } from '../table.ts';
import { createdDescription, nameDescription } from '../table-encoder.ts';
import data from './columns.json' with { type: 'json' };

export interface Row {
  readonly name: string;
  readonly age: string;
  /** The age of another time. */
  since(time: string | undefined | null): string;
}
type Table = NonNullable<KindDefinition['table']>;

export function tableOf<T extends { metadata?: ObjectMeta }>(
  kind: keyof typeof data,
  cellsOf: (object: Readonly<T>, row: Row) => readonly unknown[],
  conditionsOf?: (object: Readonly<T>) => ReturnType<RowPrinter>['conditions'],
): Table {
  return {
    columns: data[kind].map(columnOf),
    print(object, now) {
      const { metadata } = object;
      const since = (time: string | undefined | null): string => ageOf(time, now);
      const cells = cellsOf(object as unknown as T, {
        name: metadata?.name ?? '',
        age: since(metadata?.creationTimestamp),
        since,
      });
      const conditions = conditionsOf?.(object as unknown as T);
      return conditions ? { cells, conditions } : { cells };
    },
  };
}

function columnOf(column: {
  name: string;
  type?: string;
  format?: string;
  description?: string;
  priority?: number;
}): ColumnDefinition {
  const { name, type = 'string', description = name === 'Name' ? '@name' : '@created', priority = 0 } = column;
  const format = column.format ?? (name === 'Name' && column.description === undefined ? 'name' : '');
  const words =
    description === '@name' ? nameDescription : description === '@created' ? createdDescription : description;
  return { name, type: type as ColumnDefinition['type'], format, description: words, priority };
}

/** `a,b` of a list, cut after `most` with the count of the rest. */
export function joinSome(list: readonly string[], most: number, separator = ','): string {
  const shown = list.slice(0, most).join(separator);
  return list.length > most ? `${shown} + ${list.length - most} more...` : shown;
}

export function namesOf(containers: readonly { name: string }[] | undefined | null): string {
  return (containers ?? []).map(({ name }) => name).join(',');
}
export function imagesOf(containers: readonly { image?: string }[] | undefined | null): string {
  return (containers ?? []).map(({ image }) => image ?? '').join(',');
}

export function sizeOf(map: Readonly<Record<string, unknown>> | undefined | null): number {
  return map ? Object.keys(map).length : 0;
}
