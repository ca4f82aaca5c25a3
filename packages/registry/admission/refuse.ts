import { type ApiError, forbidden } from '@nodeless/apimachinery/status';
import type { AdmissionAttributes } from './admission.ts';

/** 403 about the object of a request: by its name, or what its name will begin with. */
export function refuse(
  { resource, name, object }: Pick<AdmissionAttributes, 'resource' | 'name' | 'object'>,
  cause: string,
): ApiError {
  return forbidden(resource, name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown', cause);
}
