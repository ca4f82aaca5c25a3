/** A streamed answer over a WebSocket: every chunk is a message of text. */
import type { ResponseStream } from '../exchange.ts';
import type { WebSocketConnection } from './websocket.ts';

export function webSocketStream(connection: WebSocketConnection): ResponseStream {
  return {
    write: (chunk) => connection.sendText(chunk),
    end: () => connection.close(),
    destroy: () => connection.destroy(),
    get pendingBytes() {
      return connection.pendingBytes;
    },
    onClose: (callback) => connection.onClose(callback),
  };
}
