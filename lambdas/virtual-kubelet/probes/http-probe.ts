import { request } from '@nodeless/component-base/node-http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { connect as connectTls } from 'node:tls';
import type { Duplex } from 'node:stream';
import { type Dialer, dialErrorText } from './dialer.ts';
import type { ProbeResult } from './probe-result.ts';

export interface HttpTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export interface HttpAnswer {
  readonly status: number;
  /** The first 10 KiB. */
  readonly body: string;
}

const longestBody = 10 * 1024;

/** GETs as a probe or a lifecycle hook does: no redirects followed, certificates not checked. Throws what went wrong. */
export async function httpGet(dial: Dialer, target: HttpTarget, signal: AbortSignal): Promise<HttpAnswer> {
  const plain = await dial(target.host, target.port, signal);
  const socket = target.scheme === 'https' ? await secure(plain, target, signal) : plain;
  try {
    return await exchange(socket, target, signal);
  } finally {
    socket.destroy();
    plain.destroy();
  }
}

function secure(plain: Duplex, target: HttpTarget, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const host = headerOf(target, 'host')?.split(':')[0];
    const socket = connectTls({ socket: plain, rejectUnauthorized: false, ...(host ? { servername: host } : {}) });
    const onAbort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', onAbort));
  });
}

function exchange(socket: Duplex, target: HttpTarget, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers: OutgoingHttpHeaders = {
      'User-Agent': 'kube-probe/1.36',
      Accept: '*/*',
      Connection: 'close',
      Host: authority(target),
    };
    for (const { name, value } of target.headers) {
      const known = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase());
      // An empty Accept or User-Agent in the probe takes the default away.
      if (known && value === '' && known !== 'Host') delete headers[known];
      else headers[known ?? name] = value;
    }
    const call = request(
      { method: 'GET', path: target.path, headers, setHost: false, createConnection: () => socket, signal },
      (answer) => collect(answer).then(resolve, reject),
    );
    call.once('error', reject);
    call.end();
  });
}

async function collect(answer: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= longestBody) break;
  }
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).subarray(0, longestBody).toString('utf8') };
}

export function authority(target: Pick<HttpTarget, 'host' | 'port'>): string {
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

export function urlOf(target: HttpTarget): string {
  return `${target.scheme}://${authority(target)}${target.path}`;
}

const headerOf = (target: HttpTarget, name: string): string | undefined =>
  target.headers.find((h) => h.name.toLowerCase() === name)?.value;

/** 200 to 399 is success; a redirect, which is not followed, succeeds with a warning. */
export async function probeHttp(dial: Dialer, target: HttpTarget, timeoutMs: number): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { status, body } = await httpGet(dial, target, signal);
    if (status >= 200 && status < 300) return { outcome: 'success', output: body };
    if (status >= 300 && status < 400)
      return { outcome: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
    return { outcome: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    return { outcome: 'failure', output: `Get "${urlOf(target)}": ${httpErrorText(error, target, signal)}` };
  }
}

export function httpErrorText(error: unknown, target: HttpTarget, signal: AbortSignal): string {
  if (signal.aborted) return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const code = (error as { code?: string }).code;
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'EOF';
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return `dial tcp ${authority(target)}: ${dialErrorText(error)}`;
  if (code?.startsWith('HPE_')) return 'net/http: HTTP/1.x transport connection broken: malformed HTTP response';
  return error instanceof Error ? error.message : String(error);
}
