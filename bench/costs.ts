/**
 * Dollars: of a thousand pods launched and deleted, and of a month in which nothing happens, next to EKS on Fargate:
 * `node bench/costs.ts`. What the table is asked for is counted (bench/store-operations.ts), at three sizes of the cluster;
 * the steps of a pod's life stand below. Prices are of us-east-1, on demand, and dated; what a pod itself costs on Fargate is
 * the same for both and left out.
 */
import { systemClock } from '@nodeless/component-base/clock';
import { measureOperations } from '../test/builders/api-operations.ts';
import { createFunctionsCluster } from '../test/builders/functions-cluster.ts';
import { dollars, readDollars } from '../test/builders/metered-table.ts';

/** AWS's price pages as they were read for docs/adr/0034-what-a-request-costs.md, 2026-11. */
const prices = {
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: 13.3334e-6,
  fifoRequest: 0.5e-6,
  standardRequest: 0.4e-6,
  freeQueueRequests: 1e6,
  hostedZone: 0.5,
  alarm: 0.1,
  logGb: 0.5,
  storageGb: 0.25,
  recoveryGb: 0.2,
  eksControlPlaneHour: 0.1,
  natGatewayHour: 0.045,
  /** Two CoreDNS pods of a quarter of a CPU and half a GB (x86). */
  eksSystemPodsMonth: 18,
};
const hoursAMonth = 730;

interface Step {
  /** Of bench/store-operations.ts. */
  readonly operation: string;
  readonly times: number;
  readonly why: string;
}

/** A pod of a Deployment behind a Service, by itself: in reality much of it goes in batches. */
const life: readonly Step[] = [
  { operation: 'create a pod', times: 1, why: 'by its ReplicaSet' },
  { operation: 'create an event', times: 6, why: 'created, scheduled, pulled, started, killing, deleted' },
  { operation: 'bind a pod', times: 1, why: 'scheduler' },
  { operation: 'patch the status of a pod', times: 6, why: 'placed, starting, running, ready; terminating, stopped' },
  { operation: 'patch the labels of a pod', times: 3, why: 'its EndpointSlice as it comes and goes; the sizes it got' },
  { operation: 'patch the status of a pod', times: 2, why: 'of its ReplicaSet and Deployment' },
  { operation: 'delete a pod', times: 2, why: 'asked for, and done' },
  { operation: 'get a pod', times: 12, why: 'each time that a worker looks at it' },
];
/** Messages that carry it from step to step: each is sent, received and deleted, and read by one invocation. */
const messages = 14;
/** Of a function of half a GB: what it waits for the table and ECS. */
const invocationMs = 60;
const invocationGb = 0.5;
const requestsAMessage = 3;

const invocation = prices.lambdaRequest + (invocationMs / 1000) * invocationGb * prices.lambdaGbSecond;
const money = (value: number, digits = 3): string => `$${value.toFixed(digits)}`;

console.log('A thousand pods launched and deleted');
for (const existing of [10, 1000, 10_000]) {
  const { operations } = await measureOperations({ clock: systemClock, existing });
  let reads = 0;
  let writes = 0;
  for (const { operation, times } of life) {
    const found = operations.find(({ name }) => name === operation);
    if (!found) throw new Error(`nothing is known of ${operation}`);
    reads += found.warm.reads * times;
    writes += found.warm.writes * times;
  }
  const table = dollars({ reads, writes }) * 1000;
  const work = messages * invocation * 1000;
  const queues = messages * requestsAMessage * prices.fifoRequest * 1000;
  console.log(
    `  in a cluster of ${String(existing).padStart(6)}: ${reads} reads and ${writes} writes a pod; table ${money(table)}, functions ${money(work)}, ` +
      `queues ${money(queues)}: ${money(table + work + queues)}, or ${money((table + work + queues) / 1000, 6)} a pod`,
  );
}
const eksHour = prices.eksControlPlaneHour;
console.log(`  EKS on Fargate: ${money(eksHour)} for each hour of the cluster, whatever it does\n`);

const hour = 3_600_000;
const cluster = await createFunctionsCluster({ nodes: [] });
await cluster.settle(10 * 60_000);
const counted = (): { reads: number; invocations: number; sends: number } => {
  let reads = 0;
  let invocations = 0;
  let sends = 0;
  for (const { counts } of Object.values(cluster.functions)) {
    invocations += counts.invocations;
    for (const [step, times] of counts.steps) {
      if (step === 'send') sends += times;
      else reads += times;
    }
  }
  return { reads, invocations, sends };
};
const before = counted();
await cluster.settle(hour);
const after = counted();
await cluster.stop();
const perMonth = (what: keyof typeof before): number => (after[what] - before[what]) * hoursAMonth;
const queues = 4;
/** An event source mapping asks each queue with five pollers that wait twenty seconds. */
const polls = queues * 5 * 3 * 60 * hoursAMonth;
const idle: Record<string, number> = {
  'table: ticks that read': perMonth('reads') * readDollars,
  'table: storage and recovery, 0.1 GB': 0.1 * (prices.storageGb + prices.recoveryGb),
  'functions: ticks': perMonth('invocations') * invocation,
  'queues: long polls beyond the free million':
    Math.max(0, polls + perMonth('sends') - prices.freeQueueRequests) * prices.standardRequest,
  'private zone': prices.hostedZone,
  'alarms, 5': 5 * prices.alarm,
  'logs, 0.1 GB': 0.1 * prices.logGb,
};
const total = Object.values(idle).reduce((sum, value) => sum + value, 0);
console.log('A month in which nothing happens');
for (const [what, value] of Object.entries(idle)) console.log(`  ${what.padEnd(48)} ${money(value)}`);
console.log(`  ${'together'.padEnd(48)} ${money(total)}`);
const eks = eksHour * hoursAMonth;
console.log(
  `  EKS on Fargate: ${money(eks, 0)} for the control plane; with CoreDNS and a NAT gateway ${money(
    eks + prices.eksSystemPodsMonth + prices.natGatewayHour * hoursAMonth,
    0,
  )}`,
);
process.exit(0);
