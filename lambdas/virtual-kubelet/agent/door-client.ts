import { Agent as PlainAgent, request as plainRequest } from '@nodeless/component-base/node-http';
import type { IncomingMessage } from 'node:http';
import {
  type AgentReport,
  type BootDocument,
  type BootSettings,
  type EndpointsQuery,
  type EndpointsResponse,
  type ReportResponse,
  type ServicesResponse,
  type TokenQuery,
  type TokenResponse,
  type VolumesResponse,
  paths,
} from './agent-protocol.ts';

const { Agent: SecureAgent, request: secureRequest } = process.getBuiltinModule('node:https');

/** An answer that is not a success, or none at all (status 0). */
export class DoorError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'DoorError';
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The agent's side of the protocol. Every call is one try and rejects with DoorError. */
export interface DoorClient {
  boot(): Promise<BootDocument>;
  /** undefined = still that revision. */
  volumes(revision: string): Promise<VolumesResponse | undefined>;
  token(query: TokenQuery): Promise<TokenResponse>;
  report(report: AgentReport, timeoutMs?: number): Promise<ReportResponse>;
  services(revision: string): Promise<ServicesResponse | undefined>;
  endpoints(query: EndpointsQuery): Promise<EndpointsResponse>;
  /** The token for the calls that follow. When it is refused the boot token is tried again. */
  useToken(token: string): void;
  close(): void;
}

const timeoutMs = 10_000;
/** All files of a pod: a ConfigMap or Secret has a MiB at most. */
const maxAnswerBytes = 64 * 1024 * 1024;

export function createDoorClient(settings: BootSettings): DoorClient {
  const base = new URL(settings.url);
  const secure = base.protocol === 'https:';
  const agent = secure
    ? new SecureAgent({ keepAlive: true, maxSockets: 4 })
    : new PlainAgent({ keepAlive: true, maxSockets: 4 });
  let latest = settings.token;
  let bearer = settings.token;

  const once = (
    method: string,
    path: string,
    token: string,
    body: unknown,
    options: { readonly revision?: string; readonly timeoutMs?: number },
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const limit = options.timeoutMs ?? timeoutMs;
      const call = (secure ? secureRequest : plainRequest)(
        new URL(base.pathname.replace(/\/$/, '') + path, base),
        {
          method,
          agent: agent as InstanceType<typeof PlainAgent>,
          signal: AbortSignal.timeout(limit),
          headers: {
            authorization: `Bearer ${token}`,
            accept: 'application/json',
            ...(options.revision ? { 'if-none-match': `"${options.revision}"` } : {}),
            ...(payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {}),
          },
        },
        (answer: IncomingMessage) => {
          collect(answer).then(
            (content) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: content }),
            reject,
          );
        },
      );
      call.on('error', (error: Error) => {
        const text =
          error.name === 'TimeoutError' || error.name === 'AbortError' ? `no answer within ${limit} ms` : error.message;
        reject(new DoorError(0, `${method} ${path}: ${text}`));
      });
      call.end(payload);
    });

  const ask = async <T>(
    method: string,
    path: string,
    body?: unknown,
    options: { readonly revision?: string; readonly timeoutMs?: number } = {},
  ): Promise<T | undefined> => {
    const used = bearer;
    let answer = await once(method, path, used, body, options);
    // One of the two may have expired, or the other have been refused for a reason that is gone.
    const other = used === latest ? settings.token : latest;
    if (answer.status === 401 && other !== used) {
      answer = await once(method, path, other, body, options);
      if (answer.status !== 401) bearer = other;
    }
    if (answer.status === 304) return undefined;
    if (answer.status !== 200)
      throw new DoorError(
        answer.status,
        `${method} ${path}: ${problemOf(answer)}`,
        retryAfter(answer.headers['retry-after']),
      );
    try {
      return JSON.parse(answer.body.toString('utf8')) as T;
    } catch {
      throw new DoorError(0, `${method} ${path}: the answer is no JSON`);
    }
  };

  return {
    boot: async () => (await ask<BootDocument>('GET', paths.boot)) as BootDocument,
    volumes: (revision) => ask<VolumesResponse>('GET', paths.volumes, undefined, { revision }),
    token: async (query) => (await ask<TokenResponse>('POST', paths.token, query)) as TokenResponse,
    report: async (report, limit) =>
      (await ask<ReportResponse>('POST', paths.report, report, limit ? { timeoutMs: limit } : {})) as ReportResponse,
    services: (revision) => ask<ServicesResponse>('GET', paths.services, undefined, { revision }),
    endpoints: async (query) => (await ask<EndpointsResponse>('POST', paths.endpoints, query)) as EndpointsResponse,
    useToken(token) {
      latest = token;
      bearer = token;
    },
    close: () => agent.destroy(),
  };
}

async function collect(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxAnswerBytes) throw new Error('the answer is too long');
    }
  } catch (error) {
    throw new DoorError(0, `the answer broke off: ${error instanceof Error ? error.message : String(error)}`);
  }
  return Buffer.concat(chunks);
}

function problemOf(answer: { readonly status: number; readonly body: Buffer }): string {
  try {
    const { message } = JSON.parse(answer.body.toString('utf8')) as { message?: unknown };
    if (typeof message === 'string') return `${answer.status} ${message}`;
  } catch {
    // Not a Status: a proxy's page, perhaps.
  }
  return `HTTP ${answer.status}`;
}

function retryAfter(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 300) * 1000 : undefined;
}
