/**
 * A door without TLS before the streaming host: what runs in containers does not know the host's certificate authority. On AWS
 * a Function URL's certificate is a public one.
 */
import { type Server, createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface PlainFront {
  /** `http://172.17.0.1:4711` */
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPlainFront(
  to: { readonly url: string; readonly ca: string },
  address: string,
): Promise<PlainFront> {
  const target = new URL(to.url);
  const server: Server = createServer((incoming, outgoing) => {
    const sent = request(
      {
        host: target.hostname,
        port: target.port,
        ca: to.ca,
        method: incoming.method,
        path: incoming.url,
        headers: { ...incoming.headers, host: target.host },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    sent.on('error', () => outgoing.destroy());
    outgoing.on('close', () => sent.destroy());
    incoming.on('error', () => sent.destroy());
    incoming.pipe(sent);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
