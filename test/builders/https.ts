/** Plain requests to a running cluster, as curl makes them. */
import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { RunningCluster } from './running-cluster.ts';

export interface Asked {
  readonly method?: string;
  /** As it is: nothing is escaped or tidied. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** null: anonymous. Default: the administrator's. */
  readonly token?: string | null;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, read as JSON. */
  json(): unknown;
}

/** One request on a connection of its own. Rejects when the connection breaks before the answer is whole. */
export function ask(
  cluster: Pick<RunningCluster, 'url' | 'ca' | 'token'>,
  { method = 'GET', path, headers = {}, body, token = cluster.token }: Asked,
): Promise<Answered> {
  const { hostname, port } = new URL(cluster.url);
  // Not "Connection: close": with it a server that refuses a body halfway closes before its answer is read.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return new Promise<Answered>((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        ca: cluster.ca,
        agent,
        method,
        path,
        headers: {
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: () => JSON.parse(text) as unknown,
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  }).finally(() => agent.destroy());
}
