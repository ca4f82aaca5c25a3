import { describe, expect, it } from 'vitest';
import type { ApiError } from '@nodeless/apimachinery/status';
import { namespaceLifecycle } from '@nodeless/registry/admission/namespace-lifecycle';
import { ask, attributes, reader } from './attributes.ts';

const going = { metadata: { name: 'going', deletionTimestamp: '2030-01-01T00:00:00Z' } };
const read = reader({ namespaces: [{ metadata: { name: 'default' } }, going] });
const pod = (metadata: object) => ({ kind: 'Pod', metadata });

describe('NamespaceLifecycle', () => {
  it.each([
    { name: 'a create in a namespace that is there', request: attributes('pods', pod({ name: 'p' })), want: undefined },
    {
      name: 'a create in one that is not',
      request: attributes('pods', pod({ name: 'p' }), { namespace: 'no' }),
      want: 'namespaces "no" not found',
    },
    {
      name: 'a create in one that goes',
      request: attributes('pods', pod({ name: 'p' }), { namespace: 'going' }),
      want: 'pods "p" is forbidden: unable to create new content in namespace going because it is being terminated',
    },
    {
      name: 'a create with a generated name',
      request: attributes('pods', pod({ generateName: 'p-' }), { namespace: 'going' }),
      want: 'pods "p-" is forbidden: unable to create new content in namespace going because it is being terminated',
    },
    {
      name: 'an update in one that goes',
      request: attributes('pods', pod({ name: 'p' }), { namespace: 'going', operation: 'UPDATE' }),
      want: undefined,
    },
    {
      name: 'a review in one that is not there',
      request: attributes('authorization.k8s.io/localsubjectaccessreviews', {}, { namespace: 'no' }),
      want: undefined,
    },
    {
      name: 'a create of a cluster-scoped object',
      request: attributes('nodes', { metadata: { name: 'n' } }, { namespace: '' }),
      want: undefined,
    },
    ...['default', 'kube-system', 'kube-public'].map((name) => ({
      name: `deleting ${name}`,
      request: attributes('namespaces', undefined, { operation: 'DELETE', name, namespace: '' }),
      want: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    })),
    {
      name: 'deleting another',
      request: attributes('namespaces', undefined, { operation: 'DELETE', name: 'kube-node-lease', namespace: '' }),
      want: undefined,
    },
  ])('$name', async ({ request, want }) => expect(await ask(namespaceLifecycle, request, read)).toBe(want));

  it('gives the cause that controllers look for', async () => {
    const error = await Promise.resolve(
      namespaceLifecycle.admit?.(attributes('pods', pod({ name: 'p' }), { namespace: 'going' }), read),
    ).catch((e: unknown) => e);
    expect((error as ApiError).status.details?.causes).toEqual([
      { reason: 'NamespaceTerminating', message: 'namespace going is being terminated', field: 'metadata.namespace' },
    ]);
  });
});
