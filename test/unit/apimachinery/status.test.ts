import { describe, expect, it } from 'vitest';
import * as field from '@nodeless/apimachinery/field-errors';
import * as status from '@nodeless/apimachinery/status';

const { path } = field;

describe('field errors', () => {
  it.each([
    [path('spec', 'a').child('b', 'c').index(0).key('k').child('d').toString(), 'spec.a.b.c[0][k].d'],
    [field.required(path('x')).message, 'Required value'],
    [field.required('x', 'why').message, 'Required value: why'],
    [field.invalidValue('x', 'a"b', 'no').message, 'Invalid value: "a\\"b": no'],
    [field.invalidValue('x', 5, 'no').message, 'Invalid value: 5: no'],
    [field.invalidValue('x', 5n, 'no').message, 'Invalid value: 5: no'],
    [field.invalidValue('x', true, '').message, 'Invalid value: true'],
    [field.invalidValue('x', null, 'no').message, 'Invalid value: null: no'],
    [field.invalidValue('x', undefined, 'no').message, 'Invalid value: null: no'],
    [field.invalidValue('x', { a: ['<'] }, 'no').message, 'Invalid value: {"a":["\\u003c"]}: no'],
    [field.invalidValue('x', new field.GoText('map[a:b]'), 'no').message, 'Invalid value: map[a:b]: no'],
    [field.typeInvalid('x', 'a', 'no').message, 'Invalid value: "a": no'],
    [field.notSupported('x', 'Zig', ['Exact', '']).message, 'Unsupported value: "Zig": supported values: "Exact", ""'],
    [field.notSupported('x', 'Zig', []).message, 'Unsupported value: "Zig"'],
    [field.forbiddenField('x', 'may not').message, 'Forbidden: may not'],
    [field.duplicate('x', 'a').message, 'Duplicate value: "a"'],
    [field.notFoundValue('x', 'a').message, 'Not found: "a"'],
    [field.tooLong('x', 128).message, 'Too long: may not be more than 128 bytes'],
    [field.tooLongCharacters('x', 1).message, 'Too long: may not be more than 1 character'],
    [field.tooShort('x', 2).message, 'Too short: must be at least 2 characters'],
    [field.tooMany('x', 5, 4).message, 'Too many: 5: must have at most 4 items'],
    [field.tooMany('x', -1, 1).message, 'Too many: must have at most 1 item'],
    [field.tooFew('x', 0, 1).message, 'Too few: 0: must have at least 1 item'],
    [field.internalFieldError('x', 'oops').message, 'Internal error: oops'],
    [field.formatFieldError(field.required(path('a').key('b'), 'c')), 'a[b]: Required value: c'],
  ])('%s', (got, want) => expect(got).toBe(want));
});

describe('invalid', () => {
  const kind = { group: 'apps', kind: 'Deployment' };
  it('one error stands alone', () => {
    const error = status.invalid(kind, 'x', [field.required('spec.a')]);
    expect(error.message).toBe('Deployment.apps "x" is invalid: spec.a: Required value');
    expect(error.status).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: error.message,
      reason: 'Invalid',
      details: {
        name: 'x',
        group: 'apps',
        kind: 'Deployment',
        causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.a' }],
      },
      code: 422,
    });
  });
  it('several stand in brackets, each once; causes repeat', () => {
    const errors = [field.required('a'), field.required('a'), field.forbiddenField('b', 'c')];
    const error = status.invalid(kind, '', errors);
    expect(error.message).toBe('Deployment.apps "" is invalid: [a: Required value, b: Forbidden: c]');
    expect(error.status.details?.causes).toHaveLength(3);
    expect(status.invalid(kind, '', [field.required('a'), field.required('a')]).message).toBe(
      'Deployment.apps "" is invalid: a: Required value',
    );
  });
  it('without a kind (patches), without errors', () => {
    expect(status.invalid({ group: '', kind: '' }, '', []).status.details).toEqual({});
    expect(status.invalid({ group: '', kind: '' }, '', []).message).toBe(' "" is invalid');
  });
});

it.each([
  [status.notFound({ group: '', resource: 'pods' }, 'a\u00a0b'), 404, 'pods "a\\u00a0b" not found'],
  [status.alreadyExists({ group: 'apps', resource: 'deployments' }, 'x'), 409, 'deployments.apps "x" already exists'],
  [
    status.generateNameConflict({ group: '', resource: 'pods' }, 'x'),
    409,
    'pods "x" already exists, the server was not able to generate a unique name for the object',
  ],
  [status.forbidden({ group: '', resource: 'pods' }, '', 'why'), 403, 'pods is forbidden: why'],
  [status.tooLargeResourceVersion(99, 5), 504, 'Timeout: Too large resource version: 99, current: 5'],
  [status.requestEntityTooLarge('limit is 3145728'), 413, 'Request entity too large: limit is 3145728'],
  [
    status.serverTimeout({ group: '', resource: 'pods' }, 'list', 1),
    500,
    'The list operation against pods could not be completed at this time, please try again.',
  ],
  [status.internalError(new Error('x')), 500, 'Internal error occurred: x'],
])('%s', (error, code, message) => {
  expect(error.code).toBe(code);
  expect(error.message).toBe(message);
  expect(error.status.message).toBe(message);
});
