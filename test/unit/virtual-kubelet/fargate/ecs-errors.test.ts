import { expect, test } from 'vitest';
import { providerError } from '@nodeless/virtual-kubelet/providers/fargate/ecs-errors';
import { ProviderError } from '@nodeless/virtual-kubelet/providers/provider';

const error = (name: string, message: string, status = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });

test.each<[Error, string, string, RegExp]>([
  [error('ThrottlingException', 'Rate exceeded'), 'throttled', 'Throttled', /Rate exceeded/],
  [error('ClientException', 'Too many concurrent attempts. Rate exceeded'), 'throttled', 'Throttled', /Rate/],
  [
    error('ClientException', "You've reached the limit on the number of vCPUs you can run concurrently"),
    'capacity',
    'QuotaExceeded',
    /Service Quotas, AWS Fargate/,
  ],
  [
    error('ClientException', "You've reached the limit on the number of tasks you can run concurrently"),
    'capacity',
    'QuotaExceeded',
    /Raise the quota/,
  ],
  [
    error('', 'Capacity is unavailable at this time. Please try again later'),
    'capacity',
    'InsufficientCapacity',
    /Other zones/,
  ],
  [error('', 'RESOURCE:ENI'), 'capacity', 'NoAddresses', /larger subnets/],
  [
    error('ClientException', 'Insufficient free addresses in subnet subnet-1'),
    'capacity',
    'NoAddresses',
    /larger subnets/,
  ],
  [
    error('AccessDeniedException', 'not authorized to perform: ecs:RunTask'),
    'unavailable',
    'AccessDenied',
    /ecs:RunTask.*lacks a permission/,
  ],
  [error('ExpiredTokenException', 'expired', 403), 'unavailable', 'ExpiredCredentials', /expired/],
  [
    error('ClusterNotFoundException', 'Cluster not found.'),
    'unavailable',
    'ClusterNotFound',
    /deploy the cluster again/,
  ],
  [error('BlockedException', 'Your AWS account was blocked.'), 'unavailable', 'AccountBlocked', /AWS Support/],
  [error('ServerException', 'Internal', 500), 'unavailable', 'EcsUnavailable', /Internal/],
  [Object.assign(new Error('socket hang up'), { name: 'TimeoutError' }), 'unavailable', 'EcsUnavailable', /hang up/],
  [error('InvalidParameterException', 'The subnet ID is wrong'), 'invalid', 'RunContainerError', /subnet ID/],
])('%s', (given, code, reason, message) => {
  const made = providerError(given);
  expect(made).toBeInstanceOf(ProviderError);
  expect([made.code, made.reason]).toEqual([code, reason]);
  expect(made.message).toMatch(message);
  expect(made.cause).toBe(given);
  expect(providerError(made)).toBe(made);
});
