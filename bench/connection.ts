/** One keep-alive HTTP/1.1 connection that sends a request and waits for its answer: as little client as a load can have. */
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Target {
  readonly url: string;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Connection {
  request(method: string, path: string, body?: string, contentType?: string): Promise<Answer>;
  /** Each line of a streamed answer; resolves once the answer has begun. */
  stream(path: string, onLine: (line: string) => void): Promise<void>;
  close(): void;
}

export function open(target: Target): Promise<Connection> {
  const { hostname, port } = new URL(target.url);
  return new Promise((resolve, reject) => {
    // The figures are about the server; whose certificate it has is not.
    const socket = connectTls(
      { host: hostname, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
      () => {
        socket.setNoDelay(true);
        resolve(connectionOver(socket, target, `${hostname}:${port}`));
      },
    );
    socket.once('error', reject);
  });
}

function connectionOver(socket: TLSSocket, { token }: Target, host: string): Connection {
  // Put together only when enough is there: a large answer comes in hundreds of pieces.
  let parts: Buffer[] = [];
  let size = 0;
  let waiting: (() => void) | undefined;
  let broken: Error | undefined;
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    size += chunk.length;
    waiting?.();
  });
  const joined = (): Buffer => {
    if (parts.length !== 1) parts = [Buffer.concat(parts, size)];
    return parts[0] as Buffer;
  };
  const end = (error?: Error): void => {
    broken ??= error ?? new Error('the server closed the connection');
    waiting?.();
  };
  socket.on('error', end);
  socket.on('close', () => end());
  const more = async (): Promise<void> => {
    if (broken) throw broken;
    await new Promise<void>((resolve) => {
      waiting = resolve;
    });
    waiting = undefined;
  };
  const take = async (bytes: number): Promise<Buffer> => {
    while (size < bytes) await more();
    const received = joined();
    const taken = received.subarray(0, bytes);
    parts = [received.subarray(bytes)];
    size -= bytes;
    return taken;
  };
  const takeUntil = async (mark: string): Promise<string> => {
    for (;;) {
      const at = joined().indexOf(mark);
      if (at >= 0) return (await take(at + mark.length)).toString('latin1').slice(0, at);
      await more();
    }
  };
  const send = (method: string, path: string, body = '', contentType = 'application/json'): void => {
    const length = body === '' ? '' : `Content-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${token === '' ? '' : `Authorization: Bearer ${token}\r\n`}Accept: application/json\r\n${length}\r\n${body}`,
    );
  };
  const head = async (): Promise<{ status: number; headers: string }> => {
    const text = (await takeUntil('\r\n\r\n')).toLowerCase();
    return { status: Number(text.slice(9, 12)), headers: text };
  };
  const chunks = async (onChunk: (chunk: Buffer) => void): Promise<void> => {
    for (;;) {
      const size = Number.parseInt(await takeUntil('\r\n'), 16);
      const chunk = await take(size + 2);
      if (size === 0) return;
      onChunk(chunk.subarray(0, size));
    }
  };
  return {
    async request(method, path, body, contentType) {
      send(method, path, body, contentType);
      const { status, headers } = await head();
      const length = /\ncontent-length: *(\d+)/.exec(headers);
      if (length) return { status, body: (await take(Number(length[1]))).toString('utf8') };
      const pieces: Buffer[] = [];
      if (headers.includes('transfer-encoding: chunked')) await chunks((chunk) => pieces.push(Buffer.from(chunk)));
      return { status, body: Buffer.concat(pieces).toString('utf8') };
    },
    async stream(path, onLine) {
      send('GET', path);
      await head();
      let rest = '';
      void chunks((chunk) => {
        const lines = (rest + chunk.toString('utf8')).split('\n');
        rest = lines.pop() as string;
        for (const line of lines) onLine(line);
      }).catch(() => {});
    },
    close: () => socket.destroy(),
  };
}
