import { ApiError, forbidden, notFound } from '@nodeless/apimachinery/status';
import type { AdmissionPlugin } from './admission.ts';
import { refuse } from './refuse.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);
const namespaces = { group: '', resource: 'namespaces' };

/** Nothing is made in a namespace that does not exist or is being deleted; three namespaces are never deleted. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  onlyRefuses: true,
  handles: ({ operation, resource, namespace }) =>
    (operation === 'CREATE' && namespace !== '') || (operation === 'DELETE' && resource.resource === 'namespaces'),
  async admit(attributes, read) {
    const { operation, resource, name, namespace } = attributes;
    const isNamespace = resource.group === '' && resource.resource === 'namespaces';
    if (operation === 'DELETE' && isNamespace && immortal.has(name))
      throw forbidden(namespaces, name, 'this namespace may not be deleted');
    // Reviews are questions about a namespace, not content of it.
    if (operation !== 'CREATE' || isNamespace || resource.resource === 'localsubjectaccessreviews') return;
    const owner = await read.get('', 'namespaces', '', namespace);
    if (!owner) throw notFound(namespaces, namespace);
    if (!owner.metadata?.deletionTimestamp) return;
    const refusal = refuse(
      attributes,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
    const causes = [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ];
    throw new ApiError({
      code: 403,
      reason: 'Forbidden',
      message: refusal.message,
      details: { ...refusal.status.details, causes },
    });
  },
};
