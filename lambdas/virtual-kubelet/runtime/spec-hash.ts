import { createHash } from 'node:crypto';
import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';

/** Of what may change in a running pod and then needs a new container: its image. */
export function specHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image ?? '']))
    .digest('hex')
    .slice(0, 16);
}
