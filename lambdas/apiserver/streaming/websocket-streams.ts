/**
 * exec and attach over a WebSocket: each message begins with the number of its channel. In the base64 variants the number
 * is a digit and the rest is base64 text. Version 5 added a signal that closes a channel.
 */
import { PassThrough, Writable } from 'node:stream';
import {
  type RemoteStreams,
  type StreamOptions,
  type TerminalSize,
  parseTerminalSize,
  plainStatus,
} from './remote-streams.ts';
import type { WebSocketConnection } from './websocket.ts';

export const channelProtocols: readonly string[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
];

const stdinChannel = 0;
const stdoutChannel = 1;
const stderrChannel = 2;
const errorChannel = 3;
const resizeChannel = 4;
const closeSignal = 255;

export function createWebSocketStreams(
  connection: WebSocketConnection,
  protocol: string,
  options: StreamOptions,
): RemoteStreams {
  const base64 = protocol.includes('base64');
  const statusAsJson = protocol.startsWith('v');

  const send = (channel: number, data: Uint8Array, written?: (error?: Error | null) => void): void => {
    if (base64) connection.send(String(channel) + Buffer.from(data).toString('base64'), written);
    else connection.send(Buffer.concat([Buffer.from([channel]), data]), written);
  };
  const output = (channel: number): Writable => {
    const stream = new Writable({ write: (chunk: Buffer, _encoding, callback) => send(channel, chunk, callback) });
    stream.on('error', ignore);
    return stream;
  };
  const stdin = options.stdin ? new PassThrough() : undefined;
  const stdout = options.stdout ? output(stdoutChannel) : undefined;
  const stderr = options.stderr && !options.tty ? output(stderrChannel) : undefined;
  const resizeCallbacks: ((size: TerminalSize) => void)[] = [];
  stdin?.on('error', ignore);

  connection.onMessage((message, isText) => {
    const first = message[0];
    if (first === undefined) return;
    if (protocol === 'v5.channel.k8s.io' && first === closeSignal) {
      if (message[1] === stdinChannel) stdin?.end();
      return;
    }
    const channel = base64 && isText ? first - 0x30 : first;
    const data = base64 && isText ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (channel === stdinChannel && stdin && !stdin.writableEnded && data.byteLength > 0 && !stdin.write(data)) {
      connection.pause();
      stdin.once('drain', () => connection.resume());
    } else if (channel === resizeChannel) {
      const size = parseTerminalSize(data.toString('utf8'));
      if (size) for (const callback of resizeCallbacks) callback(size);
    }
  });
  connection.onClose(() => stdin?.end());
  // Some clients wait for a sign of life before they go on.
  send(stdout ? stdoutChannel : stderr ? stderrChannel : errorChannel, new Uint8Array());

  return {
    stdin,
    stdout,
    stderr,
    onResize: (callback) => void resizeCallbacks.push(callback),
    finish(status) {
      const text = statusAsJson ? JSON.stringify(status) : plainStatus(status);
      if (text !== '') send(errorChannel, Buffer.from(text));
      connection.close();
    },
    onClose: (callback) => connection.onClose(callback),
  };
}

const ignore = (): void => {};
