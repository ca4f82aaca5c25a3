import type { LimitRange, LimitRangeItem } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { metadataOf } from '../carry-over.ts';
import { validateLimitRange } from './limit-range-validation.ts';
import { roundResourceList } from './pod-template/resource-defaults.ts';
import { randomUUID } from 'node:crypto';

export const limitRange: KindDefinition = {
  group: '',
  resource: 'limitranges',
  strategy: {
    default: defaultLimitRange,
    prepareForCreate: (object) => {
      const metadata = metadataOf(object);
      if (!metadata.name) metadata.name = randomUUID();
    },
    validate: validateLimitRange,
    validateUpdate: validateLimitRange,
    allowCreateOnUpdate: true,
  },
};

function defaultLimitRange(object: UnknownObject): void {
  for (const item of (object as LimitRange).spec?.limits ?? []) {
    if (item.type === 'Container') completeContainerLimits(item);
    for (const list of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio])
      roundResourceList(list);
  }
}

/** default limit ← max; default request ← default limit, else min. */
function completeContainerLimits(item: LimitRangeItem): void {
  const limits = (item.default ??= {});
  const requests = (item.defaultRequest ??= {});
  for (const name of Object.keys(item.max ?? {})) limits[name] ??= item.max![name]!;
  for (const name of Object.keys(limits)) requests[name] ??= limits[name]!;
  for (const name of Object.keys(item.min ?? {})) requests[name] ??= item.min![name]!;
}
