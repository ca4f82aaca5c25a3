/** Answers on a connection that node has already given up as HTTP: the head is written by hand. */
import { STATUS_CODES } from '@nodeless/component-base/node-http';
import { Duplex } from 'node:stream';
import type { ApiResponse, ResponseStream } from './exchange.ts';

const lingerMs = 5_000;

/** Takes the connection over when the answer is 101; else it sends the answer and closes. */
export function writeUpgradeResponse({ status, headers, body }: ApiResponse, socket: Duplex, head: Uint8Array): void {
  if (socket.destroyed) {
    // What was made ready for it has to hear that it has gone.
    if (typeof body === 'object' && 'upgraded' in body) body.upgraded({ socket: goneConnection(), head });
    else if (typeof body === 'object' && 'stream' in body) body.stream(rawStream(socket));
    return;
  }
  if (typeof body === 'object' && 'upgraded' in body) {
    socket.write(headText(status, headers));
    body.upgraded({ socket, head });
    return;
  }
  if (typeof body === 'object' && 'stream' in body) {
    socket.write(headText(status, [...headers, 'Connection', 'close']));
    body.stream(rawStream(socket));
    return;
  }
  const bytes =
    body === undefined
      ? Buffer.alloc(0)
      : Buffer.concat(typeof body === 'string' ? [Buffer.from(body)] : body instanceof Uint8Array ? [body] : [...body]);
  socket.write(headText(status, [...headers, 'Content-Length', String(bytes.byteLength), 'Connection', 'close']));
  socket.end(bytes);
  // Who keeps its end open keeps no memory here for it.
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

/** Closes as soon as somebody can have listened. */
function goneConnection(): Duplex {
  const connection = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  process.nextTick(() => connection.destroy());
  return connection;
}

function headText(status: number, headers: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${new Date().toUTCString()}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}\r\n`;
}

/** A body that ends with the connection. */
function rawStream(socket: Duplex): ResponseStream {
  let closed = socket.destroyed;
  const callbacks: (() => void)[] = [];
  socket.once('close', () => {
    closed = true;
    for (const callback of callbacks) callback();
  });
  return {
    write: (chunk) => void (closed || socket.write(chunk)),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    get pendingBytes() {
      return socket.writableLength;
    },
    onClose: (callback) => void (closed ? callback() : callbacks.push(callback)),
  };
}
