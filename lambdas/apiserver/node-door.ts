/** Carries requests of node's HTTP/1.1 and HTTP/2 servers to the API server, without web-standard objects in between. */
import { ApiError, badRequest } from '@nodeless/apimachinery/status';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ApiServer } from './apiserver.ts';
import { bodyTooLarge } from './body.ts';
import { peerCertificate } from './client-certificate.ts';
import type { ApiRequest, ApiResponse, ClientCertificate, ResponseStream } from './exchange.ts';
import { sendPaced } from './paced-body.ts';
import { textResponse } from './responses.ts';
import { unknownMethodRequest } from './unknown-method.ts';
import { writeUpgradeResponse } from './upgrade-response.ts';

type NodeRequest = IncomingMessage | Http2ServerRequest;
/** What both kinds of response have. */
type NodeResponse = (ServerResponse | Http2ServerResponse) &
  Pick<ServerResponse, 'flushHeaders' | 'write' | 'end' | 'cork' | 'uncork' | 'writableLength'>;

export interface NodeDoor {
  request(request: NodeRequest, response: ServerResponse | Http2ServerResponse): void;
  /** node's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** node's `clientError` event. */
  clientError(error: Error, socket: Duplex): void;
}

export interface DoorLimits {
  /** A body has to be there within this time. */
  readonly bodyMs: number;
  /** A client has to take some of an answer within this time. */
  readonly takeMs: number;
}
const usualLimits: DoorLimits = { bodyMs: 60_000, takeMs: 60_000 };
/** Small ones fit in the buffers of sockets. */
const smallAnswer = 64 * 1024;

export function createNodeDoor(api: ApiServer, limits: DoorLimits = usualLimits): NodeDoor {
  return {
    request(request, response) {
      // A client that has gone is no error of ours.
      response.on('error', ignore);
      const answer = api.handle(new NodeApiRequest(request, limits));
      const to = response as NodeResponse;
      if (answer instanceof Promise) void answer.then((r) => send(request, to, r, limits));
      else send(request, to, answer, limits);
    },
    upgrade(request, socket, head) {
      socket.on('error', ignore);
      const answer = api.handle(new NodeApiRequest(request, limits), true);
      void Promise.resolve(answer).then((response) => writeUpgradeResponse(response, socket, head));
    },
    clientError(error, socket) {
      socket.on('error', ignore);
      const request = unknownMethodRequest(error, socket as TLSSocket);
      const answer = request ? api.handle(request) : textResponse(errorStatus(error), '');
      void Promise.resolve(answer).then((response) => writeUpgradeResponse(response, socket, empty));
    },
  };
}

const ignore = (): void => {};

function errorStatus({ code }: Error & { code?: string }): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

class NodeApiRequest implements ApiRequest {
  readonly method: string;
  readonly target: string;
  readonly #request: NodeRequest;
  readonly #limits: DoorLimits;

  constructor(request: NodeRequest, limits: DoorLimits) {
    this.#request = request;
    this.#limits = limits;
    this.method = request.method ?? 'GET';
    this.target = request.url ?? '/';
  }
  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return typeof value === 'string' || value === undefined ? value : value.join(', ');
  }
  headerValues(name: string): readonly string[] {
    const raw = this.#request.rawHeaders;
    const values: string[] = [];
    for (let i = 0; i < raw.length; i += 2)
      if ((raw[i] as string).toLowerCase() === name) values.push(raw[i + 1] as string);
    return values;
  }
  rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }
  get remoteAddress(): string {
    return this.#request.socket.remoteAddress ?? '';
  }
  clientCertificate(): ClientCertificate | undefined {
    return peerCertificate(socketOf(this.#request));
  }
  openBody(): Readable {
    return this.#request;
  }
  onAbort(callback: () => void): void {
    this.#request.once('aborted', callback);
    this.#request.socket.once('close', callback);
  }
  readBody(limit: number): Promise<Uint8Array> {
    return readBody(this.#request, limit, this.#limits.bodyMs);
  }
}

/** HTTP/2's compat socket is a proxy that hides what it must not be used for; the session has the real one. */
function socketOf(request: NodeRequest): TLSSocket {
  return ('stream' in request ? (request.stream.session?.socket ?? request.socket) : request.socket) as TLSSocket;
}

const empty = new Uint8Array();

/** The rest of too large a body is read and thrown away, so that the client gets to read the answer; up to so many times the limit. */
const readOn = 4;

function readBody(request: NodeRequest, limit: number, bodyMs: number): Promise<Uint8Array> {
  const declared = request.headers['content-length'];
  if (declared === '0') return Promise.resolve(empty);
  if (declared !== undefined && Number(declared) > limit) {
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      if ((size += chunk.byteLength) > limit * readOn) request.destroy();
    });
    return Promise.reject(bodyTooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let size = 0;
    const timer = setTimeout(() => {
      reject(
        new ApiError({
          code: 504,
          reason: 'Timeout',
          message: 'Timeout: the body of the request did not arrive in time',
        }),
      );
      request.destroy();
    }, bodyMs);
    request.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size > limit) {
        [first, more] = [undefined, undefined];
        clearTimeout(timer);
        reject(bodyTooLarge(limit));
        if (size > limit * readOn) request.destroy();
      } else if (!first) first = chunk;
      else (more ??= [first]).push(chunk);
    });
    request.on('end', () => {
      clearTimeout(timer);
      resolve(more ? Buffer.concat(more, size) : (first ?? empty));
    });
    const broken = (): void => {
      clearTimeout(timer);
      reject(badRequest('unexpected EOF'));
    };
    request.on('error', broken);
    request.on('aborted', broken);
  });
}

