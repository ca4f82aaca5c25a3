import {
  namespaceOf,
  namespacePrefix,
  objectKey,
  parseKey,
  prefixEnd,
  rangeScope,
  typeOf,
  typePrefix,
} from '@nodeless/store/keys';
import { describe, expect, it } from 'vitest';

describe('keys', () => {
  it.each([
    { group: '', resource: 'pods', namespace: 'default', name: 'web', key: '/pods/default/web' },
    { group: '', resource: 'nodes', namespace: '', name: 'n1', key: '/nodes//n1' },
    { group: 'apps', resource: 'deployments', namespace: 'a', name: 'b', key: 'apps/deployments/a/b' },
    {
      group: 'rbac.authorization.k8s.io',
      resource: 'clusterroles',
      namespace: '',
      name: 'system:x/y',
      key: 'rbac.authorization.k8s.io/clusterroles//system:x/y',
    },
  ])('$key is built and taken apart', ({ key, ...parts }) => {
    expect(objectKey(parts.group, parts.resource, parts.namespace, parts.name)).toBe(key);
    expect(parseKey(key)).toEqual(parts);
    expect(typeOf(key)).toBe(typePrefix(parts.group, parts.resource));
    expect(namespaceOf(key)).toBe(namespacePrefix(parts.group, parts.resource, parts.namespace));
    expect(rangeScope(key)).toBe('key');
    expect(rangeScope(typeOf(key))).toBe('type');
    expect(rangeScope(namespaceOf(key))).toBe('namespace');
    expect(typeOf(namespaceOf(key))).toBe(typeOf(key));
  });

  it.each(['', '/', 'pods', '/pods', '/pods/', '/pods/default', '/pods/default/'])('%j is no whole key', (key) => {
    expect(() => parseKey(key)).toThrow(TypeError);
  });

  it.each(['', '/', '//', 'pods', '/pods', '/pods/default'])('%j is no range', (prefix) => {
    if (prefix === '//') expect(rangeScope(prefix)).toBe('type');
    else expect(() => rangeScope(prefix)).toThrow(TypeError);
  });

  it('a prefix ends before its siblings', () => {
    const end = prefixEnd('/pods/a/');
    for (const inside of ['/pods/a/', '/pods/a/x', '/pods/a/\uffff', '/pods/a/🐙']) expect(inside < end).toBe(true);
    for (const outside of ['/pods/a0', '/pods/a0/x', '/pods/aa/x', '/pods/b/x']) expect(outside < end).toBe(false);
    for (const before of ['/pods/a-b/x', '/pods/a.b/x']) expect(before < '/pods/a/').toBe(true);
  });
});
