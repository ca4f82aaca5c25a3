import type { AuthorizationAttributes } from '@nodeless/registry/authorization/authorizer';
import { createRbacAuthorizer } from '@nodeless/registry/authorization/rbac-authorizer';
import { createRbacIndex } from '@nodeless/registry/authorization/rbac-index';
import { parseRule } from '@nodeless/registry/authorization/bootstrap-rules';
import type { UserInfo } from '@nodeless/registry/strategy';
import { beforeEach, describe, expect, it } from 'vitest';

const alice: UserInfo = { name: 'alice', groups: ['devs', 'system:authenticated'] };
const robot: UserInfo = { name: 'system:serviceaccount:ci:robot', groups: ['system:serviceaccounts'] };
const group = 'rbac.authorization.k8s.io';

const role = (name: string, rules: string[], namespace?: string) => ({
  metadata: { name, namespace },
  rules: rules.map(parseRule),
});
const binding = (name: string, roleRef: { kind: string; name: string }, subject: object, namespace?: string) => ({
  metadata: { name, namespace },
  subjects: [subject as { kind: string; name: string }],
  roleRef: { apiGroup: group, ...roleRef },
});

let index = createRbacIndex();
let authorizer = createRbacAuthorizer(index);
beforeEach(() => {
  index = createRbacIndex();
  authorizer = createRbacAuthorizer(index);
});

const ask = (user: UserInfo, verb: string, resource: string, more: Partial<AuthorizationAttributes> = {}) => {
  const [name = '', subresource = ''] = resource.split('/');
  return authorizer.authorize({
    user,
    verb,
    group: '',
    version: 'v1',
    resource: name,
    subresource,
    namespace: '',
    name: '',
    ...more,
  });
};

