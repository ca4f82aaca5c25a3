import { randomUUID } from 'node:crypto';

/** A new metadata.uid: a random UUID. */
export function newUid(): string {
  return randomUUID();
}
