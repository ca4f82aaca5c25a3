/**
 * Carries the events of a Lambda Function URL (payload format 2.0, response streaming) to the API server. The third door, beside
 * node-door.ts (docs/adr/0020-function-url-door.md).
 */
import { Readable, type Writable } from 'node:stream';
import { type Clock, systemClock } from '@nodeless/component-base/clock';
import type { ApiServer } from './apiserver.ts';
import { bodyTooLarge } from './body.ts';
import type { ApiRequest, ApiResponse, ResponseStream } from './exchange.ts';
import { textResponse } from './responses.ts';

/** What is read of an event. */
export interface FunctionUrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  /** Names in lower case; fields of one name joined with commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly cookies?: readonly string[];
  readonly requestContext: { readonly http: { readonly method: string; readonly sourceIp: string } };
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/** The head of a response, as the stream's first write carries it. */
export interface ResponseHead {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
}

export interface FunctionUrlResponse {
  /** The stream for the body of a response with this head: `awslambda.HttpResponseStream.from`. */
  begin(head: ResponseHead): Writable;
  /** The function is ended by its platform then; milliseconds since the epoch. */
  readonly deadline: number;
}

export interface FunctionUrlDoorOptions {
  readonly clock?: Clock;
  /** Long answers get a blank after so long without a byte, where blanks mean nothing: no hop takes them for dead. */
  readonly heartbeatMs?: number;
}

export interface FunctionUrlDoor {
  /** Resolves when all of the response has been taken. Never rejects for what a client does. */
  serve(event: FunctionUrlEvent, response: FunctionUrlResponse): Promise<void>;
}

const defaultHeartbeatMs = 15_000;
/** What is written last may be held back until something follows it: so a blank follows. */
const chaserMs = 20;
/** Streams are ended so long before the platform ends the function. */
const marginMs = 3_000;
const blank = Buffer.from(' ');

export function createFunctionUrlDoor(
  api: Pick<ApiServer, 'handle'>,
  options: FunctionUrlDoorOptions = {},
): FunctionUrlDoor {
  const { clock = systemClock, heartbeatMs = defaultHeartbeatMs } = options;
  return {
    async serve(event, response) {
      await send(await api.handle(toApiRequest(event, response.deadline)), event, response, { clock, heartbeatMs });
    },
  };
}

export function toApiRequest(event: FunctionUrlEvent, deadline?: number): ApiRequest {
  const { headers, rawPath, rawQueryString, requestContext } = event;
  const own = (name: string): string | undefined => (Object.hasOwn(headers, name) ? headers[name] : undefined);
  const body = (): Buffer => Buffer.from(event.body ?? '', event.isBase64Encoded === true ? 'base64' : 'utf8');
  return {
    method: requestContext.http.method,
    target: rawQueryString === '' ? rawPath : `${rawPath}?${rawQueryString}`,
    header: own,
    headerValues: (name) => own(name)?.split(/,\s*/) ?? [],
    rawHeaders: () => Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
    remoteAddress: requestContext.http.sourceIp,
    clientCertificate: () => undefined,
    // The event holds all of it, so that there is nothing to wait for and nothing that can break off.
    readBody(limit) {
      const bytes = body();
      return bytes.byteLength > limit ? Promise.reject(bodyTooLarge(limit)) : Promise.resolve(bytes);
    },
    openBody: () => Readable.from([body()]),
    deadline,
    // The platform does not say that a client has gone.
    onAbort: () => {},
  };
}

interface Sending {
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

async function send(
  answer: ApiResponse,
  event: FunctionUrlEvent,
  response: FunctionUrlResponse,
  sending: Sending,
): Promise<void> {
  const { body } = answer;
  if (typeof body === 'object' && 'upgraded' in body) {
    await send(textResponse(501, 'connections cannot be upgraded here\n'), event, response, sending);
    return;
  }
  const stream = response.begin({ statusCode: answer.status, headers: headersOf(answer) });
  const taken = new Promise<void>((resolve) => {
    stream
      .once('finish', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
  });
  if (typeof body === 'object' && 'stream' in body) {
    const padded = body.blanks === true;
    body.stream(responseStream(stream, { ...sending, padded, deadline: response.deadline }));
  } else {
    if (event.requestContext.http.method !== 'HEAD' && body !== undefined) {
      for (const piece of typeof body === 'string' || body instanceof Uint8Array ? [body] : body) {
        if (!stream.write(piece)) await drained(stream);
      }
    } else {
      // The head leaves with the first write.
      stream.write('');
    }
    stream.end();
  }
  await taken;
}

/** Fields of one name are joined: the platform takes one value a name. */
function headersOf({ headers }: ApiResponse): Record<string, string> {
  const all: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [(headers[i] as string).toLowerCase(), ascii(headers[i + 1] as string)];
    all[name] = name in all ? `${all[name]}, ${value}` : value;
  }
  return all;
}

const ascii = (value: string): string => value.replace(/[^\x20-\x7e]/g, '?');

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream
      .once('drain', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
  });
}

interface StreamOptions extends Sending {
  /** Blanks may stand between what is written. */
  readonly padded: boolean;
  readonly deadline: number;
}

function responseStream(stream: Writable, { clock, heartbeatMs, padded, deadline }: StreamOptions): ResponseStream {
  const callbacks: (() => void)[] = [];
  let waiting: Uint8Array[] = [];
  let flushing = false;
  let closed = false;
  const pad = (ms: number): void => {
    timer.cancel();
    if (!padded) return;
    timer = clock.setTimer(() => {
      stream.write(blank);
      pad(heartbeatMs);
    }, ms);
  };
  const flush = (): void => {
    flushing = false;
    if (waiting.length === 0) return;
    stream.write(waiting.length === 1 ? waiting[0] : Buffer.concat(waiting));
    waiting = [];
    if (!closed) pad(chaserMs);
  };
  const close = (): void => {
    if (closed) return;
    closed = true;
    timer.cancel();
    limit.cancel();
    for (const callback of callbacks) callback();
  };
  let timer = clock.setTimer(() => {}, heartbeatMs);
  const end = (): void => {
    if (closed) return;
    flush();
    stream.end();
    close();
  };
  const limit = clock.setTimer(end, Math.max(0, deadline - marginMs - clock.now()));
  stream.once('close', close).once('error', close);
  // The head leaves with the first write, and the client waits for it.
  stream.write('');
  pad(heartbeatMs);
  return {
    write(chunk) {
      if (closed) return;
      waiting.push(chunk);
      if (flushing) return;
      flushing = true;
      setImmediate(flush);
    },
    end,
    destroy() {
      if (closed) return;
      stream.destroy();
      close();
    },
    get pendingBytes() {
      return stream.writableLength + waiting.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    },
    onClose: (callback) => void (closed ? callback() : callbacks.push(callback)),
  };
}
