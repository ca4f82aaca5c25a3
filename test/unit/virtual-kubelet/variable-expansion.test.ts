import { expect, test } from 'vitest';
import { expandVariables } from '@nodeless/virtual-kubelet/variable-expansion';

const env = new Map([
  ['A', 'a'],
  ['B', '$(A)'],
  ['EMPTY', ''],
]);

const cases: [string, string][] = [
  ['plain', 'plain'],
  ['$(A)', 'a'],
  ['x$(A)y$(A)', 'xaya'],
  ['$(B)', '$(A)'],
  ['$(EMPTY)!', '!'],
  ['$(NOPE)', '$(NOPE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$a'],
  ['$$$$(A)', '$$(A)'],
  ['$(A', '$(A'],
  ['$', '$'],
  ['$$', '$'],
  ['a$b', 'a$b'],
  ['$()', '$()'],
  ['$(A)$', 'a$'],
  ['$($(A))', '$($(A))'],
];
test.each(cases)('%s → %s', (given, want) => expect(expandVariables(given, (name) => env.get(name))).toBe(want));

test('tells of names that are not there', () => {
  const missing: string[] = [];
  expandVariables(
    '$(A)/$(X)/$(Y)',
    (name) => env.get(name),
    (name) => missing.push(name),
  );
  expect(missing).toEqual(['X', 'Y']);
});
