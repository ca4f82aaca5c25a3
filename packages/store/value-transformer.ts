/**
 * Encryption at rest: stands between the watch cache and the disk. What it is given holds an object's body and its
 * attributes; keys, revisions and times are stored in the clear. Both functions are synchronous (a local cipher whose
 * data key was unwrapped when the transformer was made) and throw when they cannot: a write then fails with
 * 'unavailable', and a store whose records cannot be read does not open.
 */
export interface ValueTransformer {
  /** `key` is the key of the object, to be bound to the result so that values cannot be exchanged on the disk. */
  toStorage(bytes: Uint8Array, key: string): Uint8Array;
  /** Reads whatever an earlier toStorage with the same key made, also under an older encryption key. */
  fromStorage(bytes: Uint8Array, key: string): Uint8Array;
}
