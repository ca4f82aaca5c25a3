import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '@nodeless/component-base/clock';
import { baseCounter } from '../watch-cache/history.ts';
import { createDynamoTable } from './dynamo-table.ts';
import { withRetries } from './patience.ts';
import type { Life, Table } from './table.ts';

export interface BeginNewLifeOptions {
  readonly client: DynamoDBClient;
  readonly name: string;
  readonly clock: Clock;
  /** Also in a table that has not been restored: after objects were put back into it by other means. */
  readonly force?: boolean;
}

/**
 * To be called whenever a deployment may have come to another table (the setup function does, on each deploy), and before
 * anything else uses it. A table that was restored, from a point in time or a backup, is told by its id: its revisions
 * go on far above every one that was given out before, so that clients who hold one of those hear that it is compacted
 * and list again. In a table that was not restored it changes nothing.
 */
export async function beginNewLife({ client, name, clock, force = false }: BeginNewLifeOptions): Promise<LifeBegun> {
  const { Table: described } = await client.send(new DescribeTableCommand({ TableName: name }));
  const id = described?.TableId ?? `${described?.TableArn} ${described?.CreationDateTime?.getTime()}`;
  const table = withRetries(createDynamoTable({ client, name, clock }), { clock });
  return await noteLife(table, id, clock.now(), force);
}

export interface LifeBegun {
  /** Whether revisions jump. */
  readonly restored: boolean;
  readonly life: Life;
}

/** Writers' clocks are not farther apart. */
const marginMs = 60_000;
/** Also where this clock is wrong: above everything that the last life has given out. */
const mostWrites = 2 ** 30;

export async function noteLife(
  table: Pick<Table, 'life' | 'putLife'>,
  id: string,
  now: number,
  force = false,
): Promise<LifeBegun> {
  const before = await table.life();
  if (before?.id === id && !force) return { restored: false, life: before };
  // Without a note this is the table's first deploy.
  const restored = before !== undefined || force;
  const base = Math.max(baseCounter(now + marginMs), (before?.base ?? 0) + mostWrites);
  const life = { id, base: restored ? base : 0 };
  await table.putLife(life);
  return { restored, life };
}
