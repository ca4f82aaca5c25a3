import { encodeWithRevision, readRevision, withRevision, writeRevision } from '@nodeless/apimachinery/encode';
import { deepFreeze } from '@nodeless/apimachinery/equality';
import { parseTrustedJson } from '@nodeless/apimachinery/json';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { StructType } from '@nodeless/apimachinery/schema';
import type { Revision, Value } from '@nodeless/store/store';

/**
 * What is put into the store: a small header, then the wire JSON of the storage version.
 *
 *   0  format (1)            1  length of the header
 *   2  schema epoch, u16     objects of an older epoch are defaulted again when read (not used yet)
 *   4  itemOffset, u16       see EncodedObject
 *   6  reserved, u16
 *   8  revisionOffset, u32   where the digits of metadata.resourceVersion are, counted from the JSON's start
 */
const headerLength = 12;
const format = 1;
const schemaEpoch = 0;

/** An object made into bytes, its revision still open. */
export interface Draft {
  /** Header and JSON. */
  readonly bytes: Buffer;
  /** Offset of the revision's digits in `bytes`. */
  readonly revisionAt: number;
}

/** Encodes without a revision, which `sealDraft` writes in place. */
export function draftOf(object: UnknownObject, type: StructType | undefined): Draft {
  const encoded = encodeWithRevision(object, type);
  // memory of its own: a slice of the shared pool would keep the whole slab alive for as long as the object lives
  const bytes = Buffer.allocUnsafeSlow(headerLength + encoded.bytes.length);
  bytes[0] = format;
  bytes[1] = headerLength;
  bytes.writeUInt16LE(schemaEpoch, 2);
  bytes.writeUInt16LE(encoded.itemOffset, 4);
  bytes.writeUInt16LE(0, 6);
  bytes.writeUInt32LE(encoded.revisionOffset, 8);
  encoded.bytes.copy(bytes, headerLength);
  return { bytes, revisionAt: headerLength + encoded.revisionOffset };
}

/** Size on the wire. */
export function draftSize(draft: Draft): number {
  return draft.bytes.length - headerLength;
}

/** True where the draft differs from the stored value by nothing but the revision. Leaves the stored revision in the draft. */
export function isUnchanged(draft: Draft, stored: Value): boolean {
  if (draft.bytes.length !== stored.bytes.length || draft.revisionAt !== revisionOffsetOf(stored)) return false;
  writeRevision(draft.bytes, draft.revisionAt, readRevision(stored.bytes, draft.revisionAt));
  return draft.bytes.equals(stored.bytes);
}

/** The value at its revision. `object` becomes the frozen form: it is taken over, and may have frozen parts already. */
export function sealDraft(draft: Draft, object: UnknownObject, revision: Revision): Value {
  writeRevision(draft.bytes, draft.revisionAt, revision);
  if (Object.isFrozen(object)) {
    // Sealed before, at a revision that another writer took: that value was thrown away.
    const metadata = Object.freeze({ ...object.metadata, resourceVersion: String(revision) });
    return { bytes: draft.bytes, decoded: Object.freeze({ ...object, metadata }) };
  }
  (object.metadata ??= {}).resourceVersion = String(revision);
  return { bytes: draft.bytes, decoded: deepFreeze(object) };
}

/** The same value at another revision: what the event of a delete carries. */
export function atRevision(stored: Value, revision: Revision): Value {
  const bytes = withRevision(stored.bytes, revisionOffsetOf(stored), revision);
  if (stored.decoded === undefined) return { bytes };
  const object = stored.decoded as UnknownObject;
  const metadata = Object.freeze({ ...object.metadata, resourceVersion: String(revision) });
  return { bytes, decoded: Object.freeze({ ...object, metadata }) };
}

/** The frozen object. Parsed at most once a value. */
export function objectOf(value: Value): Readonly<UnknownObject> {
  return (value.decoded ??= deepFreeze(parseTrustedJson(jsonOf(value)))) as Readonly<UnknownObject>;
}

/** The wire JSON, in place. */
export function jsonOf(value: Value): Uint8Array {
  return value.bytes.subarray(headerLengthOf(value));
}

export function itemOffsetOf(value: Value): number {
  return (value.bytes[4] as number) | ((value.bytes[5] as number) << 8);
}

function headerLengthOf(value: Value): number {
  if (value.bytes[0] !== format) throw new Error(`a stored value of unknown format ${value.bytes[0]}`);
  return value.bytes[1] as number;
}

function revisionOffsetOf({ bytes }: Value): number {
  const at =
    (bytes[8] as number) | ((bytes[9] as number) << 8) | ((bytes[10] as number) << 16) | ((bytes[11] as number) << 24);
  return (bytes[1] as number) + at;
}
