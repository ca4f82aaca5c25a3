import { createAttributesReader, writeAttributes } from '../leveldb/attributes-codec.ts';
import { type ByteReader, createByteReader } from '../leveldb/byte-reader.ts';
import { type ByteWriter, createByteWriter } from '../leveldb/byte-writer.ts';
import type { Attributes, Revision } from '../store.ts';
import type { StoredBody } from './table.ts';

/** A state as it is stored: in an object item, or inside a log entry. */
export interface StoredState {
  readonly body: StoredBody;
}

/** One change as a log entry holds it. */
export interface LoggedChange {
  readonly type: 'put' | 'delete';
  /** The key without its type. */
  readonly rest: string;
  readonly revision: Revision;
  /** The new state; a delete's last words. */
  readonly state: StoredState;
  /**
   * The state before; undefined for a create. Its content stands here only if the log entry that made it may be gone
   * before this one: otherwise it is found there.
   */
  readonly previous: { readonly revision: Revision; readonly state: StoredState | undefined } | undefined;
}

const isDelete = 1;
const hasPrevious = 2;
const holdsPrevious = 4;
const inline = 0;

export function createEventCodec(): {
  encode(changes: readonly LoggedChange[]): Uint8Array;
  decode(bytes: Uint8Array): LoggedChange[];
  /** What a body is made of: one packing of both is shorter than two. */
  join(attributes: Attributes, value: Uint8Array): Uint8Array;
  split(joined: Uint8Array): { readonly attributes: Attributes; readonly value: Uint8Array };
} {
  const writer = createByteWriter();
  const readAttributes = createAttributesReader();
  return {
    encode(changes) {
      writer.reset();
      writer.varint(changes.length);
      for (const { type, rest, revision, state, previous } of changes) {
        writer.byte(
          (type === 'delete' ? isDelete : 0) | (previous ? hasPrevious : 0) | (previous?.state ? holdsPrevious : 0),
        );
        writer.string(rest);
        writer.varint(revision);
        writeState(writer, state);
        if (!previous) continue;
        writer.varint(previous.revision);
        if (previous.state) writeState(writer, previous.state);
      }
      return Uint8Array.from(writer.since(0));
    },
    decode(bytes) {
      const reader = createByteReader(bytes);
      const changes: LoggedChange[] = [];
      for (let count = reader.varint(); count > 0; count--) {
        const flags = reader.byte();
        const rest = reader.string();
        const revision = reader.varint();
        const state = readState(reader);
        const previous =
          flags & hasPrevious
            ? { revision: reader.varint(), state: flags & holdsPrevious ? readState(reader) : undefined }
            : undefined;
        changes.push({ type: flags & isDelete ? 'delete' : 'put', rest, revision, state, previous });
      }
      return changes;
    },
    join(attributes, value) {
      writer.reset();
      writeAttributes(writer, attributes);
      const head = Uint8Array.from(writer.since(0));
      writer.reset();
      writer.varint(head.byteLength);
      writer.bytes(head);
      return Buffer.concat([writer.since(0), value]);
    },
    split(joined) {
      const reader = createByteReader(joined);
      return { attributes: readAttributes(reader.bytes(reader.varint())), value: reader.rest() };
    },
  };
}

export type EventCodec = ReturnType<typeof createEventCodec>;

function writeState(writer: ByteWriter, { body }: StoredState): void {
  if ('inline' in body) {
    writer.varint(inline);
    writer.varint(body.inline.byteLength);
    writer.bytes(body.inline);
  } else {
    writer.varint(body.chunks.parts);
    writer.string(body.chunks.id);
  }
}

function readState(reader: ByteReader): StoredState {
  const parts = reader.varint();
  if (parts === inline) return { body: { inline: reader.bytes(reader.varint()) } };
  return { body: { chunks: { id: reader.string(), parts } } };
}
