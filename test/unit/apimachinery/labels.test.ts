import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseFieldSelector,
  formatFieldSelector,
  escapeFieldValue,
  matchesFields,
  requiredFieldValue,
} from '@nodeless/apimachinery/fields';
import { parseLabelSelector } from '@nodeless/apimachinery/label-selector-parser';
import {
  SelectorError,
  formatLabelSelector,
  formatLabels,
  formatSelector,
  matcherOf,
  matchesSelector,
  matchesSet,
  requiredValue,
  selectorOf,
} from '@nodeless/apimachinery/labels';

const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

describe('label selector of a query', () => {
  it.each([
    ['', ''],
    ['par=even', 'par=even'],
    ['par==odd', 'par==odd'],
    [' par = even ', 'par=even'],
    ['par!=even', 'par!=even'],
    ['par in (odd,even)', 'par in (even,odd)'],
    ['z, a', 'a,z'],
    ['par notin (even)', 'par notin (even)'],
    ['!par,i=6', 'i=6,!par'],
    ['i>3', 'i>3'],
    ['i<-1'.replace('-', ''), 'i<1'],
    ['par=', 'par='],
    ['par in ()', 'par in ()'],
    ['par in (even,)', 'par in (,even)'],
    ['par in (,,)', 'par in ()'],
    ['in in (in,notin)', 'in in (in,notin)'],
    ['example.com/x', 'example.com/x'],
    ['par=even,par=odd', 'par=even,par=odd'],
  ])('%j reads as %j', (text, canonical) => {
    expect(formatSelector(parseLabelSelector(text))).toBe(canonical);
  });

  // as a kube-apiserver answers them
  it.each([
    [
      'i>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['par=even,', "found '', expected: identifier after ','"],
    ['z=q,,par', "found ',', expected: identifier after ','"],
    ['par=even odd', "found 'odd', expected: ',' or 'end of string'"],
    ['par in even', "unable to parse requirement: found 'even' expected: '('"],
    ['i gt 3', "unable to parse requirement: found 'gt', expected: in, notin, =, ==, !=, gt, lt"],
    [
      `${'x'.repeat(64)}=1`,
      `unable to parse requirement: <nil>: Invalid value: "${'x'.repeat(64)}": name part must be no more than 63 bytes`,
    ],
    [
      `par=${'v'.repeat(64)}`,
      `unable to parse requirement: values[0][par]: Invalid value: "${'v'.repeat(64)}": must be no more than 63 bytes`,
    ],
    ['=a', "found '=', expected: !, identifier, or 'end of string'"],
    ['par=a=b', "found '=', expected: ',' or 'end of string'"],
    ['par===a', "unable to parse requirement: found '=', expected: identifier"],
    ['par in (even', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['par in (even,', "unable to parse requirement: found '', expected: ',', or identifier"],
    ['(par)', "found '(', expected: !, identifier, or 'end of string'"],
    ['par!', "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['-a=b', `unable to parse requirement: <nil>: Invalid value: "-a": ${NAME_PART}`],
    ['a=-b', `unable to parse requirement: values[0][a]: Invalid value: "-b": ${VALUE}`],
  ])('%j is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(new SelectorError(message));
  });

  it.each([
    ['a=b', { a: 'b' }, true],
    ['a=b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a notin (b)', { a: 'b' }, false],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['i>3', { i: '10' }, true],
    ['i>3', { i: 'x' }, false],
    ['i>3', {}, false],
    ['i<9223372036854775807', { i: '9223372036854775806' }, true],
    ['constructor', {}, false],
    ['!toString', {}, true],
    ['a=b,c', { a: 'b' }, false],
    ['', {}, true],
  ])('%j on %j: %s', (text, labels, want) => {
    expect(matchesSelector(parseLabelSelector(text), labels)).toBe(want);
  });

  it('what is written reads the same, and matches the same', () => {
    const key = fc.constantFrom('a', 'b', 'x.y/z', 'in', 'constructor');
    const value = fc.constantFrom('', 'b', 'c', '1', 'notin');
    const term = fc.oneof(
      fc.tuple(key, fc.constantFrom('=', '==', '!='), value).map((t) => t.join('')),
      fc
        .tuple(key, fc.constantFrom('in', 'notin'), fc.array(value, { minLength: 1, maxLength: 3 }))
        .map(([k, op, v]) => `${k} ${op} (${v.join(',')})`),
      key,
      key.map((k) => `!${k}`),
    );
    const labels = fc.dictionary(key, value);
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), labels, (terms, set) => {
        const selector = parseLabelSelector(terms.join(', '));
        const again = parseLabelSelector(formatSelector(selector));
        expect(formatSelector(again)).toBe(formatSelector(selector));
        expect(matchesSelector(again, set)).toBe(matchesSelector(selector, set));
        // each term alone must match for all to match
        expect(matchesSelector(selector, set)).toBe(terms.every((t) => matchesSelector(parseLabelSelector(t), set)));
      }),
    );
  });
});

