/** What AWS asks, in dollars, in us-east-1; read in AWS's price lists and pages on the date below. Data, so that a change is one line. */
export const prices = {
  asOf: '2026-11-20',
  region: 'us-east-1',
  hoursPerMonth: 730,
  dynamodb: { readMillion: 0.125, writeMillion: 0.625, storageGb: 0.25, recoveryGb: 0.2 },
  sqs: { standardMillion: 0.4, fifoMillion: 0.5 },
  /** arm64. */
  lambda: { requestMillion: 0.2, gbSecond: 0.0000133334 },
  route53: { zone: 0.5 },
  cloudwatch: { alarmMetric: 0.1, dashboard: 3, logsGb: 0.5 },
  kms: { key: 1 },
  secretsManager: { secret: 0.4 },
  waf: { acl: 5, rule: 1 },
  /** arm64, on demand. */
  fargate: { cpuHour: 0.03238, gbHour: 0.00356 },
  nat: { gatewayHour: 0.045 },
  publicIpv4Hour: 0.005,
} as const;

/** What every account has for nothing each month, not only in its first year. */
export const freeTier = {
  sqsRequests: 1_000_000,
  lambdaRequests: 1_000_000,
  lambdaGbSeconds: 400_000,
  alarmMetrics: 10,
  dashboards: 3,
  logsGb: 5,
  dynamodbStorageGb: 25,
} as const;

/**
 * What an idle cluster does. Lambda asks an SQS queue with five long polls of 20 seconds at a time. A tick comes every five
 * minutes: the dispatcher looks at the end of every log, and a handful of controllers have nothing to do; each virtual node says
 * that it is there. Units and invocations were counted over the control plane as functions (test/builders/functions-cluster.ts and
 * metered-table.ts) on 2026-11-23; what the virtual kubelet adds is rounded up.
 */
export const idleWork = {
  pollsPerQueue: 657_000,
  ticks: 8_760,
  /** Per tick; each lasts 300 ms with 1 GB. */
  invocations: 12,
  seconds: 0.3,
  gb: 1,
  /** Per tick. */
  readUnits: 130,
  /** Per tick and virtual node: the object and the log entry, each twice because of the transaction. */
  writeUnitsPerNode: 11,
  /** Of each zone: two architectures, on demand and Spot. */
  nodesPerZone: 4,
  logsGb: 0.2,
  storageGb: 0.1,
} as const;
