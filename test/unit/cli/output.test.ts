import { ApiError, notFound } from '@nodeless/apimachinery/status';
import { describe, expect, it } from 'vitest';
import { isOnPath } from '../../../cli/on-path.ts';
import { alignColumns, createOutput, describeError, outputFormat, UserError } from '../../../cli/output.ts';

describe('columns', () => {
  it('are as wide as their widest cell, three spaces apart, nothing after the last', () => {
    expect(
      alignColumns([
        ['NAME', 'AGE'],
        ['a-long-name', '5s'],
        ['b', '10m'],
      ]),
    ).toEqual(['NAME          AGE', 'a-long-name   5s', 'b             10m']);
    expect(alignColumns([])).toEqual([]);
  });
});

describe('errors', () => {
  const refused = new ApiError(
    {
      code: 503,
      reason: 'ServiceUnavailable',
      message: 'the server at https://127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
    },
    { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) },
  );
  it.each<[unknown, string]>([
    [new UserError('a word'), 'nodeless: a word'],
    [notFound({ group: '', resource: 'pods' }, 'x'), 'Error from server (NotFound): pods "x" not found'],
    [new ApiError({ code: 500, message: 'odd' }), 'Error from server: odd'],
    [
      refused,
      'nodeless: the server at https://127.0.0.1:1 cannot be reached: nobody answers (is the cluster running? "npm start" starts it)',
    ],
    [Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }), 'nodeless: EACCES: permission denied'],
    ['text', 'nodeless: text'],
  ])('%#', (error, line) => {
    expect(describeError(error)).toBe(line);
  });

  it('that nobody foresaw come with their stack', () => {
    expect(describeError(new TypeError('a bug'))).toMatch(/^nodeless: TypeError: a bug\n +at /);
  });
});

describe('output', () => {
  const streams = (isTTY: boolean) =>
    ({ stdout: { isTTY, write: () => true }, stderr: { write: () => true } }) as never;
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
  ])('has colours only on a terminal that wants them (%#)', (isTTY, environment, colour) => {
    const output = createOutput(streams(isTTY), environment);
    expect(output.colour).toBe(colour);
    expect(output.style('red', 'x')).toBe(colour ? '\u001b[31mx\u001b[39m' : 'x');
  });

  it('knows its formats', () => {
    expect(outputFormat(undefined, ['json'])).toBeUndefined();
    expect(outputFormat('json', ['json', 'yaml'])).toBe('json');
    expect(() => outputFormat('xml', ['json'])).toThrow('-o must be json, not "xml"');
    expect(() => outputFormat('xml', ['json', 'yaml'])).toThrow('-o must be json or yaml, not "xml"');
  });
});

it('a program is on the path where a folder has it', () => {
  expect(isOnPath('sh', '/nowhere:/bin')).toBe(true);
  expect(isOnPath('sh', '/nowhere:')).toBe(false);
  expect(isOnPath('no-such-program', '/bin')).toBe(false);
});
