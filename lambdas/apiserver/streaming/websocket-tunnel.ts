import { Duplex } from 'node:stream';
import type { WebSocketConnection } from './websocket.ts';

/** The messages of a WebSocket as one byte stream: kubectl sends SPDY through it where proxies know only WebSockets. */
export function createTunnel(connection: WebSocketConnection): Duplex {
  const tunnel = new Duplex({
    read: () => connection.resume(),
    write: (chunk: Buffer, _encoding, callback) => connection.send(chunk, callback),
    writev: (chunks, callback) => connection.send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), callback),
    final(callback) {
      connection.close();
      callback();
    },
    destroy(error, callback) {
      connection.close();
      callback(error);
    },
  });
  connection.onMessage((message) => {
    if (!tunnel.push(message)) connection.pause();
  });
  connection.onClose(() => {
    tunnel.push(null);
    tunnel.destroy();
  });
  return tunnel;
}
