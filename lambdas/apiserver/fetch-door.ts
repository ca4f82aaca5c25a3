/** Carries web-standard requests to the API server: the door of Lambda, and of anything else that speaks fetch. */
import { badRequest } from '@nodeless/apimachinery/status';
import { type Context, Hono } from 'hono';
import { Readable } from 'node:stream';
import type { ApiServer } from './apiserver.ts';
import { bodyTooLarge } from './body.ts';
import type { ApiRequest, ApiResponse, ResponseStream } from './exchange.ts';
import { textResponse } from './responses.ts';

export interface FetchDoorOptions {
  /** Address of the client, where the carrier knows it. */
  readonly remoteAddress?: (context: Context) => string;
}

/** An app whose `fetch` answers everything. Connections cannot be taken over here: exec and port-forward are refused. */
export function createFetchDoor(api: ApiServer, { remoteAddress = () => '' }: FetchDoorOptions = {}): Hono {
  const app = new Hono();
  app.all('*', async (context) => {
    const request = context.req.raw;
    return toResponse(request, await api.handle(toApiRequest(request, remoteAddress(context))));
  });
  return app;
}

function toApiRequest(request: Request, remoteAddress: string): ApiRequest {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    header: (name) => request.headers.get(name) ?? undefined,
    // The standard joins fields of one name; no value of ours has a comma of its own.
    headerValues: (name) => request.headers.get(name)?.split(', ') ?? [],
    rawHeaders: () => [...request.headers].flat(),
    remoteAddress,
    clientCertificate: () => undefined,
    readBody: (limit) => readBody(request, limit),
    openBody: () => (request.body ? Readable.fromWeb(request.body as never) : Readable.from([])),
    onAbort: (callback) => request.signal.addEventListener('abort', callback, { once: true }),
  };
}

async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array();
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw bodyTooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
      if (done || !value) break;
      size += value.byteLength;
      if (size > limit) {
        await reader.cancel();
        throw bodyTooLarge(limit);
      }
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'ApiError') throw error;
    throw badRequest('unexpected EOF');
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, size);
}

function toResponse(request: Request, answer: ApiResponse): Response {
  const { status, body } = answer;
  if (typeof body === 'object' && 'upgraded' in body)
    return toResponse(request, textResponse(501, 'connections cannot be upgraded here\n'));
  const headers = new Headers();
  for (let i = 0; i < answer.headers.length; i += 2)
    headers.append(answer.headers[i] as string, answer.headers[i + 1] as string);
  if (body === undefined || request.method === 'HEAD') return new Response(null, { status, headers });
  if (typeof body === 'string' || body instanceof Uint8Array) return new Response(body as string, { status, headers });
  if ('stream' in body) return new Response(streamBody(request, body.stream), { status, headers });
  return new Response(Buffer.concat(body), { status, headers });
}

/** Chunks wait in the stream's own queue; its size is what has not been taken. */
function streamBody(request: Request, start: (out: ResponseStream) => void): ReadableStream<Uint8Array> {
  const callbacks: (() => void)[] = [];
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    for (const callback of callbacks) callback();
  };
  request.signal.addEventListener('abort', close, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        start({
          write: (chunk) => void (closed || controller.enqueue(chunk)),
          end() {
            if (closed) return;
            controller.close();
            close();
          },
          destroy() {
            if (closed) return;
            controller.error(new Error('broken off'));
            close();
          },
          get pendingBytes() {
            return Math.max(0, highWater - (controller.desiredSize ?? highWater));
          },
          onClose: (callback) => void (closed ? callback() : callbacks.push(callback)),
        });
      },
      cancel: close,
    },
    { highWaterMark: highWater, size: (chunk) => chunk?.byteLength ?? 0 },
  );
}
const highWater = 64 * 1024;
