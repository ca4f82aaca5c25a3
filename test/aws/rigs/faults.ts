import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from './random.ts';
import { type SdkCall, type SdkClient, addMiddleware } from './sdk-middleware.ts';
import { operationModel } from './service-models.ts';

/** What may happen to a request. */
export type Fault =
  /** Refused before anything was done. */
  | 'throttle'
  | 'server-error'
  | 'access-denied'
  | 'expired-credentials'
  /** Never arrived; the sender hears a time-out. */
  | 'lost'
  /** It was done, and the sender hears a time-out. */
  | 'unanswered'
  /** It arrived twice; the answer is the second one's. */
  | 'twice'
  /** A read that gets the answer which the same read got the time before, be it an error. Not for strong reads. */
  | 'stale'
  /** The answer comes a page of one item at a time. */
  | 'one-a-page';

export interface FaultOptions {
  readonly seed?: number;
  /** How often each happens, 0 to 1. */
  readonly rates?: Partial<Readonly<Record<Fault, number>>>;
  /** Instead of chance: what happens to this call. `calls` counts the calls of this operation, from 0. */
  readonly plan?: (call: {
    readonly operation: string;
    readonly input: object;
    readonly calls: number;
  }) => Fault | undefined;
  /** Only these operations have faults. */
  readonly operations?: readonly string[];
}

export interface InjectedFaults {
  /** Nothing is injected from now on (false), or again (true). */
  enabled: boolean;
  /** What was injected, in order. */
  readonly log: readonly { readonly operation: string; readonly fault: Fault }[];
}

interface Answer {
  readonly input: object;
  readonly answer: Promise<unknown>;
}

const reads = /^(?:Describe|Get|List|Query|Scan|BatchGet|Filter)/;
const order: readonly Fault[] = [
  'access-denied',
  'expired-credentials',
  'throttle',
  'server-error',
  'lost',
  'unanswered',
  'twice',
  'stale',
  'one-a-page',
];

/**
 * Puts faults between an SDK client and its service; the same seed gives the same ones. They happen outside of the SDK's own
 * retries: each is one that the SDK has given up on, or a service that says it again and again.
 */
export function injectFaults(client: SdkClient, options: FaultOptions): InjectedFaults {
  const random = seededRandom(options.seed ?? 1);
  const calls = new Map<string, number>();
  const answers = new Map<string, readonly Answer[]>();
  const log: { operation: string; fault: Fault }[] = [];
  const faults = { enabled: true, log };

  const choose = ({ operation, input }: SdkCall, count: number): Fault | undefined => {
    if (!faults.enabled || (options.operations && !options.operations.includes(operation))) return undefined;
    if (options.plan) return options.plan({ operation, input, calls: count });
    return order.find((fault) => random() < (options.rates?.[fault] ?? 0));
  };

  addMiddleware(client, 'inject-faults', async (call) => {
    const { operation, input } = call;
    const count = calls.get(operation) ?? 0;
    calls.set(operation, count + 1);
    const isRead = reads.test(operation);
    const fault = choose(call, count);
    const happen = (): void => void log.push({ operation, fault: fault! });
    const earlier = isRead ? (answers.get(operation) ?? []) : [];
    const proceed = async (): Promise<unknown> => {
      const answer = call.proceed();
      if (isRead)
        answers.set(operation, [...earlier.filter((one) => !isDeepStrictEqual(one.input, input)), { input, answer }]);
      return await answer;
    };
    switch (fault) {
      case undefined:
        return await proceed();
      case 'throttle':
        happen();
        throw serviceError(throttleName(call), 'Rate exceeded', 400, { throttling: true });
      case 'server-error':
        happen();
        throw serviceError('InternalServerError', 'The request failed because of an internal error.', 500);
      case 'access-denied':
        happen();
        throw serviceError(
          'AccessDeniedException',
          `User: arn:aws:sts::000000000000:assumed-role/function is not authorized to perform: ${operation}`,
          400,
        );
      case 'expired-credentials':
        happen();
        throw serviceError('ExpiredTokenException', 'The security token included in the request is expired', 403);
      case 'lost':
        happen();
        throw timeout();
      case 'unanswered':
        happen();
        await proceed();
        throw timeout();
      case 'twice':
        happen();
        await call.proceed().catch(() => {});
        return await proceed();
      case 'stale': {
        const old =
          isRead && input['ConsistentRead'] !== true && earlier.find((one) => isDeepStrictEqual(one.input, input));
        if (!old) return await proceed();
        happen();
        return await old.answer;
      }
      case 'one-a-page': {
        const { pagination } = operationModel(call.service, operation);
        if (!pagination?.limit) return await proceed();
        happen();
        return await call.proceed({ ...input, [pagination.limit]: smallestPage(call.service) });
      }
    }
  });
  return faults;
}

/** EC2 takes no page of fewer than five. */
function smallestPage(service: string): number {
  return service === 'EC2' ? 5 : 1;
}

/** Each service throttles in its own words: of those that its model names, else the one of all. */
function throttleName({ service, operation }: SdkCall): string {
  const named = operationModel(service, operation).errors.map(({ code }) => code);
  const words =
    /^(?:ThrottlingException|ProvisionedThroughputExceededException|TooManyRequestsException|LimitExceeded)$/;
  if (service === 'EC2') return 'RequestLimitExceeded';
  if (service === 'Elastic Load Balancing v2' || service === 'Route 53' || service === 'STS') return 'Throttling';
  return named.find((code) => words.test(code)) ?? 'ThrottlingException';
}

function serviceError(name: string, message: string, status: number, retryable?: { throttling: boolean }): Error {
  return Object.assign(new Error(message), {
    name,
    $fault: status >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: status, attempts: 1 },
    ...(retryable ? { $retryable: retryable } : {}),
  });
}

function timeout(): Error {
  return Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
}
