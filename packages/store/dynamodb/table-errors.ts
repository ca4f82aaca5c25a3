import { TableError } from './table.ts';

const throttles = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TransactionConflictException',
]);
const refusals = new Set([
  'AccessDeniedException',
  'ExpiredTokenException',
  'ResourceNotFoundException',
  'UnrecognizedClientException',
  'ValidationException',
  'ItemCollectionSizeLimitExceededException',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'CredentialsProviderError',
]);

interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly CancellationReasons?: readonly { readonly Code?: string; readonly Message?: string }[];
}

/**
 * What an error of the SDK says about the request. `logs`: how many of a transaction's actions, counted from the
 * first, are log entries.
 */
export function tableError(thrown: unknown, logs = 0): TableError {
  if (thrown instanceof TableError) return thrown;
  if (!(thrown instanceof Error)) return new TableError('unknown', String(thrown));
  const error = thrown as SdkError & Error;
  const message = `${error.name}: ${error.message}`;
  if (error.name === 'TransactionCanceledException') {
    const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code);
    const refused = codes.some((code) => code === 'ValidationError' || code === 'ItemCollectionSizeLimitExceeded');
    const failed = (code: string | undefined): boolean => code === 'ConditionalCheckFailed';
    return new TableError(refused ? 'refused' : 'cancelled', message, {
      cause: error,
      logFailed: codes.slice(0, logs).some(failed),
      objectFailed: codes.slice(logs).some(failed),
    });
  }
  if (throttles.has(error.name)) return new TableError('throttled', message, { cause: error });
  if (refusals.has(error.name)) return new TableError('refused', message, { cause: error });
  // A broken connection, a time-out, an answer of 500, a transaction that is still in progress.
  return new TableError('unknown', message, { cause: error });
}

export function isConditionFailure(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'ConditionalCheckFailedException';
}
