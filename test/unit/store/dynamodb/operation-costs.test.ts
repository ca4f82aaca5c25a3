import { createManualClock } from '@nodeless/component-base/manual-clock';
import { isQuiet } from '@nodeless/store/dynamodb/table-schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { type MeasuredOperation, measureOperations } from '../../../builders/api-operations.ts';
import type { Usage } from '../../../builders/metered-table.ts';

/** Read and write units of a request, at most: cold, and warm. What grows beyond fails here, and is either a mistake or a decision. */
const bounds: Readonly<Record<string, readonly [cold: [number, number], warm: [number, number]]>> = {
  'get a pod': [
    [3, 0],
    [2, 0],
  ],
  'get a pod that is not there': [
    [3, 0],
    [2, 0],
  ],
  'list the pods of a namespace': [
    [15, 0],
    [2, 0],
  ],
  'list one pod by name': [
    [12, 0],
    [3, 0],
  ],
  'list all pods, limit 500': [
    [1000, 0],
    [2, 0],
  ],
  'create a namespace': [
    [3, 5],
    [2, 5],
  ],
  'create a configmap': [
    [8, 6],
    [4, 5],
  ],
  'create a secret of 20 KB': [
    [8, 70],
    [4, 70],
  ],
  'create a pod': [
    [17, 7],
    [5, 5],
  ],
  'bind a pod': [
    [7, 6],
    [4, 5],
  ],
  'patch the status of a pod': [
    [3, 5],
    [2, 5],
  ],
  'patch the labels of a pod': [
    [5, 5],
    [3, 5],
  ],
  'delete a pod': [
    [3, 5],
    [2, 5],
  ],
  'create a deployment': [
    [8, 6],
    [4, 5],
  ],
  'create a service': [
    [11, 12],
    [6, 10],
  ],
  'create a load balancer service': [
    [13, 16],
    [7, 15],
  ],
  'delete a service': [
    [5, 10],
    [3, 10],
  ],
  'create an event': [
    [5, 6],
    [3, 5],
  ],
  'create a lease': [
    [8, 6],
    [4, 5],
  ],
  'renew a lease': [
    [3, 5],
    [2, 5],
  ],
  'poll a watch that has nothing new': [
    [1, 0],
    [1, 0],
  ],
  'a dry run': [
    [17, 2],
    [6, 0],
  ],
};

let small: readonly MeasuredOperation[] = [];
let large: readonly MeasuredOperation[] = [];
beforeAll(async () => {
  small = (await measureOperations({ clock: createManualClock(), existing: 100 })).operations;
  large = (await measureOperations({ clock: createManualClock(), existing: 2000 })).operations;
}, 60_000);

const units = ({ reads, writes }: Usage): readonly number[] => [reads, writes];

describe('what a request costs at the table', () => {
  it.each(Object.entries(bounds))('%s', (name, [cold, warm]) => {
    const found = large.find((one) => one.name === name);
    expect(found).toBeDefined();
    for (const [used, bound] of [
      [found!.cold, cold],
      [found!.warm, warm],
    ] as const) {
      expect({ name, log: used.log, over: units(used).some((n, i) => n > bound[i]!) }).toMatchObject({ over: false });
      expect(used.transactions).toBeLessThanOrEqual(1);
    }
  });

  it('every request that is measured is bounded', () => {
    expect(large.map(({ name }) => name).sort()).toEqual(Object.keys(bounds).sort());
  });

  it('does not grow with the cluster, but for a list of it all', () => {
    for (const { name, cold, warm } of large) {
      const before = small.find((one) => one.name === name)!;
      expect([name, units(warm)]).toEqual([name, units(before.warm)]);
      if (name === 'list all pods, limit 500') continue;
      // The end of the log, from where it was settled for its last writer: some entries more or less.
      expect(Math.abs(cold.reads - before.cold.reads)).toBeLessThanOrEqual(8);
      expect([name, cold.writes]).toEqual([name, before.cold.writes]);
    }
  });

  it('reads no whole type but those that are small and asked for by every request', () => {
    for (const { name, cold, warm } of large) {
      if (name === 'list all pods, limit 500') continue;
      for (const line of [...cold.log, ...warm.log]) {
        const type = /^query OBJ ([^/ ]*\/[^/ ]*\/) /.exec(line)?.[1];
        if (type !== undefined && !isQuiet(type)) expect(`${name}: ${line}`).toBe('a part of a type');
      }
    }
  });
});
