import type { DeviceAttribute, ResourceSlice } from '@nodeless/apimachinery/generated/types/resource/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { formatTime } from '@nodeless/apimachinery/time';
import { sliceWarnings, validateSlice } from './slice-validation.ts';
import { tableOf } from '../table-of.ts';

export const resourceSlice: KindDefinition = {
  group: 'resource.k8s.io',
  resource: 'resourceslices',
  table: tableOf<ResourceSlice>('resource.k8s.io/resourceslices', ({ spec }, { name, age }) => [
    name,
    spec?.nodeName ?? '',
    spec?.driver ?? '',
    spec?.pool?.name ?? '',
    age,
  ]),
  strategy: {
    generation: true,
    default: defaultSlice,
    prepareForCreate: (object) => dropDisabledFields(object, undefined),
    prepareForUpdate: dropDisabledFields,
    validate: (object) => validateSlice(object as unknown as ResourceSlice),
    validateUpdate: (object, old) => validateSlice(object as unknown as ResourceSlice, old as unknown as ResourceSlice),
    warnings: (object) => sliceWarnings(object as unknown as ResourceSlice),
    fieldNames: ['spec.nodeName', 'spec.driver'],
    selectableFields: (object) => {
      const spec = (object as unknown as ResourceSlice).spec;
      return { 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' };
    },
    trigger: { field: 'spec.nodeName', of: (object) => (object as unknown as ResourceSlice).spec?.nodeName ?? '' },
  },
};

function defaultSlice(object: UnknownObject): void {
  for (const device of (object as unknown as ResourceSlice).spec?.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(Date.now());
    for (const name of Object.keys(device.nodeAllocatableResourceMappings ?? {})) {
      device.nodeAllocatableResourceMappings![name]!.allocationMultiplier ??= '1';
    }
  }
}

const listAttributes = ['bools', 'ints', 'strings', 'versions'] as readonly (keyof DeviceAttribute)[];

/** Features that are off in v1.36: their fields are kept only where an old object has them. */
function dropDisabledFields(object: UnknownObject, old: Readonly<UnknownObject> | undefined): void {
  const before = (old as unknown as ResourceSlice | undefined)?.spec?.devices ?? [];
  const devices = (object as unknown as ResourceSlice).spec?.devices ?? [];
  if (!before.some((d) => Object.keys(d.nodeAllocatableResourceMappings ?? {}).length > 0)) {
    for (const device of devices) delete device.nodeAllocatableResourceMappings;
  }
  if (
    !before.some((d) => Object.values(d.attributes ?? {}).some((a) => listAttributes.some((f) => a[f] !== undefined)))
  ) {
    for (const device of devices) {
      for (const attribute of Object.values(device.attributes ?? {}))
        for (const field of listAttributes) delete attribute[field];
    }
  }
}
