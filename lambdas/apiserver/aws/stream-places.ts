/**
 * Places for held watches and followed logs, shared by all functions of a cluster: items of its table, each with the time until
 * which it is taken. Who is killed leaves none taken for longer than it said.
 */
import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { randomUUID } from 'node:crypto';
import type { StreamPlaces } from '../stream-terms.ts';

export interface StreamPlacesDeps {
  /** Its requests are small: one that retries by itself does no harm. */
  readonly client: Pick<DynamoDBClient, 'send'>;
  readonly table: string;
  /** How many there are. */
  readonly count: () => Promise<number>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

export interface SharedStreamPlaces extends StreamPlaces {
  /** Resolves when what was given back is free for others. */
  settled(): Promise<void>;
}

/** Places tried before all are taken for taken. */
const tries = 4;
/** Clocks of functions differ. */
const graceMs = 5_000;

export function createStreamPlaces(deps: StreamPlacesDeps): SharedStreamPlaces {
  const { client, table, clock, log, random = Math.random } = deps;
  const leaving = new Set<Promise<void>>();
  const key = (place: number): { pk: { S: string }; sk: { S: string } } => ({
    pk: { S: 'PLACE#streams' },
    sk: { S: String(place).padStart(4, '0') },
  });

  const takePlace = async (place: number, holder: string, until: number): Promise<boolean> => {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: key(place),
      UpdateExpression: 'SET h = :holder, u = :until',
      ConditionExpression: 'attribute_not_exists(u) OR u < :now',
      ExpressionAttributeValues: {
        ':holder': { S: holder },
        ':until': { N: String(until) },
        ':now': { N: String(clock.now()) },
      },
    });
    try {
      await client.send(command);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return false;
      throw error;
    }
  };
  const leavePlace = async (place: number, holder: string): Promise<void> => {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: key(place),
      UpdateExpression: 'REMOVE h, u',
      ConditionExpression: 'h = :holder',
      ExpressionAttributeValues: { ':holder': { S: holder } },
    });
    // If this fails, its time ends it.
    await client.send(command).catch(() => {});
  };

  return {
    async take(ms) {
      const holder = randomUUID();
      const until = clock.now() + ms + graceMs;
      try {
        const count = await deps.count();
        const first = Math.floor(random() * count);
        for (let i = 0; i < Math.min(tries, count); i++) {
          // Spread over the whole: neighbours are tried by their neighbours too.
          const place = (first + i * Math.max(1, Math.floor(count / tries))) % count;
          if (!(await takePlace(place, holder, until))) continue;
          let left = false;
          return () => {
            if (left) return;
            left = true;
            // Its own time is about to free it.
            if (until - clock.now() < 2 * graceMs) return;
            const done = leavePlace(place, holder).finally(() => leaving.delete(done));
            leaving.add(done);
          };
        }
        return undefined;
      } catch (error) {
        log.warn('places for watches cannot be counted; this one is held uncounted', { error });
        return () => {};
      }
    },
    async settled() {
      await Promise.all(leaving);
    },
  };
}
