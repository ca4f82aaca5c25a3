import type { Attributes } from '../store.ts';
import { createByteReader, type ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

const hasLabels = 1;
const hasFields = 2;
const hasOwners = 4;
const hasTrigger = 8;

type Strings = Readonly<Record<string, string>>;

export function writeAttributes(writer: ByteWriter, { labels, fields, owners, trigger }: Attributes): void {
  writer.byte(
    (labels ? hasLabels : 0) |
      (fields ? hasFields : 0) |
      (owners ? hasOwners : 0) |
      (trigger === undefined ? 0 : hasTrigger),
  );
  if (labels) writeStrings(writer, labels);
  if (fields) writeStrings(writer, fields);
  if (owners) {
    writer.varint(owners.length);
    for (const owner of owners) writer.string(owner);
  }
  if (trigger !== undefined) writer.string(trigger);
}

function writeStrings(writer: ByteWriter, strings: Strings): void {
  const names = Object.keys(strings);
  writer.varint(names.length);
  for (const name of names) {
    writer.string(name);
    writer.string(strings[name]!);
  }
}

/** Decodes attributes; equal ones come out as one object, because thousands of objects share their labels. */
export function createAttributesReader(): (bytes: Buffer) => Attributes {
  const known = new Map<string, Attributes>();
  const reader = createByteReader();
  return (bytes) => {
    const id = bytes.toString('latin1');
    let attributes = known.get(id);
    if (attributes) return attributes;
    attributes = readAttributes(reader.over(bytes));
    if (known.size >= 10_000) known.clear();
    known.set(id, attributes);
    return attributes;
  };
}

function readAttributes(reader: ByteReader): Attributes {
  const present = reader.byte();
  const labels = present & hasLabels ? readStrings(reader) : undefined;
  const fields = present & hasFields ? readStrings(reader) : undefined;
  let owners: string[] | undefined;
  if (present & hasOwners) {
    owners = [];
    for (let count = reader.varint(); count > 0; count--) owners.push(reader.string());
  }
  const trigger = present & hasTrigger ? reader.string() : undefined;
  return Object.freeze({ labels, fields, owners: owners && Object.freeze(owners), trigger });
}

/**
 * Names come from users: the object must inherit nothing. An empty prototype of its own does that and, unlike a null
 * prototype, keeps V8's compact representation.
 */
const StringMap = function () {} as unknown as new () => Record<string, string>;
StringMap.prototype = Object.freeze(Object.create(null) as object);

function readStrings(reader: ByteReader): Strings {
  const strings = new StringMap();
  for (let count = reader.varint(); count > 0; count--) {
    const name = reader.string();
    strings[name] = reader.string();
  }
  return Object.freeze(strings);
}