describe('RBAC', () => {
  it('has no opinion without a role', () => {
    expect(ask(alice, 'get', 'pods', { namespace: 'a' })).toEqual({ decision: 'no-opinion', reason: '' });
  });

  it('lets a role binding count in its namespace only, and says why', () => {
    index.put('roles', role('reader', ['get | core | pods'], 'a'));
    index.put('rolebindings', binding('read', { kind: 'Role', name: 'reader' }, { kind: 'Group', name: 'devs' }, 'a'));
    expect(ask(alice, 'get', 'pods', { namespace: 'a' })).toEqual({
      decision: 'allow',
      reason: 'RBAC: allowed by RoleBinding "read/a" of Role "reader" to Group "devs"',
    });
    expect(ask(alice, 'get', 'pods', { namespace: 'b' })).toMatchObject({ decision: 'no-opinion' });
    expect(ask(alice, 'get', 'pods')).toMatchObject({ decision: 'no-opinion' });
  });

  it('grants a ClusterRole everywhere or in one namespace, as it is bound', () => {
    index.put('clusterroles', role('reader', ['get | core | pods']));
    index.put(
      'clusterrolebindings',
      binding('all', { kind: 'ClusterRole', name: 'reader' }, { kind: 'User', name: 'alice' }),
    );
    index.put(
      'rolebindings',
      binding('one', { kind: 'ClusterRole', name: 'reader' }, { kind: 'ServiceAccount', name: 'robot' }, 'ci'),
    );
    expect(ask(alice, 'get', 'pods', { namespace: 'b' })).toMatchObject({
      reason: 'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "reader" to User "alice"',
    });
    expect(ask(robot, 'get', 'pods', { namespace: 'ci' })).toMatchObject({
      reason: 'RBAC: allowed by RoleBinding "one/ci" of ClusterRole "reader" to ServiceAccount "robot/ci"',
    });
    expect(ask(robot, 'get', 'pods', { namespace: 'b' })).toMatchObject({ decision: 'no-opinion' });
  });

  it.each([
    ['subresources are their own', 'pods', 'pods/log', false],
    ['a subresource of any', '*/scale', 'deployments/scale', true],
    ['but not the resource', '*/scale', 'deployments', false],
    ['everything', '*', 'pods/log', true],
  ])('%s', (_, resources, asked, allowed) => {
    index.put('clusterroles', role('r', [`get | core | ${resources}`]));
    index.put('clusterrolebindings', binding('b', { kind: 'ClusterRole', name: 'r' }, { kind: 'User', name: 'alice' }));
    expect(ask(alice, 'get', asked)).toMatchObject({ decision: allowed ? 'allow' : 'no-opinion' });
  });

  it('limits rules with names to these names, also after a refusal without one', () => {
    index.put('clusterroles', role('r', ['get | core | secrets | good']));
    index.put('clusterrolebindings', binding('b', { kind: 'ClusterRole', name: 'r' }, { kind: 'User', name: 'alice' }));
    expect(ask(alice, 'get', 'secrets', { name: 'bad' })).toMatchObject({ decision: 'no-opinion' });
    expect(ask(alice, 'get', 'secrets', { name: 'good' })).toMatchObject({ decision: 'allow' });
    expect(ask(alice, 'list', 'secrets')).toMatchObject({ decision: 'no-opinion' });
  });

  it.each([
    ['/healthz', '/healthz', true],
    ['/healthz', '/healthz/ping', false],
    ['/healthz/*', '/healthz/ping', true],
    ['*', '/anything', true],
  ])('path rule %s on %s', (rule, path, allowed) => {
    index.put('clusterroles', role('r', [`get @ ${rule}`]));
    index.put('clusterrolebindings', binding('b', { kind: 'ClusterRole', name: 'r' }, { kind: 'User', name: 'alice' }));
    expect(authorizer.authorize({ user: alice, verb: 'get', path })).toMatchObject({
      decision: allowed ? 'allow' : 'no-opinion',
    });
  });

  it('sees changes at once', () => {
    index.put('clusterrolebindings', binding('b', { kind: 'ClusterRole', name: 'r' }, { kind: 'User', name: 'alice' }));
    expect(ask(alice, 'get', 'pods')).toEqual({
      decision: 'no-opinion',
      reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found',
    });
    index.put('clusterroles', role('r', ['get | core | pods']));
    expect(ask(alice, 'get', 'pods')).toMatchObject({ decision: 'allow' });
    index.put('clusterroles', role('r', ['list | core | pods']));
    expect(ask(alice, 'get', 'pods')).toMatchObject({ decision: 'no-opinion' });
    index.remove('clusterrolebindings', '', 'b');
    expect(ask(alice, 'list', 'pods')).toMatchObject({ decision: 'no-opinion', reason: '' });
  });

  it('forgets what a new list does not hold', () => {
    index.put('clusterroles', role('r', ['get | core | pods']));
    index.put('roles', role('r', ['get | core | pods'], 'a'));
    index.replace('clusterroles', [role('s', ['get | core | pods'])]);
    expect(index.rulesOfRole({ apiGroup: group, kind: 'ClusterRole', name: 'r' }, '')).toBeUndefined();
    expect(index.rulesOfRole({ apiGroup: group, kind: 'ClusterRole', name: 's' }, '')).toHaveLength(1);
    expect(index.rulesOfRole({ apiGroup: group, kind: 'Role', name: 'r' }, 'a')).toHaveLength(1);
  });

  it('is not misled by names of other kinds of subject', () => {
    index.put('clusterroles', role('r', ['* | * | *']));
    index.put(
      'clusterrolebindings',
      binding('b', { kind: 'ClusterRole', name: 'r' }, { kind: 'Group', name: 'alice' }),
    );
    index.put(
      'clusterrolebindings',
      binding('c', { kind: 'ClusterRole', name: 'r' }, { kind: 'ServiceAccount', name: 'alice' }),
    );
    expect(ask(alice, 'get', 'pods')).toMatchObject({ decision: 'no-opinion' });
  });

  it('lists the rules of a user', () => {
    index.put('clusterroles', role('r', ['get | core | pods']));
    index.put('clusterrolebindings', binding('b', { kind: 'ClusterRole', name: 'r' }, { kind: 'User', name: 'alice' }));
    index.put('rolebindings', binding('x', { kind: 'Role', name: 'gone' }, { kind: 'User', name: 'alice' }, 'a'));
    expect(authorizer.rulesFor(alice, 'a')).toEqual({
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
      incomplete: false,
      errors: ['role.rbac.authorization.k8s.io "gone" not found'],
    });
  });
});
