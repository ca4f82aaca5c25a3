import type {
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeError,
} from '@nodeless/apimachinery/generated/types/storage/v1';
import { inclusiveRangeError } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, checkObjectName, type Faults, forbidden, invalid, required, tooLong } from '../checks.ts';
import { checkVolumeSpec } from '../core/persistent-volume-spec.ts';
import { checkCsiDriverName } from '../core/pod-template/csi-validation.ts';
import { internalValue } from '../internal-value.ts';

const maxMetadataBytes = 256 * 1024;
const maxMessageBytes = 1024;
const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export function validateAttachment(object: Readonly<UnknownObject>): Faults {
  const { spec, status } = object as unknown as Readonly<VolumeAttachment>;
  const faults: Faults = [];
  const source = spec?.source ?? {};
  checkCsiDriverName(faults, 'spec.attacher', spec?.attacher ?? '');
  checkSource(faults, 'spec.source', source);
  checkObjectName(faults, 'spec.nodeName', spec?.nodeName ?? '');
  let size = 0;
  for (const [key, value] of Object.entries(status?.attachmentMetadata ?? {}))
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (size > maxMetadataBytes) faults.push(tooLong('status.attachmentMetadata', maxMetadataBytes));
  checkError(faults, 'status.attachError', status?.attachError);
  checkError(faults, 'status.detachError', status?.detachError);
  if (source.persistentVolumeName !== undefined)
    checkObjectName(faults, 'spec.source.persistentVolumeName', source.persistentVolumeName);
  return faults;
}

function checkSource(
  faults: Faults,
  path: string,
  { inlineVolumeSpec: inline, persistentVolumeName: name }: Readonly<VolumeAttachmentSource>,
): void {
  if (!inline && name === undefined) faults.push(required(path, exactlyOne));
  else if (inline && name !== undefined) faults.push(forbidden(path, exactlyOne));
  else if (name === '')
    faults.push(required(`${path}.persistentVolumeName`, 'must specify non empty persistentVolumeName'));
  else if (inline) checkVolumeSpec(faults, `${path}.inlineVolumeSpec`, inline, '', { inline: true });
}

function checkError(faults: Faults, path: string, error: Readonly<VolumeError> | undefined): void {
  // The limit that is named is another one.
  if (Buffer.byteLength(error?.message ?? '') > maxMessageBytes)
    faults.push(tooLong(`${path}.message`, maxMetadataBytes));
  const code = error?.errorCode ?? 0;
  if (code < 0) faults.push(invalid(`${path}.errorCode`, code, inclusiveRangeError(0, 0x7fffffff)));
}

export function validateAttachmentUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults = validateAttachment(object);
  const { spec } = object as unknown as Readonly<VolumeAttachment>;
  checkImmutable(
    faults,
    'spec',
    spec,
    (old as unknown as Readonly<VolumeAttachment>).spec,
    internalValue('VolumeAttachmentSpec', spec),
  );
  return faults;
}
