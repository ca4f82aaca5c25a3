/** What the drain's events mean, without the SDK. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { retry } from '@nodeless/component-base/retry';
import { describeLeft, drain, type DrainStep } from './drain.ts';
import type { DrainTargets } from './drain-steps.ts';

export interface DrainFunctionDeps {
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly steps: (targets: DrainTargets) => DrainStep[];
  /** Lets a function run no more; one that is not there is stopped. */
  readonly stopFunction: (name: string) => Promise<void>;
  /** Invokes this function again, without waiting. */
  readonly goOn: (functionName: string, event: unknown) => Promise<void>;
  readonly respond: (url: string, body: string) => Promise<void>;
}

export interface InvocationContext {
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

interface ResourceEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: {
    readonly Cluster?: string;
    readonly EcsCluster?: string;
    readonly HostedZone?: string;
    readonly SecurityGroups?: readonly string[];
    readonly Functions?: readonly string[];
  };
  /** Of a continuation: when the first invocation began. */
  readonly drainStarted?: number;
}

/** CloudFormation waits an hour, and is to hear of it before. */
const budgetMs = 50 * 60_000;
/** To answer, or to hand over. */
const reserveMs = 30_000;

export function createDrainFunction(
  deps: DrainFunctionDeps,
): (event: unknown, context: InvocationContext) => Promise<void> {
  const { clock, log } = deps;
  return async (event, context) => {
    const value = (event ?? {}) as Partial<ResourceEvent> & {
      source?: unknown;
      alarmData?: { state?: { value?: unknown } };
    };
    if (value.source === 'aws.cloudwatch') return await throwSwitch(deps, value.alarmData?.state?.value);
    if (typeof value.RequestType !== 'string' || typeof value.ResponseURL !== 'string') {
      log.error('an event that is not known', { keys: Object.keys(value) });
      return;
    }
    const request = value as ResourceEvent;
    const answer = async (Status: 'SUCCESS' | 'FAILED', Reason?: string): Promise<void> => {
      const { StackId, RequestId, LogicalResourceId } = request;
      const PhysicalResourceId =
        request.PhysicalResourceId ?? `nodeless-${request.ResourceProperties.Cluster ?? deps.cluster}-drain`;
      const body = JSON.stringify({ Status, Reason, PhysicalResourceId, StackId, RequestId, LogicalResourceId });
      await retry(() => deps.respond(request.ResponseURL, body), {
        clock,
        attempts: 4,
        baseMs: 500,
        capMs: 4_000,
        retryable: () => true,
      });
    };
    if (request.RequestType !== 'Delete') return await answer('SUCCESS');
    // A request that is not answered holds the stack for an hour: whatever happens, something is said.
    try {
      const started = request.drainStarted ?? clock.now();
      const result = await drainOnce(deps, request, context, started);
      if (result === undefined) return;
      await answer(result === '' ? 'SUCCESS' : 'FAILED', result || undefined);
    } catch (error) {
      log.error('the drain failed', { error });
      await answer(
        'FAILED',
        `the cluster could not be drained: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
}

/** '' = drained; a text = what is left; undefined = handed over to the next invocation. */
async function drainOnce(
  deps: DrainFunctionDeps,
  request: ResourceEvent,
  context: InvocationContext,
  started: number,
): Promise<string | undefined> {
  const { clock, log } = deps;
  const {
    Cluster: cluster,
    EcsCluster: ecsCluster,
    HostedZone: hostedZone,
    SecurityGroups = [],
    Functions = [],
  } = request.ResourceProperties;
  if (!cluster || !ecsCluster || !hostedZone) throw new Error('Cluster, EcsCluster and HostedZone must be given');
  if (request.drainStarted === undefined) for (const name of Functions) await deps.stopFunction(name);
  const until = clock.now() + context.getRemainingTimeInMillis() - reserveMs;
  const steps = deps.steps({ cluster, ecsCluster, hostedZone, securityGroups: SecurityGroups });
  const result = await drain({ steps, clock, log, until });
  log.info('drained', { removed: result.removed, left: result.left });
  if (result.done) return '';
  if (clock.now() - started > budgetMs - 10 * 60_000 || result.left.every(({ hopeless }) => hopeless))
    return describeLeft(result.left);
  await deps.goOn(context.functionName, { ...request, drainStarted: started });
  return undefined;
}

/** The bill guard rings: the API takes no more requests until someone says so. */
async function throwSwitch(deps: DrainFunctionDeps, state: unknown): Promise<void> {
  if (state !== 'ALARM') return;
  deps.log.warn('the bill guard stops the API', { cluster: deps.cluster });
  await deps.stopFunction(`nodeless-${deps.cluster}-apiserver`);
}
