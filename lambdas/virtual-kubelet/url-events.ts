/** Events of a Lambda Function URL (payload format 2.0) as fetch requests, and responses written to its stream. */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';

/** What is read of an event. */
export interface UrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly http: { readonly method: string }; readonly domainName?: string };
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

export const isUrlEvent = (event: unknown): event is UrlEvent =>
  typeof event === 'object' && event !== null && 'rawPath' in event && 'requestContext' in event;

export function toRequest(event: UrlEvent, signal: AbortSignal): Request {
  const { method } = event.requestContext.http;
  const url = new URL(`https://${event.requestContext.domainName ?? 'kubelet'}${event.rawPath}`);
  url.search = event.rawQueryString;
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers)) if (value !== undefined) headers.set(name, value);
  const hasBody = event.body !== undefined && method !== 'GET' && method !== 'HEAD';
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody ? { body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8') } : {}),
  });
}

/** Resolves when all of the response has been taken, or the reader has gone. */
export async function send(
  response: Response,
  begin: (head: { statusCode: number; headers: Record<string, string> }) => Writable,
): Promise<void> {
  const stream = begin({ statusCode: response.status, headers: Object.fromEntries(response.headers) });
  // The head leaves with the first write, and the reader waits for it.
  stream.write('');
  try {
    await pipeline(response.body ? Readable.fromWeb(response.body as never) : Readable.from([]), stream);
  } catch {
    stream.destroy();
  }
}
