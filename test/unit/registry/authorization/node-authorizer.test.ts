import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { AuthorizationAttributes } from '@nodeless/registry/authorization/authorizer';
import { createNodeAuthorizer } from '@nodeless/registry/authorization/node-authorizer';
import { describe, expect, it } from 'vitest';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns' },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'sa',
    containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'env' } }] }],
    volumes: [
      { name: 'v', secret: { secretName: 'mounted' } },
      { name: 'd', persistentVolumeClaim: { claimName: 'claim' } },
    ],
  },
};
const authorizer = createNodeAuthorizer({
  podsOnNode: (node) => (node === 'n1' ? [pod] : []),
  volumeOfClaim: (namespace, name) => (namespace === 'ns' && name === 'claim' ? 'pv-1' : ''),
});
const n1 = { name: 'system:node:n1', groups: ['system:nodes'] };
const n2 = { name: 'system:node:n2', groups: ['system:nodes'] };

const ask = async (user: typeof n1, verb: string, resource: string, more: Partial<AuthorizationAttributes> = {}) => {
  const [name = '', subresource = ''] = resource.split('/');
  const { decision, reason } = await authorizer.authorize({
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
  return decision === 'allow' ? true : reason;
};

describe('node authorizer', () => {
  it('says nothing about others', async () => {
    expect(await ask({ name: 'system:node:n1', groups: [] }, 'get', 'nodes', { name: 'n1' })).toBe('');
    expect(await ask({ name: 'alice', groups: ['system:nodes'] }, 'get', 'nodes', { name: 'n1' })).toBe('');
  });

  it.each([
    ['secrets', 'mounted'],
    ['configmaps', 'env'],
    ['persistentvolumeclaims', 'claim'],
    ['serviceaccounts', 'sa'],
    ['pods', 'p'],
  ])('lets a node read %s that its pods refer to', async (resource, name) => {
    expect(await ask(n1, 'get', resource, { namespace: 'ns', name })).toBe(true);
    expect(await ask(n1, 'get', resource, { namespace: 'ns', name: 'other' })).toBe(
      "no relationship found between node 'n1' and this object",
    );
    expect(await ask(n1, 'get', resource, { namespace: 'other', name })).toMatch(/^no relationship/);
    expect(await ask(n2, 'get', resource, { namespace: 'ns', name })).toMatch(/^no relationship/);
  });

  it('reaches volumes through claims', async () => {
    expect(await ask(n1, 'get', 'persistentvolumes', { name: 'pv-1' })).toBe(true);
    expect(await ask(n1, 'get', 'persistentvolumes', { name: 'pv-2' })).toMatch(/^no relationship/);
  });

  it.each([
    ['update', 'secrets', { namespace: 'ns', name: 'mounted' }, 'can only read resources of this type'],
    ['list', 'secrets', {}, 'can only read namespaced object of this type'],
    ['list', 'secrets', { namespace: 'ns' }, 'No Object name found'],
    ['list', 'pods', {}, 'can only list/watch pods with spec.nodeName field selector'],
    ['get', 'nodes', { name: 'n2' }, "node 'n1' cannot read 'n2', only its own Node object"],
    ['list', 'nodes', {}, "node 'n1' cannot read all nodes, only its own Node object"],
    [
      'create',
      'serviceaccounts/token',
      { namespace: 'ns', name: 'other' },
      "no relationship found between node 'n1' and this object",
    ],
    [
      'get',
      'leases',
      { group: 'coordination.k8s.io', namespace: 'default', name: 'n1' },
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    [
      'get',
      'leases',
      { group: 'coordination.k8s.io', namespace: 'kube-node-lease', name: 'n2' },
      'can only access node lease with the same name as the requesting node',
    ],
  ])('refuses to %s %s', async (verb, resource, more, reason) => {
    expect(await ask(n1, verb, resource, more)).toBe(reason);
  });

  it.each([
    ['list', 'pods', { fieldSelector: 'spec.nodeName=n1' }],
    ['watch', 'pods', { fieldSelector: 'spec.nodeName==n1,status.phase=Running' }],
    ['update', 'pods/status', { namespace: 'ns', name: 'p' }],
    ['patch', 'nodes/status', { name: 'n1' }],
    ['create', 'serviceaccounts/token', { namespace: 'ns', name: 'sa' }],
    ['update', 'leases', { group: 'coordination.k8s.io', namespace: 'kube-node-lease', name: 'n1' }],
    ['list', 'services', {}],
    ['create', 'events', { namespace: 'ns' }],
  ])('lets it %s %s', async (verb, resource, more) => {
    expect(await ask(n1, verb, resource, more)).toBe(true);
  });

  it('opens nothing by mirror pods', async () => {
    const mirror: Pod = { ...pod, metadata: { ...pod.metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } } };
    const own = createNodeAuthorizer({ podsOnNode: () => [mirror], volumeOfClaim: () => '' });
    const decision = await own.authorize({
      user: n1,
      verb: 'get',
      group: '',
      resource: 'secrets',
      namespace: 'ns',
      name: 'mounted',
    });
    expect(decision.decision).toBe('no-opinion');
  });
});
