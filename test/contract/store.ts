import { describe, it } from 'vitest';
import { commitCases } from './store-commits.ts';
import type { MakeStore, StoreHarness } from './store-harness.ts';
import { listCases } from './store-lists.ts';
import { modelCases } from './store-model.ts';
import { restartCases } from './store-restarts.ts';
import { watchCases } from './store-watches.ts';

/** A case of the contract: it fails by throwing. The harness is made for it and disposed of afterwards. */
export type StoreCases = Readonly<Record<string, (harness: StoreHarness) => Promise<void>>>;

export interface ContractOptions {
  /** Cases that this implementation does not pass, by their whole name, each with the reason. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
}

/** What packages/store/store.ts promises, for any implementation. */
export function describeStore(name: string, make: MakeStore, { skip = [] }: ContractOptions = {}): void {
  const groups: Record<string, StoreCases> = {
    commits: commitCases,
    lists: listCases,
    watches: watchCases,
    restarts: restartCases,
    'against a model': modelCases,
  };
  const unused = new Set(skip.map(({ test }) => test));
  describe(name, () => {
    for (const [group, cases] of Object.entries(groups)) {
      describe(group, () => {
        for (const [title, run] of Object.entries(cases)) {
          const skipped = skip.find(({ test }) => test === `${group}: ${title}`);
          if (skipped) unused.delete(skipped.test);
          it.skipIf(skipped !== undefined)(
            skipped ? `${title} (${skipped.reason})` : title,
            { timeout: 60_000 },
            async () => {
              const harness = await make();
              try {
                await run(harness);
              } finally {
                await harness.dispose();
              }
            },
          );
        }
      });
    }
    if (unused.size > 0) throw new Error(`skipped cases that do not exist: ${[...unused].join('; ')}`);
  });
}
