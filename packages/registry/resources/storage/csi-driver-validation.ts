import type { CSIDriver, CSIDriverSpec, TokenRequest } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, duplicate, type Faults, invalid, notSupported, sameValue } from '../checks.ts';

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const lifecycleModes = ['Persistent', 'Ephemeral'];
const shortestToken = 600;
const longestToken = 2 ** 32;
const shortestPeriod = 10;

export function validateCsiDriver(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as unknown as CSIDriver).spec ?? {});
  return faults;
}

export function validateCsiDriverUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults = validateCsiDriver(object);
  const spec = (object as unknown as CSIDriver).spec ?? {};
  const old = (oldObject as unknown as CSIDriver).spec ?? {};
  checkImmutable(faults, 'spec.attachedRequired', spec.attachRequired, old.attachRequired);
  checkImmutable(faults, 'spec.volumeLifecycleModes', spec.volumeLifecycleModes, old.volumeLifecycleModes);
  return faults;
}

function checkSpec(faults: Faults, spec: Readonly<CSIDriverSpec>): void {
  const {
    fsGroupPolicy,
    tokenRequests = [],
    volumeLifecycleModes,
    nodeAllocatableUpdatePeriodSeconds: period,
    serviceAccountTokenInSecrets: inSecrets,
  } = spec;
  if (fsGroupPolicy !== undefined && !groupPolicies.includes(fsGroupPolicy))
    faults.push(notSupported('spec.fsGroupPolicy', fsGroupPolicy, groupPolicies));
  checkTokens(faults, 'spec.tokenRequests', tokenRequests);
  for (const mode of volumeLifecycleModes ?? []) {
    if (!lifecycleModes.includes(mode)) faults.push(notSupported('spec.volumeLifecycleModes', mode, lifecycleModes));
  }
  if (period !== undefined && period < shortestPeriod) {
    faults.push(
      invalid(
        'spec.nodeAllocatableUpdatePeriodSeconds',
        period,
        `must be greater than or equal to ${shortestPeriod} seconds`,
      ),
    );
  }
  if (inSecrets !== undefined && tokenRequests.length === 0) {
    const message = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    faults.push(invalid('spec.serviceAccountTokenInSecrets', inSecrets, message));
  }
}

function checkTokens(faults: Faults, path: string, requests: readonly TokenRequest[]): void {
  const seen = new Set<string>();
  requests.forEach(({ audience = '', expirationSeconds: seconds }, i) => {
    if (seen.has(audience)) {
      faults.push(duplicate(`${path}[${i}].audience`, audience));
      return;
    }
    seen.add(audience);
    if (seconds === undefined) return;
    const at = `${path}[${i}].expirationSeconds`;
    if (seconds < shortestToken) faults.push(invalid(at, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > longestToken)
      faults.push(invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds'));
  });
}

export function csiDriverWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  const spec = (object as unknown as CSIDriver).spec ?? {};
  if (!spec.tokenRequests?.length || spec.serviceAccountTokenInSecrets !== undefined) return [];
  if (old && sameValue(spec.tokenRequests, (old as unknown as CSIDriver).spec?.tokenRequests)) return [];
  return [
    'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes',
  ];
}
