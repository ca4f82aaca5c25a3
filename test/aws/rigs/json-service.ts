import { Readable } from 'node:stream';
import { HttpResponse } from '@smithy/protocol-http';

/** An error as a service of AWS answers it. */
export class ServiceFault extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  constructor(code: string, message: string, options: { status?: number; fields?: Record<string, unknown> } = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = options.status ?? 400;
    this.fields = options.fields ?? {};
  }
}

export type Operations = Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => unknown>>;

interface SdkRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface JsonService {
  /** Give it to an SDK client as its `requestHandler`: requests are encoded and answers decoded by the SDK itself. */
  readonly requestHandler: {
    handle(request: SdkRequest): Promise<{ response: HttpResponse }>;
    updateHttpClientConfig(): void;
    httpHandlerConfigs(): object;
    destroy(): void;
  };
  /** Requests that have come and have not been answered. */
  inFlight(): number;
  /** How often each operation was asked for, refused ones included. */
  readonly calls: ReadonlyMap<string, number>;
}

/**
 * A service that speaks AWS's JSON protocol (1.0, 1.1), in process. `before` sees each request first and may refuse it;
 * what it returns is called with the answer and may still replace it by an error (an answer that gets lost).
 */
export function createJsonService(
  operations: Operations,
  before: (operation: string) => (() => void) | undefined = () => undefined,
): JsonService {
  const calls = new Map<string, number>();
  let inFlight = 0;
  const run = async (request: SdkRequest): Promise<HttpResponse> => {
    const target = request.headers['x-amz-target'] ?? '';
    const name = target.slice(target.lastIndexOf('.') + 1);
    calls.set(name, (calls.get(name) ?? 0) + 1);
    const operation = operations[name];
    if (!operation) return answer(400, { __type: 'UnknownOperationException', message: `${target} is not modelled` });
    try {
      const after = before(name);
      const output = await operation(JSON.parse(await textOf(request.body)) as Record<string, unknown>);
      after?.();
      return answer(200, output ?? {});
    } catch (error) {
      if (!(error instanceof ServiceFault)) throw error;
      return answer(error.status, { __type: error.code, message: error.message, ...error.fields });
    }
  };
  return {
    requestHandler: {
      async handle(request) {
        inFlight++;
        try {
          return { response: await run(request) };
        } finally {
          inFlight--;
        }
      },
      updateHttpClientConfig() {},
      httpHandlerConfigs: () => ({}),
      destroy() {},
    },
    inFlight: () => inFlight,
    calls,
  };
}

function answer(statusCode: number, body: unknown): HttpResponse {
  return new HttpResponse({
    statusCode,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-requestid': '00000000-0000-0000-0000-000000000000',
    },
    body: Readable.from([Buffer.from(JSON.stringify(body))]),
  });
}

async function textOf(body: unknown): Promise<string> {
  if (body === undefined || body === '') return '{}';
  if (typeof body === 'string') return body;
  return new TextDecoder().decode(body as Uint8Array);
}
