import type { PersistentVolumeClaim } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionPlugin } from './admission.ts';
import { defaultOf } from './default-class.ts';

const marks = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const oldField = 'volume.beta.kubernetes.io/storage-class';

/** A claim that names no class (not even the empty one) gets the default, if there is one. */
export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  handles: ({ resource, subresource, operation }) =>
    resource.group === '' &&
    resource.resource === 'persistentvolumeclaims' &&
    subresource === '' &&
    operation === 'CREATE',
  async admit({ object }, read) {
    const claim = object as (UnknownObject & PersistentVolumeClaim) | undefined;
    if (
      !claim?.spec ||
      claim.spec.storageClassName !== undefined ||
      claim.metadata?.annotations?.[oldField] !== undefined
    )
      return;
    const found = defaultOf(await read.list('storage.k8s.io', 'storageclasses'), marks);
    if (found) claim.spec.storageClassName = found;
  },
};
