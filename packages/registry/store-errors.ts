/** What the store's errors are to clients: the one place where the two families meet. */
import { ApiError, expired, internalError, serviceUnavailable } from '@nodeless/apimachinery/status';
import { isStoreError } from '@nodeless/store/store';

/** For errors that say nothing about the object: those about preconditions are told apart by the callers. */
export function storeFailure(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!isStoreError(error)) return internalError(error);
  switch (error.code) {
    case 'compacted':
      return expired('The resourceVersion for the provided list is too old.');
    case 'unavailable':
      return serviceUnavailable(error.message);
    default:
      return internalError(error);
  }
}

/** etcd's word for an object above its limit, as clients of kube-apiserver see it: a plain error without a reason. */
export function requestTooLarge(): ApiError {
  return new ApiError({ code: 500, message: 'etcdserver: request is too large' });
}
/** etcd's --max-request-bytes. */
export const maxObjectBytes = 1.5 * 1024 * 1024;
