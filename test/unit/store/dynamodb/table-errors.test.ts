import { tableError } from '@nodeless/store/dynamodb/table-errors';
import { describe, expect, it } from 'vitest';

function named(name: string, reasons?: readonly string[]): Error {
  return Object.assign(new Error('said'), { name, CancellationReasons: reasons?.map((Code) => ({ Code })) });
}

describe('what an error says about the request', () => {
  it.each([
    ['ProvisionedThroughputExceededException', 'throttled'],
    ['ThrottlingException', 'throttled'],
    ['TransactionConflictException', 'throttled'],
    ['AccessDeniedException', 'refused'],
    ['ResourceNotFoundException', 'refused'],
    ['ExpiredTokenException', 'refused'],
    ['InternalServerError', 'unknown'],
    ['TransactionInProgressException', 'unknown'],
    ['TimeoutError', 'unknown'],
    ['AbortError', 'unknown'],
  ])('%s: %s', (name, code) => {
    expect(tableError(named(name)).code).toBe(code);
  });

  it.each([
    [['ConditionalCheckFailed', 'None', 'None'], 'cancelled', true, false],
    [['None', 'None', 'ConditionalCheckFailed'], 'cancelled', false, true],
    [['None', 'TransactionConflict', 'None'], 'cancelled', false, false],
    [['None', 'ThrottlingError', 'None'], 'cancelled', false, false],
    [['None', 'None', 'ValidationError'], 'refused', false, false],
  ])('a transaction cancelled for %j: %s', (reasons, code, logFailed, objectFailed) => {
    const error = tableError(named('TransactionCanceledException', reasons), 2);
    expect([error.code, error.logFailed, error.objectFailed]).toEqual([code, logFailed, objectFailed]);
  });
});