describe('LabelSelector objects', () => {
  it('absent selects nothing, empty everything', () => {
    expect(matcherOf(undefined)({ a: 'b' })).toBe(false);
    expect(matcherOf({})(undefined)).toBe(true);
    expect(formatLabelSelector(undefined)).toBe('<none>');
    expect(formatLabelSelector({})).toBe('<none>');
  });
  it('matchLabels and matchExpressions together', () => {
    const selector = {
      matchLabels: { b: '2', a: '1' },
      matchExpressions: [
        { key: 'c', operator: 'NotIn', values: ['y', 'x'] },
        { key: 'd', operator: 'Exists' },
        { key: 'e', operator: 'DoesNotExist' },
      ],
    };
    expect(formatLabelSelector(selector)).toBe('a=1,b=2,c notin (x,y),d,!e');
    expect(matcherOf(selector)({ a: '1', b: '2', d: '' })).toBe(true);
    expect(matcherOf(selector)({ a: '1', b: '2', d: '', e: '' })).toBe(false);
    expect(matcherOf(selector)({ a: '1', b: '2', c: 'x', d: '' })).toBe(false);
  });
  it('one that is not valid matches nothing', () => {
    const broken = { matchExpressions: [{ key: 'a', operator: 'Zig' }] };
    expect(() => selectorOf(broken)).toThrow('"Zig" is not a valid label selector operator');
    expect(() => selectorOf({ matchExpressions: [{ key: 'a', operator: 'In' }] })).toThrow(
      "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    );
    expect(formatLabelSelector(broken)).toBe('<error>');
    expect(matcherOf(broken)({})).toBe(false);
  });
  it('a frozen one is read once', () => {
    const frozen = Object.freeze({ matchLabels: Object.freeze({ a: '1' }) });
    expect(selectorOf(frozen)).toBe(selectorOf(frozen));
    const open = { matchLabels: { a: '1' } };
    selectorOf(open);
    open.matchLabels.a = '2';
    expect(matcherOf(open)({ a: '2' })).toBe(true);
  });
  it('the value an index is asked for', () => {
    expect(requiredValue(parseLabelSelector('a=b,c in (d),e!=f'), 'a')).toBe('b');
    expect(requiredValue(parseLabelSelector('a=b,c in (d),e!=f'), 'c')).toBe('d');
    expect(requiredValue(parseLabelSelector('a=b,c in (d,g),e!=f'), 'c')).toBeUndefined();
    expect(requiredValue(parseLabelSelector('e!=f'), 'e')).toBeUndefined();
  });
});

it('plain maps', () => {
  expect(matchesSet(undefined, { a: '1' })).toBe(false);
  expect(matchesSet({}, undefined)).toBe(true);
  expect(matchesSet({ a: '1' }, { a: '1', b: '2' })).toBe(true);
  expect(matchesSet({ a: '1' }, undefined)).toBe(false);
  expect(matchesSet({ constructor: 'x' } as unknown as Record<string, string>, {})).toBe(false);
  expect(formatLabels({ b: '2', a: '1' })).toBe('a=1,b=2');
  expect(formatLabels({})).toBe('<none>');
});

describe('field selectors', () => {
  it.each([
    ['', ''],
    ['metadata.name=x', 'metadata.name=x'],
    ['b=2,a==1,,c!=', 'a=1,b=2,c!='],
    ['a=x\\,y\\=z\\\\', 'a=x\\,y\\=z\\\\'],
  ])('%j reads as %j', (text, canonical) => {
    expect(formatFieldSelector(parseFieldSelector(text))).toBe(canonical);
  });
  it.each([
    [
      'status.phase in (Pending)',
      "invalid selector: 'status.phase in (Pending)'; can't understand 'status.phase in (Pending)'",
    ],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
    ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
    ['a=b\\', 'invalid field selector: invalid escape sequence: \\'],
  ])('%j is refused', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(new SelectorError(message));
  });
  it('converts and drops terms', () => {
    const selector = parseFieldSelector('name=x,drop=y', (field, value) =>
      field === 'drop' ? undefined : { field: `metadata.${field}`, value },
    );
    expect(selector.requirements).toEqual([{ field: 'metadata.name', operator: '=', value: 'x' }]);
    expect(requiredFieldValue(selector, 'metadata.name')).toBe('x');
    expect(requiredFieldValue(parseFieldSelector('a!=b'), 'a')).toBeUndefined();
  });
  it('any value can be asked for', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, other) => {
        const selector = parseFieldSelector(`f=${escapeFieldValue(value)}`);
        expect(matchesFields(selector, () => value)).toBe(true);
        expect(matchesFields(selector, () => other)).toBe(other === value);
        expect(matchesFields(parseFieldSelector(`f!=${escapeFieldValue(value)}`), () => other)).toBe(other !== value);
      }),
    );
  });
});
