/** Forwards the streams of a SPDY connection to ports of a pod: two streams a connection, one for data and one for errors. */
import { pipeline, type Duplex } from 'node:stream';
import type { SpdySession, SpdyStream } from '../spdy/session.ts';

export const portForwardProtocol = 'portforward.k8s.io';

interface Pair {
  error: SpdyStream | undefined;
  data: SpdyStream | undefined;
  readonly timer: NodeJS.Timeout;
}

/** The second stream of a pair has to come within this time. */
const pairMs = 30_000;

/** `describe` names the pod in messages: `pod abc, uid def`. */
export function servePortForward(
  session: SpdySession,
  connect: (port: number) => Promise<Duplex>,
  describe: string,
): void {
  const pairs = new Map<string, Pair>();

  const pairOf = (id: string): Pair => {
    let pair = pairs.get(id);
    if (!pair) {
      const timer = setTimeout(() => {
        const late = pairs.get(id);
        pairs.delete(id);
        late?.error?.end(`(conn=${id}, request ${id}) timed out waiting for streams`);
        late?.data?.reset();
      }, pairMs);
      pairs.set(id, (pair = { error: undefined, data: undefined, timer }));
    }
    return pair;
  };

  session.onClose(() => {
    for (const pair of pairs.values()) clearTimeout(pair.timer);
    pairs.clear();
  });
  session.onStream((stream) => {
    const { streamtype: type, port, requestid } = stream.headers;
    const number = Number(port);
    if ((type !== 'error' && type !== 'data') || !Number.isInteger(number) || number < 1 || number > 65_535) {
      stream.reset();
      return;
    }
    // Old clients send no request id, and open the two streams one right after the other.
    const id = requestid ?? String(type === 'error' ? stream.id : stream.id - 2);
    const pair = pairOf(id);
    pair[type] = stream;
    if (!pair.error || !pair.data) return;
    clearTimeout(pair.timer);
    pairs.delete(id);
    void forward(pair.error, pair.data, number, connect, describe);
  });
}

async function forward(
  error: SpdyStream,
  data: SpdyStream,
  port: number,
  connect: (port: number) => Promise<Duplex>,
  describe: string,
): Promise<void> {
  error.resume();
  let connection: Duplex;
  try {
    connection = await connect(port);
  } catch (failure) {
    error.end(
      `error forwarding port ${port} to ${describe}: ${failure instanceof Error ? failure.message : String(failure)}`,
    );
    data.end();
    data.resume();
    return;
  }
  // Each direction ends by itself: a request may be over while its answer is still coming.
  const done = (): void => {
    if (--open === 0) error.end();
  };
  let open = 2;
  pipeline(data, connection, done);
  pipeline(connection, data, done);
}
