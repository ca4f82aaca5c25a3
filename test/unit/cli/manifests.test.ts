import { describe, expect, it } from 'vitest';
import { parseManifests } from '../../../cli/manifests.ts';
import { UserError } from '../../../cli/output.ts';

const map = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
const names = (text: string): (readonly [string | undefined, string])[] =>
  parseManifests(text, 'file.yaml').map(({ object, source }) => [object.metadata?.name, source] as const);

describe('manifests', () => {
  it('of one document and of many, with empty ones left out', () => {
    expect(names(map('a'))).toEqual([['a', 'file.yaml']]);
    expect(names(`---\n${map('a')}---\n# nothing\n---\n${map('b')}`)).toEqual([
      ['a', 'file.yaml, document 1'],
      ['b', 'file.yaml, document 3'],
    ]);
    expect(names('')).toEqual([]);
    expect(names('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"json"}}')).toEqual([['json', 'file.yaml']]);
  });

  it('of lists', () => {
    expect(
      names(
        '{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, {apiVersion: v1, kind: Pod, metadata: {name: b}}]}',
      ).map(([name]) => name),
    ).toEqual(['a', 'b']);
    expect(names('{apiVersion: v1, kind: PodList, items: []}')).toEqual([]);
    // A kind may well be called so.
    expect(names('{apiVersion: example.com/v1, kind: AllowList, metadata: {name: a}}')).toHaveLength(1);
  });

  it.each([
    ['a: [', /^file\.yaml: yaml: line 1: /],
    ['- a\n', 'file.yaml: an object is expected'],
    ['text\n', 'file.yaml: an object is expected'],
    ['kind: Pod\n', 'file.yaml: apiVersion and kind must be set'],
    [`${map('a')}---\napiVersion: v1\n`, 'file.yaml, document 2: apiVersion and kind must be set'],
  ])('%j is refused', (text, message) => {
    expect(() => parseManifests(text, 'file.yaml')).toThrow(message);
    expect(() => parseManifests(text, 'file.yaml')).toThrow(UserError);
  });
});
