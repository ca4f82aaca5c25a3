import type { APIService } from '@nodeless/apimachinery/generated/types/apiregistration/v1';
import { isDns1035Label, isDns1123Subdomain, isPathSegmentName } from '@nodeless/apimachinery/names';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { check, type Faults, invalid, notSupported, required } from '../checks.ts';

const mostGroupPriority = 20_000;
const mostVersionPriority = 1000;

export function validateApiService({
  metadata,
  spec = {} as NonNullable<APIService['spec']>,
}: Readonly<APIService>): Faults {
  const faults: Faults = [];
  const {
    group = '',
    version = '',
    groupPriorityMinimum = 0,
    versionPriority = 0,
    service,
    insecureSkipTLSVerify,
    caBundle,
  } = spec;
  const name = metadata?.name ?? '';
  // Of a name that is no path segment the registry has told already.
  if (name !== '' && name !== `${version}.${group}` && isPathSegmentName(name).length === 0) {
    faults.push(
      invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${quoteGo(`${version}.${group}`)}`),
    );
  }
  if (group === '' && version !== 'v1')
    faults.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (group !== '') check(faults, 'spec.group', group, isDns1123Subdomain(group));
  check(faults, 'spec.version', version, isDns1035Label(version));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > mostGroupPriority) {
    faults.push(invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  }
  if (versionPriority <= 0 || versionPriority > mostVersionPriority) {
    faults.push(invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  }
  const bundleSize = Buffer.byteLength(caBundle ?? '', 'base64');
  if (!service) {
    if (bundleSize > 0)
      faults.push(invalid('spec.caBundle', `${bundleSize} bytes`, 'local APIServices may not have a caBundle'));
    if (insecureSkipTLSVerify)
      faults.push(invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    return faults;
  }
  if (!service.namespace) faults.push(required('spec.service.namespace'));
  if (!service.name) faults.push(required('spec.service.name'));
  const port = service.port ?? 0;
  if (port < 1 || port > 65535)
    faults.push(invalid('spec.service.port', port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (insecureSkipTLSVerify && bundleSize > 0)
    faults.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return faults;
}

export function validateApiServiceStatus({ status }: Readonly<APIService>): Faults {
  const faults: Faults = [];
  const known = ['True', 'False', 'Unknown'];
  status?.conditions?.forEach((condition, i) => {
    const value = condition.status ?? '';
    if (!known.includes(value)) faults.push(notSupported(`status.conditions[${i}].status`, value, known));
  });
  return faults;
}
