/**
 * Our own model of Lambda Function URLs with response streaming, as AWS documents them: real clients talk TLS to it, and each
 * request is one invocation of the bundle in an environment of its own (function-environment.ts). What it keeps to: payload format
 * 2.0; one invocation an environment at a time, warm ones first; 429 above the concurrency limit; 6 MB a request; an invocation that
 * goes on, and is billed, when its client has gone; no upgrades; HTTP/1.1 only.
 */
import { createCertificateAuthority, issueServingCertificate } from '@nodeless/local/certificates';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FunctionDefinition, type FunctionEnvironment, startFunctionEnvironment } from './function-environment.ts';
import { functionUrlEvent } from './function-url-event.ts';

export interface StreamingHostOptions extends Omit<FunctionDefinition, 'memoryMb' | 'timeoutSeconds' | 'region'> {
  readonly region?: string;
  readonly memoryMb?: number;
  readonly timeoutSeconds?: number;
  /** Environments that may be at work at once. Default 20. */
  readonly concurrency?: number;
  /** The last write of a response is not passed on before another follows, as has been seen of small ones. */
  readonly holdsLastWrite?: boolean;
}

export interface HostFigures {
  readonly invocations: number;
  readonly coldStarts: number;
  readonly throttled: number;
  /** Most that were at work at once. */
  readonly peak: number;
  /** Milliseconds of all invocations, and those of clients that had gone. */
  readonly billedMs: number;
  readonly billedAfterClientMs: number;
}

export interface StreamingHost {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** PEM, for certificate-authority-data. */
  readonly ca: string;
  figures(): HostFigures;
  /** What all environments have written. */
  log(): string;
  /** Ends the environments that are free: the next request starts cold. */
  recycle(): Promise<void>;
  stop(): Promise<void>;
}

/** Of the event, in base64 and with its envelope. */
const maxRequestBytes = 6 * 1024 * 1024;
const preludeEnd = Buffer.alloc(8);

export async function startStreamingHost(options: StreamingHostOptions): Promise<StreamingHost> {
  const { concurrency = 20, holdsLastWrite = false } = options;
  const { region = 'us-east-1', memoryMb = 1024, timeoutSeconds = 900 } = options;
  const definition: FunctionDefinition = { ...options, region, memoryMb, timeoutSeconds };
  const environments = new Set<FunctionEnvironment>();
  /** Those that a request has been given. */
  const taken = new Set<FunctionEnvironment>();
  const past: string[] = [];
  const figures = { invocations: 0, coldStarts: 0, throttled: 0, peak: 0, billedMs: 0, billedAfterClientMs: 0 };
  let starting = 0;
  let stopped = false;

  const remove = (environment: FunctionEnvironment): void => {
    if (environments.delete(environment)) past.push(environment.log());
  };
  const obtain = async (): Promise<FunctionEnvironment | undefined> => {
    for (const environment of environments) {
      if (environment.state === 'dead') remove(environment);
      else if (!taken.has(environment)) {
        taken.add(environment);
        return environment;
      }
    }
    if (environments.size + starting >= concurrency) return undefined;
    starting++;
    figures.coldStarts++;
    try {
      const environment = await startFunctionEnvironment(definition);
      environments.add(environment);
      taken.add(environment);
      return environment;
    } finally {
      starting--;
    }
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readAll(request);
    const event = functionUrlEvent(request, body, { now: Date.now() });
    if (Buffer.byteLength(JSON.stringify(event)) > maxRequestBytes)
      return answer(response, 413, {
        Message: 'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
      });
    const environment = await obtain();
    if (!environment) {
      figures.throttled++;
      return answer(response, 429, {
        Reason: 'ConcurrentInvocationLimitExceeded',
        Type: 'User',
        message: 'Rate Exceeded.',
      });
    }
    const began = Date.now();
    let clientLeft: number | undefined;
    response.once('close', () => {
      if (!response.writableFinished) clientLeft = Date.now();
    });
    figures.invocations++;
    figures.peak = Math.max(figures.peak, taken.size);
    try {
      const { contentType, body: answerBody } = await environment.invoke(event);
      await pass(contentType, answerBody, response, holdsLastWrite);
    } catch (error) {
      past.push(String(error));
      if (response.headersSent) response.destroy();
      else answer(response, 502, 'Internal Server Error');
    }
    await environment.idle();
    taken.delete(environment);
    const ended = Date.now();
    figures.billedMs += ended - began;
    if (clientLeft !== undefined) figures.billedAfterClientMs += ended - clientLeft;
  };

  const ca = await createCertificateAuthority('streaming host', Date.now());
  const serving = await issueServingCertificate(ca, ['127.0.0.1', 'localhost'], Date.now());
  const server = createServer(
    { key: serving.key, cert: serving.certificate, ALPNProtocols: ['http/1.1'] },
    (request, response) => {
      serve(request, response).catch((error: unknown) => {
        past.push(String(error));
        response.destroy();
      });
    },
  );
  // No listener for upgrades: such a request is served like any other.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: ca.certificate,
    figures: () => ({ ...figures }),
    log: () => [...past, ...[...environments].map((environment) => environment.log())].join('\n'),
    async recycle() {
      const free = [...environments].filter((environment) => !taken.has(environment));
      await Promise.all(free.map((environment) => environment.stop()));
      for (const environment of free) remove(environment);
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      server.closeAllConnections();
      await Promise.all([...environments].map((environment) => environment.stop()));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Reads the head, then passes on what comes; to a client that has gone, nowhere, but to the end. */
function pass(
  contentType: string,
  body: IncomingMessage,
  response: ServerResponse,
  holdsLastWrite: boolean,
): Promise<void> {
  const isHttp = contentType === 'application/vnd.awslambda.http-integration-response';
  let head: Buffer | undefined = isHttp ? Buffer.alloc(0) : undefined;
  let held: Buffer | undefined;
  const forward = (chunk: Buffer): void => {
    if (response.destroyed || chunk.length === 0) return;
    if (holdsLastWrite) {
      if (held) response.write(held);
      held = chunk;
    } else response.write(chunk);
  };
  if (!isHttp) response.writeHead(200, { 'content-type': contentType });
  return new Promise((resolve, reject) => {
    body.on('error', reject).on('aborted', () => reject(new Error('the function has broken off')));
    body.on('end', () => {
      if (head) return reject(new Error('the function has ended its response without a head'));
      if (held) response.write(held);
      response.end();
      resolve();
    });
    body.on('data', (chunk: Buffer) => {
      if (!head) return forward(chunk);
      head = Buffer.concat([head, chunk]);
      const at = head.indexOf(preludeEnd);
      if (at < 0) return;
      const {
        statusCode = 200,
        headers = {},
        cookies = [],
      } = JSON.parse(head.subarray(0, at).toString()) as {
        statusCode?: number;
        headers?: Record<string, string>;
        cookies?: string[];
      };
      const rest = head.subarray(at + preludeEnd.length);
      head = undefined;
      response.writeHead(statusCode, { ...headers, ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}) });
      response.flushHeaders();
      forward(rest);
    });
  });
}
