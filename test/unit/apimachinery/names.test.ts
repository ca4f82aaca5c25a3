import { describe, expect, it } from 'vitest';
import * as names from '@nodeless/apimachinery/names';
import { isPrintable, quoteGo } from '@nodeless/apimachinery/quote-go';

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const KEY =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

// every row recorded from k8s.io/apimachinery v0.36
const table: [string, (value: string) => readonly string[], string, readonly string[]][] = [
  ['isDns1123Subdomain', names.isDns1123Subdomain, 'a.b-c', []],
  ['isDns1123Subdomain', names.isDns1123Subdomain, 'Bad_Name', [SUBDOMAIN]],
  ['isDns1123Subdomain', names.isDns1123Subdomain, 'a'.repeat(254), ['must be no more than 253 characters']],
  ['isDns1123Subdomain', names.isDns1123Subdomain, '', [SUBDOMAIN]],
  ['isDns1123Label', names.isDns1123Label, 'Bad_Name', [LABEL]],
  ['isDns1123Label', names.isDns1123Label, 'a.b', ['must not contain dots']],
  ['isDns1123Label', names.isDns1123Label, 'a'.repeat(64), ['must be no more than 63 characters']],
  [
    'isDns1035Label',
    names.isDns1035Label,
    '1a',
    [
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
  ['isQualifiedName', names.isQualifiedName, 'example.com/Name', []],
  ['isQualifiedName', names.isQualifiedName, 'a b', [KEY]],
  ['isQualifiedName', names.isQualifiedName, '/x', ['prefix part must be non-empty']],
  ['isQualifiedName', names.isQualifiedName, 'X/x', [`prefix part ${SUBDOMAIN}`]],
  ['isQualifiedName', names.isQualifiedName, 'a/', ['name part must be non-empty', KEY]],
  [
    'isQualifiedName',
    names.isQualifiedName,
    'a/b/c',
    [`a valid label key ${KEY.slice(10)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`],
  ],
  ['isLabelValue', names.isLabelValue, '', []],
  [
    'isLabelValue',
    names.isLabelValue,
    'é'.repeat(40),
    ['must be no more than 63 bytes', expect.stringContaining('a valid label must be an empty string') as string],
  ],
  ['isPortName', names.isPortName, 'a-1', []],
  [
    'isPortName',
    names.isPortName,
    '-',
    ['must contain at least one letter (a-z)', 'must not begin or end with a hyphen'],
  ],
  [
    'isPortName',
    names.isPortName,
    'A--',
    [
      'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'must contain at least one letter (a-z)',
      'must not contain consecutive hyphens',
      'must not begin or end with a hyphen',
    ],
  ],
  ['isConfigMapKey', names.isConfigMapKey, '..a', ["must not start with '..'"]],
  ['isConfigMapKey', names.isConfigMapKey, '__proto__', []],
  [
    'isConfigMapKey',
    names.isConfigMapKey,
    'a b',
    [
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  ],
  ['isEnvVarName', names.isEnvVarName, '..', ["must not be '..'"]],
  [
    'isRelaxedEnvVarName',
    names.isRelaxedEnvVarName,
    'a=b',
    ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
  ],
  ['isRelaxedEnvVarName', names.isRelaxedEnvVarName, '1 $%', []],
  ['isRelaxedEnvVarName', names.isRelaxedEnvVarName, '', ['environment variable name must be non-empty']],
  ['isPathSegmentName', names.isPathSegmentName, '..', ["may not be '..'"]],
  ['isPathSegmentName', names.isPathSegmentName, 'a/b%', ["may not contain '/'", "may not contain '%'"]],
  ['isPercent', names.isPercent, '25%', []],
  ['isWildcardDns1123Subdomain', names.isWildcardDns1123Subdomain, '*.a.b', []],
  ['isCIdentifier', names.isCIdentifier, '_a1', []],
  [
    'isHttpHeaderName',
    names.isHttpHeaderName,
    'X_Y',
    [
      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    ],
  ],
];

it.each(table)('%s(%o)', (_name, check, value, complaints) => {
  expect(check(value)).toEqual(complaints);
});

it('numbers', () => {
  expect(names.isPortNumber(0)).toEqual(['must be between 1 and 65535, inclusive']);
  expect(names.isPortNumber(65535)).toEqual([]);
  expect(names.isUserId(-1)).toEqual(['must be between 0 and 2147483647, inclusive']);
});

describe('generateName', () => {
  it('a prefix may end in a dash', () => {
    expect(names.nameIsDnsSubdomain('web-', true)).toEqual([]);
    expect(names.nameIsDnsSubdomain('web-', false)).toEqual([SUBDOMAIN]);
    expect(names.nameIsDnsLabel('-', true)).toEqual([LABEL]);
  });
  it('adds five characters of its alphabet and cuts to 63', () => {
    expect(names.generateName('web-')).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(names.generateName('a'.repeat(70))).toMatch(/^a{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(names.generateName('x', () => 0.999999)).toBe('x99999');
    expect(new Set(Array.from({ length: 50 }, () => names.generateName('')))).not.toHaveLength(1);
  });
});

it.each([
  ['plain', '"plain"'],
  ['a"b\\', '"a\\"b\\\\"'],
  ['\n\t\x07\x00\x7f', '"\\n\\t\\a\\x00\\x7f"'],
  ['é😀', '"é😀"'],
  ['\u00ad\u200b\u2028\u{e0001}', '"\\u00ad\\u200b\\u2028\\U000e0001"'],
])('quoteGo(%j)', (text, quoted) => {
  expect(quoteGo(text)).toBe(quoted);
  expect(isPrintable('\u00a0')).toBe(false);
});
