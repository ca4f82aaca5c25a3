import type { ResourceClaim } from '@nodeless/apimachinery/generated/types/resource/v1';

export function stateOf({ metadata, status }: Readonly<ResourceClaim>): string {
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const states = isDeleted ? ['deleted'] : [];
  if (status?.allocation === undefined) {
    if (!isDeleted) states.push('pending');
  } else {
    states.push('allocated');
    if (status.reservedFor?.length) states.push('reserved');
  }
  return states.join(',');
}
