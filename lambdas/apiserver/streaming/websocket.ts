/** The server's side of a WebSocket (RFC 6455) on a connection that has been taken over. No extensions. */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { createByteQueue } from './byte-queue.ts';

export interface WebSocketConnection {
  /** Binary, or text for a string. `written` is called when the network has taken it. */
  send(data: Uint8Array | string, written?: (error?: Error | null) => void): void;
  /** A message of text that is UTF-8 already. */
  sendText(data: Uint8Array): void;
  /** Sent and not yet taken by the network. */
  readonly pendingBytes: number;
  destroy(): void;
  /** Sends a close frame and ends the connection. Idempotent. */
  close(code?: number, reason?: string): void;
  onMessage(callback: (data: Buffer, isText: boolean) => void): void;
  /** However it came to an end; called once. */
  onClose(callback: () => void): void;
  /** Stops and goes on reading, for those who cannot keep up. */
  pause(): void;
  resume(): void;
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export function webSocketAccept(key: string): string {
  return createHash('sha1')
    .update(key + guid)
    .digest('base64');
}

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const maxMessageBytes = 32 * 1024 * 1024;

interface WsFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly data: Buffer;
}

export function createWebSocket(socket: Duplex, head: Uint8Array): WebSocketConnection {
  const messageCallbacks: ((data: Buffer, isText: boolean) => void)[] = [];
  const closeCallbacks: (() => void)[] = [];
  let closing = false;
  let closed = false;
  let parts: Buffer[] = [];
  let partBytes = 0;
  let partOpcode = 0;

  const ended = (): void => {
    if (closed) return;
    closed = true;
    for (const callback of closeCallbacks) callback();
  };
  const writeFrame = (opcode: number, data: Uint8Array, written?: (error?: Error | null) => void): void => {
    if (socket.destroyed || socket.writableEnded) {
      written?.(new Error('connection closed'));
      return;
    }
    socket.cork();
    socket.write(frameHead(opcode, data.byteLength));
    socket.write(data, written);
    process.nextTick(() => socket.uncork());
  };
  const close = (code = 1000, reason = ''): void => {
    if (closing) return;
    closing = true;
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    writeFrame(opcodes.close, payload);
    socket.end();
  };

  const onFrame = (frame: WsFrame): void => {
    switch (frame.opcode) {
      case opcodes.ping:
        writeFrame(opcodes.pong, frame.data);
        return;
      case opcodes.pong:
        return;
      case opcodes.close:
        close(frame.data.length >= 2 ? frame.data.readUInt16BE(0) : 1000);
        return;
      case opcodes.text:
      case opcodes.binary:
        partOpcode = frame.opcode;
        parts = [];
        partBytes = 0;
    }
    // Empty ones are not kept: there may be any number.
    if (frame.data.byteLength > 0) parts.push(frame.data);
    partBytes += frame.data.byteLength;
    if (partBytes > maxMessageBytes) throw new Error('message too large');
    if (!frame.fin) return;
    const message = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, partBytes);
    parts = [];
    for (const callback of messageCallbacks) callback(message, partOpcode === opcodes.text);
  };

  const read = createFrameReader(onFrame);
  const onData = (chunk: Uint8Array): void => {
    if (closing) return;
    try {
      read(chunk);
    } catch {
      close(1002, 'protocol error');
    }
  };
  socket.on('data', onData);
  socket.on('close', ended);
  socket.on('error', () => socket.destroy());
  // A peer that just goes is gone: there is no half-open WebSocket.
  socket.on('end', () => socket.destroy());
  if (head.byteLength > 0) process.nextTick(() => onData(head));

  return {
    send: (data, written) =>
      writeFrame(
        typeof data === 'string' ? opcodes.text : opcodes.binary,
        typeof data === 'string' ? Buffer.from(data) : data,
        written,
      ),
    sendText: (data) => writeFrame(opcodes.text, data),
    get pendingBytes() {
      return socket.writableLength;
    },
    destroy: () => void socket.destroy(),
    close,
    onMessage: (callback) => void messageCallbacks.push(callback),
    onClose: (callback) => void (closed ? callback() : closeCallbacks.push(callback)),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

function frameHead(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, length]);
  const head = Buffer.alloc(length < 0x10000 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 0x10000 ? 126 : 127;
  if (length < 0x10000) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** Cuts the client's bytes into frames and takes the mask off. Throws for what a client must not send. */
function createFrameReader(onFrame: (frame: WsFrame) => void): (chunk: Uint8Array) => void {
  const queue = createByteQueue();
  return (chunk) => {
    queue.push(chunk);
    for (;;) {
      const start = queue.first(2);
      if (!start) return;
      const [first, second] = [start[0] as number, start[1] as number];
      if ((first & 0x70) !== 0 || (second & 0x80) === 0) throw new Error('bad frame');
      const short = second & 0x7f;
      const at = short === 126 ? 4 : short === 127 ? 10 : 2;
      const lengthBytes = queue.first(at);
      if (!lengthBytes) return;
      const length = at === 2 ? short : at === 4 ? lengthBytes.readUInt16BE(2) : Number(lengthBytes.readBigUInt64BE(2));
      if (length > maxMessageBytes) throw new Error('frame too large');
      const frame = queue.first(at + 4 + length);
      if (!frame) return;
      const data = unmasked(frame.subarray(at + 4, at + 4 + length), frame.subarray(at, at + 4));
      queue.drop(at + 4 + length);
      onFrame({ fin: (first & 0x80) !== 0, opcode: first & 0x0f, data });
    }
  };
}

function unmasked(bytes: Buffer, mask: Buffer): Buffer {
  const data = Buffer.allocUnsafe(bytes.length);
  for (let i = 0; i < bytes.length; i++) data[i] = (bytes[i] as number) ^ (mask[i & 3] as number);
  return data;
}