/** Text of the standard reason for HTTP/1; HTTP/2 has none. */
function send(request: NodeRequest, response: NodeResponse, answer: ApiResponse, limits: DoorLimits): void {
  const { status, headers } = answer;
  let { body } = answer;
  if (response.destroyed) {
    // What was made ready for the client has to hear that it has gone.
    if (typeof body === 'object' && 'stream' in body) body.stream(createStream(request, response));
    return;
  }
  if (typeof body === 'object' && 'upgraded' in body) {
    send(request, response, textResponse(500, 'connection cannot be upgraded\n'), limits);
    return;
  }
  if (typeof body === 'object' && 'stream' in body) {
    writeHead(response, status, headers);
    response.flushHeaders();
    body.stream(createStream(request, response));
    return;
  }
  if (body === undefined) {
    // To HEAD a length would tell of a body that is not sent.
    if (status !== 304 && status !== 204 && request.method !== 'HEAD') headers.push('Content-Length', '0');
    writeHead(response, status, headers);
    response.end();
    return;
  }
  if (typeof body === 'string') body = Buffer.from(body);
  const length = byteLength(body);
  headers.push('Content-Length', String(length));
  writeHead(response, status, headers);
  if (length > smallAnswer)
    sendPaced(response, body instanceof Uint8Array ? [body] : body, limits.takeMs, () => breakOff(request, response));
  else if (body instanceof Uint8Array) response.end(body);
  else {
    for (const piece of body) response.write(piece);
    response.end();
  }
}

function byteLength(body: Uint8Array | readonly Uint8Array[]): number {
  if (body instanceof Uint8Array) return body.byteLength;
  let length = 0;
  for (const piece of body) length += piece.byteLength;
  return length;
}

/** Without a code node would wait for all that is written to be taken. */
const http2Cancel = 8;

function breakOff(request: NodeRequest, response: NodeResponse): void {
  if ('stream' in response && response.stream) (response as Http2ServerResponse).stream.close(http2Cancel);
  else request.socket.destroy();
}

function writeHead(response: NodeResponse, status: number, headers: string[]): void {
  if (!('stream' in response) || response.stream === undefined) {
    (response as ServerResponse).writeHead(status, headers);
    return;
  }
  const fields: Record<string, string | string[]> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const known = fields[name];
    const value = headers[i + 1] as string;
    fields[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  (response as Http2ServerResponse).writeHead(status, fields);
}

function createStream(request: NodeRequest, response: NodeResponse): ResponseStream {
  let closed = response.destroyed;
  let corked = false;
  const callbacks: (() => void)[] = [];
  const close = (): void => {
    if (closed) return;
    closed = true;
    for (const callback of callbacks) callback();
  };
  response.on('close', close);
  response.on('finish', close);
  const uncork = (): void => {
    if (!corked) return;
    corked = false;
    response.uncork();
  };
  return {
    write(chunk) {
      if (closed) return;
      if (!corked) {
        corked = true;
        response.cork();
        process.nextTick(uncork);
      }
      response.write(chunk);
    },
    end() {
      if (closed) return;
      // node writes the last chunk's mark before what is corked
      uncork();
      response.end();
    },
    destroy: () => breakOff(request, response),
    get pendingBytes() {
      return 'stream' in response && response.stream
        ? (response as Http2ServerResponse).stream.writableLength
        : response.writableLength;
    },
    onClose(callback) {
      if (closed) callback();
      else callbacks.push(callback);
    },
  };
}
