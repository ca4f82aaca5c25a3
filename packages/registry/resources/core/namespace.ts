import type { Namespace } from '@nodeless/apimachinery/generated/types/core/v1';
import { nameIsDnsLabel } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { keepSpec, keepStatus, metadataOf } from '../carry-over.ts';
import { validateFinalizers, validateNamespace, validateNamespaceStatus } from './namespace-validation.ts';
import { tableOf } from '../table-of.ts';

const nameLabel = 'kubernetes.io/metadata.name';

export const namespace: KindDefinition = {
  group: '',
  resource: 'namespaces',
  table: tableOf<Namespace>('/namespaces', ({ status }, { name, age }) => [name, status?.phase ?? '', age]),
  strategy: {
    default: defaultNamespace,
    prepareForCreate: (object) => {
      const namespace = object as Namespace;
      namespace.status = { phase: 'Active' };
      const spec = (namespace.spec ??= {});
      if (!spec.finalizers?.includes('kubernetes')) spec.finalizers = [...(spec.finalizers ?? []), 'kubernetes'];
    },
    prepareForUpdate: (object, old) => {
      const finalizers = (old as Namespace).spec?.finalizers;
      const spec = ((object as Namespace).spec ??= {});
      if (finalizers === undefined) delete spec.finalizers;
      else spec.finalizers = finalizers;
      keepStatus(object, old);
    },
    canonicalize: labelWithName,
    validateName: nameIsDnsLabel,
    validate: validateNamespace,
    validateUpdate: validateNamespace,
    resetFields: [['status']],
    status: {
      default: defaultNamespace,
      prepareForUpdate: keepSpec,
      validateUpdate: validateNamespaceStatus,
      resetFields: [['spec']],
    },
    subresources: {
      finalize: {
        default: defaultNamespace,
        prepareForUpdate: keepStatus,
        validateUpdate: validateFinalizers,
        resetFields: [['status']],
      },
    },
    fieldNames: ['status.phase', 'name'],
    selectableFields: (object) => ({
      'status.phase': (object as Namespace).status?.phase ?? '',
      name: object.metadata?.name ?? '',
    }),
  },
};

function defaultNamespace(object: UnknownObject): void {
  if (object.metadata?.name) labelWithName(object);
  const status = ((object as Namespace).status ??= {});
  if (!status.phase) status.phase = 'Active';
}

/** A generated name is only known after defaulting, so this is done twice. */
function labelWithName(object: UnknownObject): void {
  const metadata = metadataOf(object);
  const name = metadata.name ?? '';
  if (metadata.labels?.[nameLabel] === name) return;
  metadata.labels = { ...metadata.labels, [nameLabel]: name };
}
