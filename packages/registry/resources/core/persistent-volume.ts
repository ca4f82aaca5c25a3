import type { PersistentVolume } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import type { RequestContext } from '../../strategy.ts';
import { keepSpec, keepStatus } from '../carry-over.ts';
import { formatTime } from '@nodeless/apimachinery/time';
import { roundResourceList } from './pod-template/resource-defaults.ts';
import { defaultNetworkVolume } from './pod-template/volume-defaults.ts';
import { tableOf } from '../table-of.ts';
import { validateVolume, validateVolumeUpdate, volumeWarnings } from './persistent-volume-validation.ts';
import { volumeCells } from './volume-tables.ts';

export const persistentVolume: KindDefinition = {
  group: '',
  resource: 'persistentvolumes',
  table: tableOf<PersistentVolume>('/persistentvolumes', volumeCells),
  strategy: {
    default: defaultVolume,
    prepareForCreate: (object, context) => {
      (object as PersistentVolume).status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(context.now()) };
    },
    validate: validateVolume,
    warnings: volumeWarnings,
    prepareForUpdate: keepStatus,
    validateUpdate: validateVolumeUpdate,
    resetFields: [['status']],
    status: { default: defaultVolume, prepareForUpdate: prepareStatusUpdate, resetFields: [['spec']] },
  },
};

function defaultVolume(object: UnknownObject): void {
  const volume = object as PersistentVolume;
  const status = (volume.status ??= {});
  if (!status.phase) status.phase = 'Pending';
  const spec = (volume.spec ??= {});
  if (!spec.persistentVolumeReclaimPolicy) spec.persistentVolumeReclaimPolicy = 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
  roundResourceList(spec.capacity);
  defaultNetworkVolume(spec);
}

function prepareStatusUpdate(object: UnknownObject, old: Readonly<UnknownObject>, context: RequestContext): void {
  keepSpec(object, old);
  const status = ((object as PersistentVolume).status ??= {});
  const stored = (old as PersistentVolume).status ?? {};
  if (status.phase === stored.phase) {
    status.lastPhaseTransitionTime ??= stored.lastPhaseTransitionTime;
    if (status.lastPhaseTransitionTime === undefined) delete status.lastPhaseTransitionTime;
  } else if (
    status.lastPhaseTransitionTime === undefined ||
    status.lastPhaseTransitionTime === stored.lastPhaseTransitionTime
  ) {
    status.lastPhaseTransitionTime = formatTime(context.now());
  }
}
