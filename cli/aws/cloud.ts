/** What the command line asks of AWS: narrow, so that commands are tested without it. Errors: AwsProblem (errors.ts), with cause and remedy. */
import type { AwsCredentials } from '@nodeless/client/iam-token';

export interface Identity {
  readonly account: string;
  readonly arn: string;
}

export interface StackState {
  readonly status: string;
  readonly reason?: string;
  readonly id: string;
  readonly terminationProtection: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StackEvent {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly logicalId: string;
  readonly type: string;
  /** `CREATE_IN_PROGRESS`, … */
  readonly status: string;
  readonly reason?: string;
  /** Of the stack itself. */
  readonly ofStack: boolean;
}

/** A quota and, where it can be told, how much of it is taken. */
export interface Quota {
  readonly limit?: number;
  readonly used?: number;
  /** Why it could not be told. */
  readonly problem?: string;
}

export const quotaNames = [
  'fargateVcpu',
  'fargateSpotVcpu',
  'lambdaConcurrency',
  'networkLoadBalancers',
  'networkInterfaces',
  'vpcs',
] as const;
export type QuotaName = (typeof quotaNames)[number];

export interface Cloud {
  readonly region: string;
  readonly profile?: string;
  credentials(): Promise<AwsCredentials>;
  identity(): Promise<Identity>;
  /** Parameters of a cluster by their last name; undefined when there is no such cluster. */
  parameters(cluster: string): Promise<ReadonlyMap<string, string> | undefined>;
  /** Names of the clusters of this account and region. */
  clusters(): Promise<readonly string[]>;
  stack(name: string): Promise<StackState | undefined>;
  /** Newer than the event of this id, oldest first. */
  stackEvents(name: string, after?: string): Promise<readonly StackEvent[]>;
  /** With what settings a stack was deployed; undefined where that is not told. */
  stackOptions(name: string): Promise<Record<string, unknown> | undefined>;
  deleteStack(name: string): Promise<void>;
  /** Whether the CDK can put its assets somewhere. */
  isBootstrapped(): Promise<boolean>;
  quota(name: QuotaName): Promise<Quota>;
  /** Executions at once that are kept for a function; 0 = it is stopped, undefined = nothing is set, or there is no such function. */
  reservedConcurrency(functionName: string): Promise<number | undefined>;
  /** Tables whose name begins like this. */
  tables(prefix: string): Promise<readonly string[]>;
  streamOf(table: string): Promise<string | undefined>;
  deleteTable(table: string): Promise<void>;
}
