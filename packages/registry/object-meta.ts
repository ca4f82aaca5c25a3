/** metadata fields that are the server's to fill. */
import { randomUUID } from 'node:crypto';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { badRequest } from '@nodeless/apimachinery/status';
import { timestamp } from './deletion.ts';

export function metadataOf(object: UnknownObject): ObjectMeta {
  return (object.metadata ??= {});
}

/** A client's idea of these is dropped on create. */
export function wipeSystemFields(metadata: ObjectMeta): void {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

export function fillSystemFields(metadata: ObjectMeta, now: number): void {
  metadata.creationTimestamp = timestamp(now);
  metadata.uid = randomUUID();
}

/** Fills the request's namespace in. @throws ApiError 400 where the object says another one. */
export function matchNamespace(metadata: ObjectMeta, namespaced: boolean, requestNamespace: string): void {
  const namespace = namespaced ? requestNamespace : '';
  // cluster-scoped kinds lose one without a word
  if (namespace === '') delete metadata.namespace;
  else if (!metadata.namespace) metadata.namespace = namespace;
  else if (metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** @throws ApiError 400 where the object's name is not the URL's. */
export function matchName(metadata: ObjectMeta, requestName: string): void {
  if (!metadata.name) {
    throw badRequest(`the name of the object (${requestName} based on URL) was undeterminable: name must be provided`);
  }
  if (metadata.name !== requestName) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${requestName})`);
  }
}

/** One reference an owner. `when` goes into the warning. */
export function dropRepeatedOwners(metadata: ObjectMeta, when: string, warn: (text: string) => void): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const kept = owners.filter((owner) => {
    if (!seen.has(owner.uid)) return seen.add(owner.uid);
    const first = owners.find((o) => o.uid === owner.uid);
    if (JSON.stringify(first) !== JSON.stringify(owner)) return true;
    repeated.add(owner.uid);
    return false;
  });
  if (repeated.size === 0) return;
  metadata.ownerReferences = kept;
  warn(
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...repeated].join(', ')}`,
  );
}
