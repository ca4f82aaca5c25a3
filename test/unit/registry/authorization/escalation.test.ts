import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionAttributes, AdmissionReader } from '@nodeless/registry/admission/admission';
import { parseRule } from '@nodeless/registry/authorization/bootstrap-rules';
import { createEscalationCheck } from '@nodeless/registry/authorization/escalation';
import { createRbacAuthorizer } from '@nodeless/registry/authorization/rbac-authorizer';
import { createRbacIndex } from '@nodeless/registry/authorization/rbac-index';
import { beforeEach, describe, expect, it } from 'vitest';

const group = 'rbac.authorization.k8s.io';
const bob = { name: 'bob', groups: ['devs'] };
const kinds: Record<string, string> = {
  roles: 'Role',
  clusterroles: 'ClusterRole',
  rolebindings: 'RoleBinding',
  clusterrolebindings: 'ClusterRoleBinding',
};
let index = createRbacIndex();
let plugin = createEscalationCheck({ index, authorizer: createRbacAuthorizer(index) });

beforeEach(() => {
  index = createRbacIndex();
  plugin = createEscalationCheck({ index, authorizer: createRbacAuthorizer(index) });
  index.put('clusterroles', {
    metadata: { name: 'held' },
    rules: ['get | core | pods', 'create | rbac.authorization.k8s.io | *'].map(parseRule),
  });
  index.put('clusterroles', { metadata: { name: 'much' }, rules: [parseRule('* | * | *')] });
  index.put('clusterrolebindings', {
    metadata: { name: 'b' },
    subjects: [{ kind: 'User', name: 'bob' }],
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'held' },
  });
});

const check = async (resource: string, object: object, more: Partial<AdmissionAttributes> = {}): Promise<string> => {
  const attributes: AdmissionAttributes = {
    operation: 'CREATE',
    resource: { group, version: 'v1', resource },
    kind: { group, version: 'v1', kind: kinds[resource] as string },
    subresource: '',
    namespace: resource.startsWith('cluster') ? '' : 'ns',
    name: 'x',
    object: { metadata: { name: 'x' }, ...object } as UnknownObject,
    oldObject: undefined,
    options: undefined,
    user: bob,
    dryRun: false,
    warn: () => {},
    annotate: () => {},
    ...more,
  };
  if (!plugin.handles(attributes)) return 'not handled';
  try {
    await plugin.validate?.(attributes, {} as AdmissionReader);
    return 'ok';
  } catch (error) {
    return (error as Error).message;
  }
};
const to = (name: string, kind = 'ClusterRole') => ({ roleRef: { apiGroup: group, kind, name } });

describe('escalation', () => {
  it('lets what is held be given', async () => {
    expect(await check('roles', { rules: [parseRule('get | core | pods')] })).toBe('ok');
    expect(await check('rolebindings', to('held'))).toBe('ok');
  });
  it('refuses what is not held', async () => {
    expect(await check('roles', { rules: [parseRule('get | core | secrets')] })).toBe(
      'roles.rbac.authorization.k8s.io "x" is forbidden: user "bob" (groups=["devs"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
    expect(await check('clusterrolebindings', to('much'))).toMatch(
      /^clusterrolebindings\.rbac\.authorization\.k8s\.io "x" is forbidden: user "bob"/,
    );
  });
  it('refuses aggregation to all but administrators', async () => {
    expect(await check('clusterroles', { aggregationRule: { clusterRoleSelectors: [{}] } })).toBe(
      'clusterroles.rbac.authorization.k8s.io "x" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    );
  });
  it('knows the verbs escalate and bind', async () => {
    index.put('clusterroles', {
      metadata: { name: 'held' },
      rules: [
        'escalate | rbac.authorization.k8s.io | roles',
        'bind | rbac.authorization.k8s.io | clusterroles | much',
      ].map(parseRule),
    });
    expect(await check('roles', { rules: [parseRule('* | * | *')] })).toBe('ok');
    expect(await check('rolebindings', to('much'))).toBe('ok');
    expect(await check('clusterroles', { rules: [parseRule('* | * | *')] })).toMatch(/not currently held/);
  });
  it('has no binding to a role that is not there', async () => {
    expect(await check('rolebindings', to('nope', 'Role'))).toBe('roles.rbac.authorization.k8s.io "nope" not found');
  });
  it('does not ask system:masters', async () => {
    expect(await check('rolebindings', to('much'), { user: { name: 'root', groups: ['system:masters'] } })).toBe(
      'not handled',
    );
  });
  it('lets the garbage collector change its own fields', async () => {
    const oldObject = {
      metadata: { name: 'x', finalizers: ['a/b'] },
      rules: [parseRule('* | * | *')],
    } as UnknownObject;
    expect(await check('roles', { rules: oldObject.rules as object }, { operation: 'UPDATE', oldObject })).toBe('ok');
    expect(
      await check(
        'roles',
        { metadata: { name: 'x', labels: { a: 'b' } }, rules: oldObject.rules as object },
        { operation: 'UPDATE', oldObject },
      ),
    ).toMatch(/not currently held/);
  });
});
