import type { DeviceClass } from '@nodeless/apimachinery/generated/types/resource/v1';
import { type Faults, invalid } from '../checks.ts';
import { isExtended } from '../core/pod-template/resource-names.ts';
import { checkConfiguration, checkSelectors, mostConfigs } from './claim-validation.ts';
import { checkEach } from './device-names.ts';

export function validateClass({ spec = {} }: Readonly<DeviceClass>): Faults {
  const faults: Faults = [];
  checkSelectors(faults, 'spec.selectors', spec.selectors);
  checkEach(faults, 'spec.config', spec.config, mostConfigs, (config, at) => checkConfiguration(faults, at, config));
  const name = spec.extendedResourceName;
  if (name !== undefined && !isExtended(name))
    faults.push(invalid('spec.extendedResourceName', name, 'must be a valid extended resource name'));
  return faults;
}
