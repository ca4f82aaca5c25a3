import type { VolumeAttachment } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import { roundResourceList } from '../core/pod-template/resource-defaults.ts';
import { defaultNetworkVolume } from '../core/pod-template/volume-defaults.ts';
import { validateAttachment, validateAttachmentUpdate } from './volume-attachment-validation.ts';
import { tableOf } from '../table-of.ts';

export const volumeAttachment: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'volumeattachments',
  table: tableOf<VolumeAttachment>('storage.k8s.io/volumeattachments', ({ spec, status }, { name, age }) => [
    name,
    spec?.attacher ?? '',
    spec?.source?.persistentVolumeName ?? '',
    spec?.nodeName ?? '',
    status?.attached ?? false,
    age,
  ]),
  strategy: {
    allowUnconditionalUpdate: false,
    default: defaultAttachment,
    prepareForCreate: clearStatus,
    validate: validateAttachment,
    prepareForUpdate: keepStatus,
    validateUpdate: validateAttachmentUpdate,
    resetFields: [['status']],
    status: {
      default: defaultAttachment,
      validateUpdate: validateAttachmentUpdate,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      resetFields: [['metadata'], ['spec']],
    },
  },
};

function defaultAttachment(object: UnknownObject): void {
  const inline = (object as unknown as VolumeAttachment).spec?.source?.inlineVolumeSpec;
  if (!inline) return;
  if (inline.hostPath) inline.hostPath.type ??= '';
  roundResourceList(inline.capacity);
  defaultNetworkVolume(inline);
}
