/** What an SDK client wants of its transport. */
import type { HttpRequest, HttpResponse } from '@smithy/protocol-http';

export interface RequestHandler {
  readonly metadata: { readonly handlerProtocol: string };
  handle(request: HttpRequest): Promise<{ response: HttpResponse }>;
  destroy(): void;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
}

export function bodyText({ body }: HttpRequest): string {
  if (body === undefined || body === null) return '';
  return typeof body === 'string' ? body : Buffer.from(body as Uint8Array).toString();
}

/** Of every SDK client in tests: no real credentials, no waiting between attempts that a manual clock would not see. */
export const clientSettings = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' },
  maxAttempts: 1,
} as const;
