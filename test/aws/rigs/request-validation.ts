import { documentedLimits } from './documented-limits/documented-limits.ts';
import { type SdkClient, addMiddleware } from './sdk-middleware.ts';
import { operationModel, serviceModel } from './service-models.ts';
import { shapeViolations } from './shape-validation.ts';

export interface ValidationOptions {
  /** Answers and errors are looked at too: for clients whose other side is a rig of ours. */
  readonly responses?: boolean;
}

export interface RequestValidation {
  /** `ecs:RunTask` and the like: every operation that was sent, in order of its first time. */
  readonly operations: ReadonlySet<string>;
  /**
   * Everything that was wrong. It was thrown at the sender as well, but code that takes each error for a reason to try
   * again hides that: tests look here at their end.
   */
  readonly violations: readonly string[];
}

/** What no service would have accepted; told at once, never sent. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError';
  /** So that the SDK and the code above it do not take it for something of the network. */
  readonly $fault = 'client';
}

/** Errors that every service may answer, beside those that its model names for an operation. */
const commonErrors = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthFailure',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InternalError',
  'InternalFailure',
  'InternalServerError',
  'InvalidClientTokenId',
  'OptInRequired',
  'RequestExpired',
  'RequestLimitExceeded',
  'RequestThrottled',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'UnauthorizedOperation',
  'UnrecognizedClientException',
  'ValidationError',
  'ValidationException',
  // Of the SDK itself.
  'AbortError',
  'TimeoutError',
]);

/**
 * Checks each request of an SDK client against AWS's own model of the service (required members, types, enumerations,
 * lengths, patterns, ranges, unknown members) and against limits that only its documentation has, before it is sent.
 */
export function validateRequests(client: SdkClient, { responses = false }: ValidationOptions = {}): RequestValidation {
  const operations = new Set<string>();
  const violations: string[] = [];
  addMiddleware(client, 'validate-requests', async ({ service, operation, input, proceed }) => {
    const model = serviceModel(service);
    const title = `${model.service}:${operation}`;
    operations.add(title);
    const known = operationModel(service, operation);
    const refuse = (found: readonly string[]): void => {
      if (found.length === 0) return;
      violations.push(...found.map((line) => `${title} ${line}`));
      throw new InvalidRequestError(`${title} is not what AWS accepts:\n  ${found.join('\n  ')}`);
    };
    refuse(known.input ? shapeViolations(model, known.input, input, 'request') : []);
    refuse(documentedLimits(title, input));
    if (!responses) return await proceed();
    let output: unknown;
    try {
      output = await proceed();
    } catch (thrown) {
      const name = thrown instanceof Error ? thrown.name : String(thrown);
      if (!commonErrors.has(name) && !known.errors.some((error) => error.name === name || error.code === name))
        refuse([`was answered with ${name}, which this operation does not do`]);
      throw thrown;
    }
    const { $metadata: _, ...answer } = output as Record<string, unknown>;
    refuse(
      known.output ? shapeViolations(model, known.output, answer, 'response').map((line) => `answer: ${line}`) : [],
    );
    return output;
  });
  return { operations, violations };
}
