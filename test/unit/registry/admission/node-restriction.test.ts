import { describe, expect, it } from 'vitest';
import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { AdmissionAttributes } from '@nodeless/registry/admission/admission';
import { nodeRestriction } from '@nodeless/registry/admission/node-restriction';
import { ask, attributes, reader } from './attributes.ts';

const user = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };
const as = (resource: string, object: object | undefined, more: Partial<AdmissionAttributes> = {}) =>
  attributes(resource, object, { user, ...more });
const pod = (nodeName: string, more: object = {}) => ({
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', uid: 'u', ...more },
  spec: { nodeName },
});
const node = (more: Partial<Node> = {}): Node => ({
  kind: 'Node',
  ...more,
  metadata: { name: 'a', labels: {}, ...more.metadata },
});
const read = reader({ pods: [pod('a'), { ...pod('b'), metadata: { name: 'other', namespace: 'default', uid: 'v' } }] });
const changed = (labels: Record<string, string>) =>
  as('nodes', node({ metadata: { name: 'a', labels } }), {
    operation: 'UPDATE',
    oldObject: node() as never,
    namespace: '',
  });
const token = (boundObjectRef: object | undefined) =>
  as('serviceaccounts', { metadata: { name: 'sa' }, spec: { boundObjectRef } }, { subresource: 'token' });

describe('NodeRestriction', () => {
  it.each<{ name: string; request: AdmissionAttributes; want: string | undefined }>([
    {
      name: 'a user who is no node',
      request: attributes('nodes', node({ metadata: { name: 'b' } }), { namespace: '' }),
      want: undefined,
    },
    {
      name: 'a node without a name',
      request: as('nodes', node(), { user: { name: 'strange', groups: ['system:nodes'] } }),
      want: 'nodes "a" is forbidden: could not determine node from user "strange"',
    },
    {
      name: 'a mirror pod of its own',
      request: as('pods', pod('a', { annotations: { 'kubernetes.io/config.mirror': 'x' } })),
      want: undefined,
    },
    {
      name: 'a pod that is no mirror',
      request: as('pods', pod('a')),
      want: 'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "a" can only create mirror pods',
    },
    {
      name: 'a mirror pod of another',
      request: as('pods', pod('b', { annotations: { 'kubernetes.io/config.mirror': 'x' } })),
      want: 'pods "p" is forbidden: node "a" can only create pods with spec.nodeName set to itself',
    },
    {
      name: 'deleting its pod',
      request: as('pods', undefined, { operation: 'DELETE', name: 'p', oldObject: pod('a') as never }),
      want: undefined,
    },
    {
      name: 'deleting the pod of another',
      request: as('pods', undefined, { operation: 'DELETE', name: 'other', oldObject: pod('b') as never }),
      want: 'pods "other" is forbidden: node "a" can only delete pods with spec.nodeName set to itself',
    },
    {
      name: 'changing a pod',
      request: as('pods', pod('a'), { operation: 'UPDATE', oldObject: pod('a') as never }),
      want: 'pods "p" is forbidden: unexpected operation "UPDATE", node "a" can only create and delete mirror pods',
    },
    {
      name: 'the status of its pod',
      request: as('pods', pod('a'), { operation: 'UPDATE', subresource: 'status', oldObject: pod('a') as never }),
      want: undefined,
    },
    {
      name: 'the status of the pod of another',
      request: as('pods', pod('b'), { operation: 'UPDATE', subresource: 'status', oldObject: pod('b') as never }),
      want: 'pods "p" is forbidden: node "a" can only update pod status for pods with spec.nodeName set to itself',
    },
    {
      name: 'labels by the status',
      request: as('pods', pod('a', { labels: { x: 'y' } }), {
        operation: 'UPDATE',
        subresource: 'status',
        oldObject: pod('a') as never,
      }),
      want: 'pods "p" is forbidden: node "a" cannot update labels through pod status',
    },
    {
      name: 'evicting the pod of another',
      request: as('pods', {}, { subresource: 'eviction', name: 'other' }),
      want: 'pods "other" is forbidden: node a can only evict pods with spec.nodeName set to itself',
    },
    { name: 'its own node', request: as('nodes', node(), { namespace: '' }), want: undefined },
    {
      name: 'another node',
      request: as('nodes', node({ metadata: { name: 'b' } }), { namespace: '' }),
      want: 'nodes "b" is forbidden: node "a" is not allowed to modify node "b"',
    },
    {
      name: 'taints',
      request: as('nodes', node({ spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }), {
        operation: 'UPDATE',
        oldObject: node() as never,
        namespace: '',
      }),
      want: 'nodes "a" is forbidden: node "a" is not allowed to modify taints',
    },
    {
      name: 'labels of its own',
      request: changed({
        'kubernetes.io/hostname': 'a',
        'topology.kubernetes.io/zone': 'z',
        'example.com/x': 'y',
        'node.kubernetes.io/x': 'y',
        'kubelet.kubernetes.io/x': 'y',
      }),
      want: undefined,
    },
    {
      name: 'labels that are reserved',
      request: changed({ 'node-restriction.kubernetes.io/x': 'y', 'other.kubernetes.io/z': '', 'foo.k8s.io/a': '' }),
      want: 'nodes "a" is forbidden: is not allowed to modify labels: foo.k8s.io/a, node-restriction.kubernetes.io/x, other.kubernetes.io/z',
    },
    {
      name: 'a token for its pod',
      request: token({ kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'u' }),
      want: undefined,
    },
    {
      name: 'a token for nothing',
      request: token(undefined),
      want: 'serviceaccounts "sa" is forbidden: node requested token not bound to a pod',
    },
    {
      name: 'a token for the pod of another',
      request: token({ kind: 'Pod', apiVersion: 'v1', name: 'other', uid: 'v' }),
      want: 'serviceaccounts "sa" is forbidden: node requested token bound to a pod scheduled on a different node',
    },
    {
      name: 'its lease',
      request: as('coordination.k8s.io/leases', { metadata: { name: 'a' } }, { namespace: 'kube-node-lease' }),
      want: undefined,
    },
    {
      name: 'the lease of another',
      request: as('coordination.k8s.io/leases', { metadata: { name: 'b' } }, { namespace: 'kube-node-lease' }),
      want: 'leases.coordination.k8s.io "b" is forbidden: can only access node lease with the same name as the requesting node',
    },
    {
      name: 'a lease elsewhere',
      request: as('coordination.k8s.io/leases', { metadata: { name: 'a' } }),
      want: 'leases.coordination.k8s.io "a" is forbidden: can only access leases in the "kube-node-lease" system namespace',
    },
  ])('$name', async ({ request, want }) => expect(await ask(nodeRestriction, request, read)).toBe(want));
});
