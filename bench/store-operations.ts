/**
 * What each kind of API request costs at the DynamoDB table, in counts that no noise can touch: `node bench/store-operations.ts
 * [pods]`. The real API server over a table in memory that counts by the service's rules; cold is the first request of its
 * sort in a new process, warm a later one. Prices: docs/adr/0034-what-a-request-costs.md.
 */
import { systemClock } from '@nodeless/component-base/clock';
import { measureOperations } from '../test/builders/api-operations.ts';
import { type Usage, dollars } from '../test/builders/metered-table.ts';

const existing = Number(process.argv[2] ?? 1000);
const { start, operations } = await measureOperations({ clock: systemClock, existing });

const columns = ({ requests, reads, writes, transactions }: Usage): string =>
  [requests, reads, writes, transactions].map((n) => String(n).padStart(6)).join('') +
  (dollars({ reads, writes }) * 1e6).toFixed(2).padStart(8);
const head = '  calls reads writes   txs  $/mio';
console.log(`a cluster of ${existing} pods; a process starts with:${columns(start)}\n`);
console.log(`${''.padEnd(36)}${'cold'.padEnd(32)}  warm`);
console.log(`${''.padEnd(36)}${head}${head}`);
for (const { name, cold, warm } of operations) console.log(`${name.padEnd(36)}${columns(cold)}${columns(warm)}`);
process.exit(0);
