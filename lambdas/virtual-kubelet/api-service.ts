import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';

export const isApiService = ({ metadata }: Service): boolean =>
  metadata?.namespace === 'default' && metadata.name === 'kubernetes';

/** The Service `kubernetes` as pods are told of it where the API is not behind a ClusterIP. */
export const apiService = (host: string): Service => ({
  metadata: { namespace: 'default', name: 'kubernetes' },
  spec: { clusterIP: host, ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
});
