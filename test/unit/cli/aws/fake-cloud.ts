/** An AWS account in memory, as far as commands ask. */
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import type { CdkResult, CdkRun } from 'nodeless/aws/cdk';
import type { Cloud, Quota, QuotaName, StackEvent, StackState } from 'nodeless/aws/cloud';
import type { Output } from 'nodeless/output';

export const ampleQuotas: Record<QuotaName, Quota> = {
  fargateVcpu: { limit: 4000 },
  fargateSpotVcpu: { limit: 4000 },
  lambdaConcurrency: { limit: 1000 },
  networkLoadBalancers: { limit: 50, used: 3 },
  networkInterfaces: { limit: 5000, used: 100 },
  vpcs: { limit: 5, used: 1 },
};

export interface FakeCloud extends Cloud {
  stacks: Map<string, StackState>;
  events: StackEvent[];
  parametersOf: Map<string, Map<string, string>>;
  optionsOf: Map<string, Record<string, unknown>>;
  quotas: Record<QuotaName, Quota>;
  tableNames: string[];
  bootstrapped: boolean;
  deleted: string[];
  arn: string;
  /** Something happens to a stack. */
  happen(stack: string, status: string, event?: Partial<StackEvent>): void;
}

export function createFakeCloud(overrides: Partial<FakeCloud> = {}): FakeCloud {
  let count = 0;
  const cloud: FakeCloud = {
    region: 'eu-central-1',
    stacks: new Map(),
    events: [],
    parametersOf: new Map(),
    optionsOf: new Map(),
    quotas: { ...ampleQuotas },
    tableNames: [],
    bootstrapped: true,
    deleted: [],
    arn: 'arn:aws:sts::123456789012:assumed-role/Ops/ann',
    credentials: () => Promise.resolve({ accessKeyId: 'AKIA', secretAccessKey: 's' }),
    identity: () => Promise.resolve({ account: '123456789012', arn: cloud.arn }),
    parameters: (cluster) => Promise.resolve(cloud.parametersOf.get(cluster)),
    clusters: () => Promise.resolve([...cloud.parametersOf.keys()]),
    stack: (name) => Promise.resolve(cloud.stacks.get(name)),
    stackEvents(_name, after) {
      const index = cloud.events.findIndex(({ id }) => id === after);
      return Promise.resolve(cloud.events.slice(index + 1));
    },
    stackOptions: (name) => Promise.resolve(cloud.optionsOf.get(name)),
    deleteStack: (name) => {
      cloud.deleted.push(name);
      return Promise.resolve();
    },
    isBootstrapped: () => Promise.resolve(cloud.bootstrapped),
    quota: (name) => Promise.resolve(cloud.quotas[name]),
    reservedConcurrency: () => Promise.resolve(undefined),
    tables: (prefix) => Promise.resolve(cloud.tableNames.filter((name) => name.startsWith(prefix))),
    streamOf: (table) => Promise.resolve(cloud.tableNames.includes(table) ? `arn:stream/${table}` : undefined),
    deleteTable: (table) => {
      cloud.tableNames = cloud.tableNames.filter((name) => name !== table);
      return Promise.resolve();
    },
    happen(stack, status, event = {}) {
      const before = cloud.stacks.get(stack);
      cloud.stacks.set(stack, {
        id: stack,
        terminationProtection: false,
        outputs: {},
        tags: {},
        ...before,
        status,
        reason: event.reason,
      });
      cloud.events.push({
        id: String(count++),
        time: count * 1000,
        logicalId: stack,
        type: 'AWS::CloudFormation::Stack',
        status,
        ofStack: true,
        ...event,
      });
    },
    ...overrides,
  };
  return cloud;
}

export function createFakeOutput(): Output & {
  readonly notes: string[];
  readonly lines: string[];
  readonly values: unknown[];
} {
  const notes: string[] = [];
  const lines: string[] = [];
  const values: unknown[] = [];
  return {
    notes,
    lines,
    values,
    colour: false,
    line: (text = '') => void lines.push(text),
    note: (text) => void notes.push(text),
    json: (value) => void values.push(value),
    style: (_format, text) => text,
  };
}

/** A CDK that does this to the account, and remembers how it was called. */
export function createFakeCdk(act: (run: CdkRun) => CdkResult | Promise<CdkResult>): {
  runs: CdkRun[];
  runCdk: (run: CdkRun) => Promise<CdkResult>;
} {
  const runs: CdkRun[] = [];
  return {
    runs,
    async runCdk(run) {
      runs.push(run);
      return await act(run);
    },
  };
}

/** Lets time pass until a promise settles. */
export async function throughTime<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => (settled = true));
  watched.catch(() => {});
  for (let i = 0; i < 10_000 && !settled; i++) await clock.advance(500);
  return await watched;
}

export { createManualClock };
