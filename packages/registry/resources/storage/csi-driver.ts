import type { CSIDriver } from '@nodeless/apimachinery/generated/types/storage/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration } from '../carry-over.ts';
import { tableOf } from '../table-of.ts';
import { csiDriverWarnings, validateCsiDriver, validateCsiDriverUpdate } from './csi-driver-validation.ts';
import { driverCells } from './storage-tables.ts';

export const csiDriver: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'csidrivers',
  table: tableOf<CSIDriver>('storage.k8s.io/csidrivers', driverCells),
  strategy: {
    allowUnconditionalUpdate: false,
    default: defaultDriver,
    validate: validateCsiDriver,
    validateUpdate: validateCsiDriverUpdate,
    warnings: csiDriverWarnings,
    prepareForCreate: (object) => {
      delete (object as unknown as CSIDriver).spec?.preventPodSchedulingIfMissing;
    },
    prepareForUpdate: (object, old) => {
      const spec = (object as unknown as CSIDriver).spec;
      if ((old as unknown as CSIDriver).spec?.preventPodSchedulingIfMissing === undefined)
        delete spec?.preventPodSchedulingIfMissing;
      // Counted from the first change on: a new driver has no generation.
      if (!deepEqual(object.spec, old.spec)) bumpGeneration(object, old);
    },
  },
};

function defaultDriver(object: UnknownObject): void {
  const driver = object as unknown as CSIDriver;
  const spec = (driver.spec ??= {});
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}
