import { bootstrapPolicy } from '@nodeless/registry/authorization/bootstrap-policy';
import { planPolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { describe, expect, it } from 'vitest';

const policy = bootstrapPolicy();
const clusterRole = (name: string) => policy.clusterRoles.find(({ metadata }) => metadata?.name === name);

describe('bootstrap policy', () => {
  it('has the roles that everyone counts on', () => {
    for (const name of [
      'cluster-admin',
      'admin',
      'edit',
      'view',
      'system:discovery',
      'system:public-info-viewer',
      'system:node',
      'system:controller:deployment-controller',
    ]) {
      expect(clusterRole(name), name).toBeDefined();
    }
    expect(clusterRole('cluster-admin')?.rules).toEqual([
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ]);
    expect(clusterRole('edit')).toMatchObject({
      metadata: {
        labels: {
          'kubernetes.io/bootstrapping': 'rbac-defaults',
          'rbac.authorization.k8s.io/aggregate-to-admin': 'true',
        },
      },
      aggregationRule: {
        clusterRoleSelectors: [{ matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } }],
      },
    });
  });

  it('names every object once, and no binding without its role', () => {
    const keys = [...policy.clusterRoles, ...policy.clusterRoleBindings, ...policy.roles, ...policy.roleBindings].map(
      ({ kind, metadata }) => `${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
    for (const { roleRef } of policy.clusterRoleBindings) expect(clusterRole(roleRef.name), roleRef.name).toBeDefined();
    for (const { roleRef, metadata } of policy.roleBindings) {
      expect(
        policy.roles.some((r) => r.metadata?.name === roleRef.name && r.metadata?.namespace === metadata?.namespace),
      ).toBe(true);
    }
  });
});

describe('reconciliation', () => {
  const expected = {
    metadata: { name: 'r', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' } },
    rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
  };

  it('creates what is missing', () => {
    expect(planPolicy(expected, undefined)).toEqual({ type: 'create', object: expected });
  });
  it('leaves what is right', () => {
    expect(planPolicy(expected, { ...expected, metadata: { ...expected.metadata, resourceVersion: '5' } })).toEqual({
      type: 'none',
    });
  });
  it('adds rules and keeps those of others', () => {
    const own = { verbs: ['list'], apiGroups: [''], resources: ['nodes'] };
    expect(planPolicy(expected, { ...expected, rules: [own] })).toMatchObject({
      type: 'update',
      object: { rules: [own, expected.rules[0]] },
    });
  });
  it('keeps its hands off what says so', () => {
    const metadata = { name: 'r', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } };
    expect(planPolicy(expected, { metadata, rules: [] })).toEqual({ type: 'none' });
  });
  it('gives back lost labels and annotations', () => {
    expect(planPolicy(expected, { ...expected, metadata: { name: 'r' } })).toMatchObject({
      type: 'update',
      object: { metadata: { annotations: expected.metadata.annotations } },
    });
  });
  it('makes a binding to another role anew', () => {
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' };
    const binding = { metadata: { name: 'b' }, roleRef, subjects: [{ kind: 'User', name: 'u' }] };
    expect(planPolicy(binding, { ...binding, roleRef: { ...roleRef, name: 'other' } })).toMatchObject({
      type: 'recreate',
    });
    expect(planPolicy(binding, { ...binding, subjects: [{ kind: 'User', name: 'v' }] })).toMatchObject({
      type: 'update',
      object: { subjects: [{ name: 'v' }, { name: 'u' }] },
    });
  });
});
