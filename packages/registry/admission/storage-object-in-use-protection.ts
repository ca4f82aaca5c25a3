import type { AdmissionPlugin } from './admission.ts';

const finalizers: Readonly<Record<string, string>> = {
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

/** Storage that something uses is kept until nothing does: a controller takes the finalizer away. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, resource, subresource }) =>
    operation === 'CREATE' && subresource === '' && Object.hasOwn(finalizers, `${resource.group}/${resource.resource}`),
  admit({ resource, object }) {
    const finalizer = finalizers[`${resource.group}/${resource.resource}`] as string;
    const metadata = object?.metadata;
    if (!metadata || metadata.finalizers?.includes(finalizer)) return;
    metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
};
