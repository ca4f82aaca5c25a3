import { describe, it } from 'vitest';
import type { ClientCases, MakeClient } from './client-harness.ts';
import { listCases } from './client-lists.ts';
import { patchCases } from './client-patches.ts';
import { watchCases } from './client-watches.ts';
import { writeCases } from './client-writes.ts';

export interface ContractOptions {
  /** Cases that this implementation does not pass, by their whole name, each with the reason. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
}

/** What packages/client/client.ts promises, for any implementation. */
export function describeClient(name: string, make: MakeClient, { skip = [] }: ContractOptions = {}): void {
  const groups: Record<string, ClientCases> = {
    writes: writeCases,
    patches: patchCases,
    lists: listCases,
    watches: watchCases,
  };
  const unused = new Set(skip.map(({ test }) => test));
  describe(name, () => {
    for (const [group, cases] of Object.entries(groups)) {
      describe(group, () => {
        for (const [title, run] of Object.entries(cases)) {
          const skipped = skip.find(({ test }) => test === `${group}: ${title}`);
          if (skipped) unused.delete(skipped.test);
          it.skipIf(skipped !== undefined)(skipped ? `${title} (${skipped.reason})` : title, async () => {
            const harness = await make();
            try {
              await run(harness);
            } finally {
              await harness.dispose();
            }
          });
        }
      });
    }
    if (unused.size > 0) throw new Error(`skipped cases that do not exist: ${[...unused].join('; ')}`);
  });
}
