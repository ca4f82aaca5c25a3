/** What belongs to the cluster and not to a function: parameters in SSM below one path, read together and kept for a while. */
import { GetParametersByPathCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Clock } from '../clock.ts';

export interface ClusterParameters {
  /**
   * The value of `<path>/<name>`, at most `maxAgeMs` old; undefined where there is none. Values read before stand in when they
   * cannot be read again. Rejects when they never could be.
   */
  get(name: string, maxAgeMs?: number): Promise<string | undefined>;
}

export interface ClusterParametersDeps {
  readonly client: Pick<SSMClient, 'send'>;
  /** Without a slash at its end. */
  readonly path: string;
  readonly clock: Clock;
}

const usualAgeMs = 5 * 60_000;

export function createClusterParameters({ client, path, clock }: ClusterParametersDeps): ClusterParameters {
  let values: ReadonlyMap<string, string> | undefined;
  let readAt = -Infinity;
  let reading: Promise<ReadonlyMap<string, string>> | undefined;

  const read = async (): Promise<ReadonlyMap<string, string>> => {
    const found = new Map<string, string>();
    let next: string | undefined;
    do {
      const page = await client.send(
        new GetParametersByPathCommand({ Path: path, WithDecryption: true, ...(next ? { NextToken: next } : {}) }),
      );
      for (const { Name, Value } of page.Parameters ?? [])
        if (Name && Value !== undefined) found.set(Name.slice(path.length + 1), Value);
      next = page.NextToken;
    } while (next);
    [values, readAt] = [found, clock.now()];
    return found;
  };

  return {
    async get(name, maxAgeMs = usualAgeMs) {
      if (values && clock.now() - readAt < maxAgeMs) return values.get(name);
      reading ??= read().finally(() => (reading = undefined));
      try {
        return (await reading).get(name);
      } catch (error) {
        if (!values) throw error;
        return values.get(name);
      }
    },
  };
}
