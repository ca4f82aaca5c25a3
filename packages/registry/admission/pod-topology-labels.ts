import type { AdmissionPlugin } from './admission.ts';

const labels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod that gets its node gets the node's place too, so that it can be told to its containers. */
export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  handles: ({ resource, subresource, operation }) =>
    resource.group === '' && resource.resource === 'pods' && subresource === 'binding' && operation === 'CREATE',
  async admit({ object }, read) {
    const target = (object as { target?: { kind?: string; name?: string } } | undefined)?.target;
    if (!object || !target?.name || (target.kind && target.kind !== 'Node')) return;
    const node = await read.get('', 'nodes', '', target.name);
    const found = labels.filter((label) => node?.metadata?.labels?.[label] !== undefined);
    if (found.length === 0) return;
    object.metadata ??= {};
    object.metadata.labels = {
      ...object.metadata.labels,
      ...Object.fromEntries(found.map((label) => [label, node?.metadata?.labels?.[label] as string])),
    };
  },
};
