import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { StatusDetails } from '@nodeless/apimachinery/status';
import { ObjectEncoded } from './encoded.ts';
import type { Encoded } from './registry.ts';
import { findType } from '@nodeless/apimachinery/schema';

/** metav1.Status of something that went well. `code` is given by creates only. */
export function successStatus(details?: StatusDetails, code?: number): Encoded {
  const status: UnknownObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  if (details) status.details = details;
  if (code !== undefined) status.code = code;
  return new ObjectEncoded(status, findType('io.k8s.apimachinery.pkg.apis.meta.v1.Status'));
}
