import type { ResourceQuota } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Row } from '../table-of.ts';

/** `used/hard` of each resource, those of `limits.` in a column of their own. */
export function resourceQuotaCells({ status }: Readonly<ResourceQuota>, { name, age }: Row): unknown[] {
  const hard = status?.hard ?? {};
  const requests: string[] = [];
  const limits: string[] = [];
  for (const resource of Object.keys(hard).sort()) {
    (resource.startsWith('limits.') ? limits : requests).push(
      `${resource}: ${status?.used?.[resource] ?? '0'}/${hard[resource]}`,
    );
  }
  return [name, requests.join(', '), limits.join(', '), age];
}
