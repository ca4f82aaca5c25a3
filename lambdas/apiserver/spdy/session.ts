/**
 * One SPDY/3.1 connection: streams over a byte stream. Flow control is TCP's alone, because the Go library at the other
 * end knows no other and sends no window updates. Either side can open streams: clients odd ones, servers even ones.
 */
import { Duplex } from 'node:stream';
import {
  createFrameReader,
  dataFrameHead,
  finFlag,
  type Frame,
  frameTypes,
  goAwayFrame,
  pingFrame,
  rstStreamFrame,
  synReplyFrame,
  synStreamFrame,
} from './framing.ts';
import { type SpdyHeaders, createHeaderCodec } from './header-codec.ts';

export interface SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** Tells the peer that the stream is broken. */
  reset(): void;
}

export interface SpdySession {
  /** The peer has opened a stream, and it has been accepted. */
  onStream(callback: (stream: SpdyStream) => void): void;
  open(headers: SpdyHeaders): Promise<SpdyStream>;
  onClose(callback: () => void): void;
  /** Says goodbye and closes the connection once everything is written. */
  close(): void;
  readonly streamCount: number;
}

const cancelStatus = 5;
const refusedStatus = 3;
/** One client needs five streams for exec, two a connection for port-forward. */
const maxStreams = 1_000;
/** Unread bytes of one stream before the whole connection is held up. */
const highWaterMark = 1024 * 1024;

export function createSpdySession(
  socket: Duplex,
  head: Uint8Array,
  options: { readonly client?: boolean } = {},
): SpdySession {
  const codec = createHeaderCodec();
  const streams = new Map<number, Stream>();
  const streamCallbacks: ((stream: SpdyStream) => void)[] = [];
  const closeCallbacks: (() => void)[] = [];
  let lastPeerStream = 0;
  let nextOwn = options.client ? 1 : 2;
  let closed = false;
  // Header blocks depend on those before them, and inflating takes its time: control frames wait in line, and so do data
  // frames, which must not overtake the frame that opens their stream.
  let line: Promise<void> | undefined;
  let writing: Promise<unknown> = Promise.resolve();
  const held = new Set<number>();

  const shutdown = (): void => {
    if (closed) return;
    closed = true;
    codec.close();
    for (const stream of streams.values()) stream.destroy();
    streams.clear();
    socket.destroy();
    for (const callback of closeCallbacks) callback();
  };

  class Stream extends Duplex implements SpdyStream {
    readonly id: number;
    readonly headers: SpdyHeaders;
    #localEnd = false;
    #remoteEnd = false;
    constructor(id: number, headers: SpdyHeaders) {
      super({ allowHalfOpen: true, readableHighWaterMark: highWaterMark });
      this.id = id;
      this.headers = headers;
      this.on('error', ignore);
    }
    override _read(): void {
      if (held.delete(this.id) && held.size === 0) socket.resume();
    }
    override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
      if (closed) {
        callback(new Error('connection closed'));
        return;
      }
      socket.cork();
      socket.write(dataFrameHead(this.id, 0, chunk.byteLength));
      socket.write(chunk, callback);
      process.nextTick(() => socket.uncork());
    }
    override _final(callback: (error?: Error | null) => void): void {
      this.#localEnd = true;
      if (!closed) socket.write(dataFrameHead(this.id, finFlag, 0));
      this.#forget();
      callback();
    }
    override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
      if (!closed && !(this.#localEnd && this.#remoteEnd)) socket.write(rstStreamFrame(this.id, cancelStatus));
      if (held.delete(this.id) && held.size === 0) socket.resume();
      streams.delete(this.id);
      callback(error);
    }
    receive(data: Buffer, fin: boolean): void {
      if (this.#remoteEnd) return;
      if (data.byteLength > 0 && !this.push(Buffer.from(data))) {
        held.add(this.id);
        socket.pause();
      }
      if (fin) this.finish();
    }
    finish(): void {
      if (this.#remoteEnd) return;
      this.#remoteEnd = true;
      this.push(null);
      this.#forget();
    }
    wasReset(): void {
      this.#localEnd = true;
      this.#remoteEnd = true;
      this.destroy();
    }
    reset(): void {
      this.destroy();
    }
    #forget(): void {
      if (this.#localEnd && this.#remoteEnd) streams.delete(this.id);
    }
  }

  const accept = async (payload: Buffer, flags: number): Promise<void> => {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const headers = await codec.decode(payload.subarray(10));
    if (closed) return;
    if (id <= lastPeerStream || id % 2 === nextOwn % 2) throw new Error(`bad stream id ${id}`);
    lastPeerStream = id;
    if (streams.size >= maxStreams) {
      socket.write(rstStreamFrame(id, refusedStatus));
      return;
    }
    const stream = new Stream(id, headers);
    streams.set(id, stream);
    writing = writing.then(async () => {
      const block = await codec.encode({});
      if (!closed) socket.write(synReplyFrame(id, block));
    });
    await writing;
    for (const callback of streamCallbacks) callback(stream);
    if (flags & finFlag) stream.finish();
  };

  const handle = (frame: Frame): void | Promise<void> => {
    if (frame.kind === 'data') {
      streams.get(frame.streamId)?.receive(frame.data, (frame.flags & finFlag) !== 0);
      return undefined;
    }
    const { type, payload, flags } = frame;
    switch (type) {
      case frameTypes.synStream:
        return accept(payload, flags);
      case frameTypes.synReply:
      case frameTypes.headers:
        // What they say is of no use, but the next block cannot be read without them.
        return codec.decode(payload.subarray(4)).then(() => {
          if (flags & finFlag) streams.get(payload.readUInt32BE(0))?.finish();
        });
      case frameTypes.rstStream:
        streams.get(payload.readUInt32BE(0))?.wasReset();
        return undefined;
      case frameTypes.ping: {
        const id = payload.readUInt32BE(0);
        // Those with our parity are answers to ours.
        if (id % 2 !== nextOwn % 2) socket.write(pingFrame(id));
        return undefined;
      }
      default:
        return undefined;
    }
  };

  const inLine = (frame: Frame): void => {
    if (closed) return;
    const step = line ? line.then(() => handle(frame)) : handle(frame);
    if (!(step instanceof Promise)) return;
    const mine: Promise<void> = step.then(
      () => {
        if (line === mine) line = undefined;
      },
      () => shutdown(),
    );
    line = mine;
  };
  const read = createFrameReader(inLine);
  const onData = (chunk: Uint8Array): void => {
    try {
      read(chunk);
    } catch {
      shutdown();
    }
  };
  socket.on('data', onData);
  socket.on('error', shutdown);
  socket.on('close', shutdown);
  // Nobody closes half a SPDY connection.
  socket.on('end', shutdown);
  if (head.byteLength > 0) process.nextTick(() => onData(head));

  return {
    onStream: (callback) => void streamCallbacks.push(callback),
    async open(headers) {
      const id = nextOwn;
      nextOwn += 2;
      const stream = new Stream(id, headers);
      streams.set(id, stream);
      writing = writing.then(async () => {
        const block = await codec.encode(headers);
        if (!closed) socket.write(synStreamFrame(id, block));
      });
      await writing;
      return stream;
    },
    onClose(callback) {
      if (closed) callback();
      else closeCallbacks.push(callback);
    },
    close() {
      if (closed) return;
      socket.write(goAwayFrame(lastPeerStream));
      socket.end(() => shutdown());
    },
    get streamCount() {
      return streams.size;
    },
  };
}

const ignore = (): void => {};
