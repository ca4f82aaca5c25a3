import { encodeList, encodeListFrame, encodeObject, type ListItem } from '@nodeless/apimachinery/encode';
import { deepFreeze } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { StructType } from '@nodeless/apimachinery/schema';
import type { Value } from '@nodeless/store/store';
import type { Endpoint } from './endpoint.ts';
import type { Encoded, List } from './registry.ts';
import { itemOffsetOf, jsonOf, objectOf } from './stored-value.ts';

/** A stored value as the endpoint's version. What had to be converted is remembered with the value. */
export function encodedOf(endpoint: Endpoint, value: Value): Encoded {
  if (endpoint.isStorageVersion && !isOutdated(endpoint, value)) return new StoredEncoded(value);
  let versions = converted.get(value);
  if (!versions) converted.set(value, (versions = new WeakMap()));
  let encoded = versions.get(endpoint);
  if (!encoded) versions.set(endpoint, (encoded = new ConvertedEncoded(endpoint, value)));
  return encoded;
}
const converted = new WeakMap<Value, WeakMap<Endpoint, Encoded>>();

/** A custom resource whose definition has changed since is shown as it would be stored today. */
function isOutdated({ served: { custom } }: Endpoint, value: Value): boolean {
  if (!custom) return false;
  const stored = objectOf(value);
  return custom.restore(stored) !== stored;
}

class StoredEncoded implements Encoded {
  readonly #value: Value;
  constructor(value: Value) {
    this.#value = value;
  }
  bytes(): Uint8Array {
    return jsonOf(this.#value);
  }
  object(): Readonly<UnknownObject> {
    return objectOf(this.#value);
  }
  stored(): Readonly<UnknownObject> {
    return objectOf(this.#value);
  }
  itemOffset(): number {
    return itemOffsetOf(this.#value);
  }
}

class ConvertedEncoded implements Encoded {
  readonly #endpoint: Endpoint;
  readonly #value: Value;
  #object: Readonly<UnknownObject> | undefined;
  #encoded: ObjectEncoded | undefined;
  constructor(endpoint: Endpoint, value: Value) {
    this.#endpoint = endpoint;
    this.#value = value;
  }
  bytes(): Uint8Array {
    return (this.#encoded ??= new ObjectEncoded(this.object(), this.#endpoint.type)).bytes();
  }
  object(): Readonly<UnknownObject> {
    return (this.#object ??= deepFreeze(this.#endpoint.fromStorage(objectOf(this.#value))));
  }
  stored(): Readonly<UnknownObject> {
    return this.#endpoint.served.custom ? this.object() : objectOf(this.#value);
  }
  itemOffset(): number {
    return (this.#encoded ??= new ObjectEncoded(this.object(), this.#endpoint.type)).itemOffset();
  }
}

/** An object that is not a stored value: a dry run's result, a Status, a Scale, a virtual resource. Takes the object over. */
export class ObjectEncoded implements Encoded {
  readonly #object: Readonly<UnknownObject>;
  readonly #type: StructType | undefined;
  readonly #stored: Readonly<UnknownObject>;
  #bytes: Buffer | undefined;
  constructor(object: Readonly<UnknownObject>, type?: StructType, stored: Readonly<UnknownObject> = object) {
    this.#object = deepFreeze(object);
    this.#type = type;
    this.#stored = stored;
  }
  bytes(): Uint8Array {
    return (this.#bytes ??= encodeObject(this.#object, this.#type));
  }
  object(): Readonly<UnknownObject> {
    return this.#object;
  }
  stored(): Readonly<UnknownObject> {
    return this.#stored;
  }
  itemOffset(): number {
    // built-in kinds begin with kind and apiVersion, which items leave out
    const at = this.#type === undefined ? -1 : Buffer.from(this.bytes()).indexOf('"metadata":');
    return at < 0 ? 1 : at;
  }
}

/** An object of the storage version that was not committed (a dry run). */
export function uncommitted(endpoint: Endpoint, object: Readonly<UnknownObject>): Encoded {
  return new ObjectEncoded(endpoint.fromStorage(object), endpoint.type, object);
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function listOf(
  endpoint: Pick<Endpoint, 'served' | 'type'>,
  metadata: ListMetadata,
  items: readonly Encoded[],
): List {
  const { listKind: kind, apiVersion } = endpoint.served;
  const head = { kind, apiVersion, metadata };
  const builtIn = endpoint.type !== undefined;
  return {
    ...head,
    items,
    *chunks() {
      if (items.length <= itemsPerChunk) {
        yield encodeList(head, items.map(listItem), builtIn);
        return;
      }
      const frame = encodeListFrame(head, builtIn);
      yield Buffer.from(frame.head);
      for (let i = 0; i < items.length; i += itemsPerChunk) yield joinItems(items.slice(i, i + itemsPerChunk), i > 0);
      yield Buffer.from(frame.tail);
    },
  };
}

/** A long list is copied in pieces of about a megabyte, so that it need not be in memory twice. */
const itemsPerChunk = 1000;

const listItem = (item: Encoded): ListItem => ({ bytes: item.bytes(), itemOffset: item.itemOffset() });

function joinItems(items: readonly Encoded[], commaFirst: boolean): Buffer {
  const parts = items.map(listItem);
  let size = commaFirst ? 1 : 0;
  for (const part of parts) size += part.bytes.length - part.itemOffset + 2;
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  parts.forEach(({ bytes, itemOffset }, index) => {
    if (index > 0 || commaFirst) out[at++] = 0x2c;
    out[at++] = 0x7b;
    out.set(bytes.subarray(itemOffset), at);
    at += bytes.length - itemOffset;
  });
  return out.subarray(0, at);
}
