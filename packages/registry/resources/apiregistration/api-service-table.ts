import type { APIService } from '@nodeless/apimachinery/generated/types/apiregistration/v1';

export function serviceCell({ spec }: Readonly<APIService>): string {
  return spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local';
}

export function availableCell({ status }: Readonly<APIService>): string {
  const available = status?.conditions?.find((condition) => condition.type === 'Available');
  if (available === undefined) return 'Unknown';
  return available.status !== 'True' && available.reason
    ? `${available.status} (${available.reason})`
    : available.status;
}
