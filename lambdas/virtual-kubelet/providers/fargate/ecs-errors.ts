/** Errors of ECS and what a user can do about them. */
import { ProviderError } from '../provider.ts';
import { capacityError } from './stop-reasons.ts';

export function providerError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const {
    name = '',
    message = String(error),
    $metadata,
  } = error as {
    name?: string;
    message?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const make = (code: ProviderError['code'], reason: string, text: string): ProviderError =>
    new ProviderError(code, text, { reason, cause: error });
  if (/Throttl|TooManyRequests|RequestLimitExceeded/.test(name) || /rate exceeded/i.test(message))
    return make('throttled', 'Throttled', `ECS limits requests: ${message}`);
  if (name === 'LimitExceededException' || /reached the limit on the number of/i.test(message))
    return make(
      'capacity',
      'QuotaExceeded',
      `${message}. Raise the quota "Fargate On-Demand vCPU resource count" or "Fargate Spot vCPU resource count" of this account and region (Service Quotas, AWS Fargate); the pod is started when there is room`,
    );
  if (/free addresses|insufficient.*address|RESOURCE:ENI/i.test(message))
    return make(
      'capacity',
      'NoAddresses',
      `${message}. The zone's subnet has no free addresses: give the cluster larger subnets`,
    );
  if (capacityError.test(message))
    return make(
      'capacity',
      'InsufficientCapacity',
      `${message}. Other zones, another architecture or on-demand capacity may have some`,
    );
  if (/AccessDenied|UnrecognizedClient|InvalidSignature/.test(name))
    return make(
      'unavailable',
      'AccessDenied',
      `${message}. The virtual kubelet's role lacks a permission: deploy the cluster again`,
    );
  if (/ExpiredToken/.test(name)) return make('unavailable', 'ExpiredCredentials', message);
  if (name === 'ClusterNotFoundException')
    return make('unavailable', 'ClusterNotFound', `${message} The ECS cluster is gone: deploy the cluster again`);
  if (name === 'BlockedException')
    return make(
      'unavailable',
      'AccountBlocked',
      `${message} AWS has blocked Fargate for this account: ask AWS Support`,
    );
  const status = $metadata?.httpStatusCode ?? 0;
  if (status >= 500 || status === 0 || name === 'ServerException')
    return make('unavailable', 'EcsUnavailable', message);
  return make('invalid', 'RunContainerError', message);
}
