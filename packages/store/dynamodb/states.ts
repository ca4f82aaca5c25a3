import type { Entry, Revision, Value } from '../store.ts';
import { compress, decompress } from './compression.ts';
import type { EventCodec, StoredState } from './event-codec.ts';
import type { ChunkRef, PendingChunks, StoredBody, Table } from './table.ts';

/** The sum of the bodies that stand in one log entry, at most: an item of DynamoDB ends at 400 KB. */
export const inlineBytes = 300_000;
const chunkBytes = 380_000;

/** Where an entry came from; remembered beside entries, which have no room for it. */
export interface Origin {
  /** When it was written. */
  readonly time: number;
  readonly chunks: ChunkRef | undefined;
}

/** Turns entries into stored states and back, and large bodies into chunks. */
export interface States {
  entry(key: string, revision: Revision, state: StoredState, time: number): Promise<Entry>;
  /** Undefined for an entry that nobody here has read or written. */
  origin(entry: Entry): Origin | undefined;
  remember(entry: Entry, origin: Origin): void;
  /** Compressed, and not yet in chunks. */
  pack(entry: { readonly value: Value; readonly attributes: Entry['attributes'] }): PackedState;
  /**
   * Moves the largest bodies out into chunks until the rest fits into one log entry. Chunks of a state whose `expires`
   * is undefined stay for good: they are noted before they are written, and the notes are answered.
   */
  spill(type: string, packed: readonly PackedState[]): Promise<PendingChunks[]>;
}

export interface PackedState {
  body: StoredBody;
  expires: number | undefined;
}

export interface StatesOptions {
  readonly table: Pick<Table, 'chunks' | 'putChunk' | 'notePending'>;
  readonly codec: EventCodec;
  readonly newId: () => string;
  readonly now: () => number;
}

export function createStates({ table, codec, newId, now }: StatesOptions): States {
  const origins = new WeakMap<Entry, Origin>();

  const read = async (type: string, body: StoredBody): Promise<Uint8Array> => {
    if ('inline' in body) return decompress(body.inline);
    const parts = await table.chunks(type, body.chunks);
    if (parts.length !== body.chunks.parts) {
      throw new Error(`body ${body.chunks.id} has ${parts.length} of its ${body.chunks.parts} parts`);
    }
    return decompress(Buffer.concat(parts));
  };

  return {
    async entry(key, revision, state, time) {
      const type = key.slice(0, key.indexOf('/', key.indexOf('/') + 1) + 1);
      const { attributes, value } = codec.split(await read(type, state.body));
      const entry: Entry = { key, revision, value: { bytes: value, decoded: undefined }, attributes };
      origins.set(entry, { time, chunks: 'chunks' in state.body ? state.body.chunks : undefined });
      return entry;
    },
    origin: (entry) => origins.get(entry),
    remember: (entry, origin) => void origins.set(entry, origin),
    pack: ({ value, attributes }) => ({
      body: { inline: compress(codec.join(attributes, value.bytes)) },
      expires: undefined,
    }),
    async spill(type, packed) {
      const bySize = packed
        .flatMap((state) => ('inline' in state.body ? [{ state, bytes: state.body.inline }] : []))
        .sort((a, b) => b.bytes.byteLength - a.bytes.byteLength);
      let sum = bySize.reduce((total, { bytes }) => total + bytes.byteLength, 0);
      const notes: PendingChunks[] = [];
      for (const { state, bytes } of bySize) {
        if (sum <= inlineBytes) break;
        sum -= bytes.byteLength;
        const chunks = { id: newId(), parts: Math.ceil(bytes.byteLength / chunkBytes) };
        if (state.expires === undefined) {
          const note = { type, ...chunks, time: now() };
          await table.notePending(note);
          notes.push(note);
        }
        await Promise.all(
          Array.from({ length: chunks.parts }, (_, index) => {
            const piece = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
            return table.putChunk(type, chunks.id, index, piece, state.expires);
          }),
        );
        state.body = { chunks };
      }
      return notes;
    },
  };
}
