/** Frames of SPDY/3.1 as bytes. */
import { createByteQueue } from '../streaming/byte-queue.ts';

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;
export const finFlag = 1;

export type Frame =
  | { readonly kind: 'data'; readonly streamId: number; readonly flags: number; readonly data: Buffer }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly payload: Buffer };

const version = 3;
const headBytes = 8;
/** The length field has 24 bits; nobody in this trade sends frames of more than a few 10 KiB. */
const maxFrameBytes = 4 * 1024 * 1024;

/** Cuts a byte stream into frames. */
export function createFrameReader(onFrame: (frame: Frame) => void): (chunk: Uint8Array) => void {
  const queue = createByteQueue();
  return (chunk) => {
    queue.push(chunk);
    for (;;) {
      const length = queue.first(headBytes)?.readUIntBE(5, 3);
      if (length === undefined) return;
      if (length > maxFrameBytes) throw new Error(`SPDY frame of ${length} bytes`);
      const bytes = queue.first(headBytes + length);
      if (!bytes) return;
      const frame = readFrame(bytes, length);
      queue.drop(headBytes + length);
      onFrame(frame);
    }
  };
}

function readFrame(bytes: Buffer, length: number): Frame {
  const first = bytes.readUInt32BE(0);
  const flags = bytes.readUInt8(4);
  const payload = bytes.subarray(headBytes, headBytes + length);
  if ((first & 0x80000000) === 0) return { kind: 'data', streamId: first, flags, data: payload };
  if (((first >>> 16) & 0x7fff) !== version) throw new Error(`SPDY version ${(first >>> 16) & 0x7fff}`);
  return { kind: 'control', type: first & 0xffff, flags, payload };
}

function controlFrame(type: number, flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE((0x80000000 | (version << 16) | type) >>> 0, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(payload.byteLength, 5, 3);
  return Buffer.concat([head, payload]);
}

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, i * 4));
  return bytes;
};

export function dataFrameHead(streamId: number, flags: number, length: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}

export const synReplyFrame = (streamId: number, headerBlock: Uint8Array): Buffer =>
  controlFrame(frameTypes.synReply, 0, Buffer.concat([words(streamId), headerBlock]));

/** Priority and credential slot are nobody's business here. */
export const synStreamFrame = (streamId: number, headerBlock: Uint8Array): Buffer =>
  controlFrame(frameTypes.synStream, 0, Buffer.concat([words(streamId, 0), Buffer.from([0, 0]), headerBlock]));

export const rstStreamFrame = (streamId: number, status: number): Buffer =>
  controlFrame(frameTypes.rstStream, 0, words(streamId, status));
export const pingFrame = (id: number): Buffer => controlFrame(frameTypes.ping, 0, words(id));
export const goAwayFrame = (lastStreamId: number): Buffer => controlFrame(frameTypes.goAway, 0, words(lastStreamId, 0));
