import { documentedLimits } from './documented-limits/documented-limits.ts';
import { type SdkClient, addMiddleware } from './sdk-middleware.ts';
import { operationModel, serviceModel } from './service-models.ts';
import { shapeViolations } from './shape-validation.ts';

export interface ValidationOptions {
  /** Answers and errors are looked at too: for clients whose other side is a rig of ours. */
  readonly responses?: boolean;
  /** What is wrong also ends the run as an error that nobody caught: for code that takes each error for a reason to retry. */
  readonly loud?: boolean;
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
export function validateRequests(
  client: SdkClient,
  { responses = false, loud = false }: ValidationOptions = {},
): RequestValidation {
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
      const error = new InvalidRequestError(`${title} is not what AWS accepts:\n  ${found.join('\n  ')}`);
      if (loud) void Promise.reject(error);
      throw error;
    };
    refuse(known.input ? shapeViolations(model, known.input, input, 'request') : []);
    refuse(documentedLimits(title, input));
    if (!responses) return await proceed();
    let output: unknown;
    try {
      output = await proceed();
    } catch (thrown) {
      const name = thrown instanceof Error ? thrown.name : String(thrown);
      // EC2's model names none for any operation.
      const errors = known.errors.flatMap((error) => [error.name, error.code]);
      if (model.service !== 'ec2' && !commonErrors.has(name) && !errors.includes(name))
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

/** The client itself, with each request checked; nothing that is wrong goes unheard. */
export function validated<Client extends SdkClient>(client: Client, options: ValidationOptions = {}): Client {
  validateRequests(client, { loud: true, ...options });
  return client;
}
