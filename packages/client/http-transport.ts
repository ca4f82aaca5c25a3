import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { ApiError, serviceUnavailable, type Status } from '@nodeless/apimachinery/status';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import { Agent as PlainAgent, request as httpRequest } from '@nodeless/component-base/node-http';
import { backoffDelay } from '@nodeless/component-base/retry';

export interface TransportConfig {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM. Absent: the public roots. */
  readonly ca?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  /** Called for each request, so that tokens may be renewed. */
  readonly token?: () => string | Promise<string>;
  readonly userAgent?: string;
  readonly clock: Clock;
  /** Until the response's headers. Default 60 s. */
  readonly timeoutMs?: number;
  /** How often at most a request is sent, where repeating is safe. Default 5. */
  readonly attempts?: number;
  readonly random?: () => number;
}

export interface TransportRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** One API server over HTTP: keep-alive, a timeout, bounded retries with jitter where repeating is safe. */
export interface Transport {
  /** The response with its body unread, whatever its status. Errors: ApiError ServiceUnavailable when nobody answers. */
  open(request: TransportRequest): Promise<IncomingMessage>;
  /** The parsed JSON of a 2xx answer; any other is thrown as the ApiError that its Status describes. */
  json(request: TransportRequest): Promise<unknown>;
  close(): void;
}

export function createTransport(config: TransportConfig): Transport {
  const base = new URL(config.server);
  const attempts = config.attempts ?? 5;
  const secure = base.protocol === 'https:';
  const tls = {
    ca: config.ca,
    cert: config.clientCertificate,
    key: config.clientKey,
    rejectUnauthorized: !config.insecureSkipTlsVerify,
  };
  const agent = secure ? new Agent({ keepAlive: true, ...tls }) : new PlainAgent({ keepAlive: true });

  const once = async ({ method, path, headers, body, signal }: TransportRequest): Promise<IncomingMessage> => {
    const token = await config.token?.();
    const options: RequestOptions = {
      agent,
      method,
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || (secure ? 443 : 80),
      path: base.pathname.replace(/\/$/, '') + path,
      headers: {
        accept: 'application/json',
        'user-agent': config.userAgent ?? 'nodeless',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        ...headers,
      },
      signal,
    };
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)(options, resolve);
      const timeout = setTimeout(
        () => outgoing.destroy(new Error(`no answer from ${config.server} in time`)),
        config.timeoutMs ?? 60_000,
      );
      outgoing.on('response', () => clearTimeout(timeout));
      outgoing.on('error', (error) => {
        clearTimeout(timeout);
        reject(error);
      });
      outgoing.end(body);
    });
  };

  const open = async (request: TransportRequest): Promise<IncomingMessage> => {
    for (let attempt = 0; ; attempt++) {
      const last = attempt + 1 >= attempts;
      let waitMs = backoffDelay(attempt, { baseMs: 100, capMs: 5_000, random: config.random });
      try {
        const response = await once(request);
        // 429 is refused before anything was done, so repeating is safe for every method.
        if (response.statusCode !== 429 || last) return response;
        response.resume();
        waitMs = Math.max(waitMs, Number(response.headers['retry-after'] ?? 0) * 1000 || 0);
      } catch (error) {
        if (request.signal?.aborted) throw error;
        if (last || !repeatable(request.method, error)) throw unreachable(config.server, error);
      }
      await sleep(config.clock, waitMs, request.signal);
    }
  };

  return {
    open,
    async json(request) {
      const response = await open(request);
      const text = await readAll(response);
      const code = response.statusCode ?? 500;
      if (code >= 200 && code < 300) return text === '' ? undefined : JSON.parse(text);
      throw errorOf(code, text);
    },
    close: () => agent.destroy(),
  };
}

/** A refused connection never reached the server; a broken one may have, so only reads are repeated then. */
function repeatable(method: string, error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return true;
  return method === 'GET' && (code === 'ECONNRESET' || code === 'EPIPE');
}

function unreachable(server: string, cause: unknown): ApiError {
  const error = serviceUnavailable(`the server at ${server} cannot be reached: ${(cause as Error).message}`);
  return new ApiError({ code: error.code, reason: error.reason, message: error.message }, { cause });
}

export function errorOf(code: number, text: string): ApiError {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status') {
      return new ApiError({
        code: status.code ?? code,
        reason: status.reason,
        message: status.message ?? '',
        details: status.details,
      });
    }
  } catch {
    // Not a Status: the text itself is the message.
  }
  return new ApiError({ code, message: text.trim() || `the server answered ${code}` });
}

export async function readAll(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
