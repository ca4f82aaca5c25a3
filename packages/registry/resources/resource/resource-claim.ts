import type { DeviceRequestAllocationResult, ResourceClaim } from '@nodeless/apimachinery/generated/types/resource/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultClaimSpec } from './claim-defaults.ts';
import { validateClaimStatus } from './claim-status-validation.ts';
import { validateClaim, validateClaimUpdate } from './claim-validation.ts';
import { tableOf } from '../table-of.ts';
import { stateOf } from './claim-table.ts';

export const resourceClaim: KindDefinition = {
  group: 'resource.k8s.io',
  resource: 'resourceclaims',
  table: tableOf<ResourceClaim>('resource.k8s.io/resourceclaims', (object, { name, age }) => [
    name,
    stateOf(object),
    age,
  ]),
  strategy: {
    default: defaultClaim,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    validate: (object) => validateClaim(object as unknown as ResourceClaim),
    validateUpdate: (object, old) =>
      validateClaimUpdate(object as unknown as ResourceClaim, old as unknown as ResourceClaim),
    resetFields: [['status']],
    status: {
      validateUpdate: (object, old) =>
        validateClaimStatus(object as unknown as ResourceClaim, old as unknown as ResourceClaim),
      default: defaultClaim,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
        dropDeallocatedDevices(object as unknown as ResourceClaim, old as unknown as ResourceClaim);
      },
      resetFields: [['metadata'], ['spec']],
    },
  },
};

function defaultClaim(object: UnknownObject): void {
  const claim = object as unknown as ResourceClaim;
  defaultClaimSpec(claim.spec);
  for (const result of claim.status?.allocation?.devices?.results ?? []) {
    for (const toleration of result.tolerations ?? []) if (!toleration.operator) toleration.operator = 'Equal';
  }
}

/** What drivers said of a device goes with its allocation. */
function dropDeallocatedDevices(claim: ResourceClaim, old: Readonly<ResourceClaim>): void {
  const key = (d: Pick<DeviceRequestAllocationResult, 'driver' | 'pool' | 'device' | 'shareID'>): string =>
    JSON.stringify([d.driver, d.pool, d.device, d.shareID ?? '']);
  const gone = new Set((old.status?.allocation?.devices?.results ?? []).map(key));
  for (const result of claim.status?.allocation?.devices?.results ?? []) gone.delete(key(result));
  if (gone.size === 0 || claim.status?.devices === undefined) return;
  const devices = claim.status.devices.filter((device) => !gone.has(key(device)));
  if (devices.length > 0) claim.status.devices = devices;
  else delete claim.status.devices;
}
