/** exec and attach over SPDY: the client opens one stream for each of what it wants, named by a header. */
import type { RemoteStreams, StreamOptions, TerminalSize } from './remote-streams.ts';
import { parseTerminalSize, plainStatus } from './remote-streams.ts';
import type { SpdySession, SpdyStream } from '../spdy/session.ts';

export const streamProtocols: readonly string[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  '',
];

/** As upstream's streamCreationTimeout. */
const creationTimeoutMs = 30_000;

/** Resolves when every stream that the options and the protocol call for is there; undefined when they do not come. */
export function awaitSpdyStreams(
  session: SpdySession,
  protocol: string,
  options: StreamOptions,
): Promise<RemoteStreams | undefined> {
  const resizes = options.tty && /^v[345]\./.test(protocol);
  const wanted = new Set(['error']);
  if (options.stdin) wanted.add('stdin');
  if (options.stdout) wanted.add('stdout');
  if (options.stderr && !options.tty) wanted.add('stderr');
  if (resizes) wanted.add('resize');
  const streams = new Map<string, SpdyStream>();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      session.close();
      resolve(undefined);
    }, creationTimeoutMs);
    session.onClose(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
    session.onStream((stream) => {
      const type = stream.headers.streamtype ?? '';
      if (!wanted.has(type) || streams.has(type)) {
        stream.reset();
        return;
      }
      streams.set(type, stream);
      if (streams.size < wanted.size) return;
      clearTimeout(timer);
      resolve(toRemoteStreams(session, streams, protocol));
    });
  });
}

function toRemoteStreams(
  session: SpdySession,
  streams: ReadonlyMap<string, SpdyStream>,
  protocol: string,
): RemoteStreams {
  const error = streams.get('error') as SpdyStream;
  const resize = streams.get('resize');
  const resizeCallbacks: ((size: TerminalSize) => void)[] = [];
  let text = '';
  resize?.on('data', (chunk: Buffer) => {
    // One JSON object after another, without anything between them.
    text += chunk.toString('utf8');
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      const size = parseTerminalSize(text.slice(0, end + 1).trim());
      text = text.slice(end + 1);
      if (size) for (const callback of resizeCallbacks) callback(size);
    }
    if (text.length > 4096) text = '';
  });
  error.resume();
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    onResize: (callback) => void resizeCallbacks.push(callback),
    finish(status) {
      const json = /^v[45]\./.test(protocol);
      error.end(json ? JSON.stringify(status) : plainStatus(status));
      let open = 1;
      const closed = (): void => {
        if (--open === 0) session.close();
      };
      for (const stream of streams.values()) {
        if (stream.writableFinished || stream === resize) continue;
        open++;
        stream.end(closed);
      }
      closed();
    },
    onClose: (callback) => session.onClose(callback),
  };
}
