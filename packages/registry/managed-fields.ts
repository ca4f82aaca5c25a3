import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { WriteRequest } from './write-request.ts';

/** Records in metadata.managedFields what this create or update set. `object` is of the storage version and is changed in place. */
export function trackUpdate(_request: WriteRequest, _old: Readonly<UnknownObject> | undefined, _object: UnknownObject): void {
  // TODO: apimachinery/apply
}
