import { Readable } from 'node:stream';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';

/** What the service answers to one request; undefined: nothing, for ever. */
export type Answer =
  | { readonly body: object }
  | { readonly error: string; readonly status?: number; readonly reasons?: readonly string[] }
  | { readonly broken: string }
  | undefined;

export interface SentRequest {
  /** `UpdateItem` and the like. */
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The real client over a service that answers as it is told: everything between the two is the SDK's own. */
export function createFakeDynamo(
  answer: (sent: SentRequest) => Answer,
  config: Parameters<typeof createDynamoClient>[0] = {},
): { readonly client: DynamoDBClient; readonly sent: SentRequest[] } {
  const sent: SentRequest[] = [];
  const handle = async (request: HttpRequest, { abortSignal }: { abortSignal?: AbortSignal } = {}): Promise<object> => {
    const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1)!;
    const one = {
      operation,
      input: JSON.parse(new TextDecoder().decode(request.body as Uint8Array)) as Record<string, unknown>,
    };
    sent.push(one);
    const told = answer(one);
    if (!told) {
      return await new Promise((_, reject) => {
        abortSignal?.addEventListener('abort', () =>
          reject(Object.assign(new Error('aborted'), { name: 'AbortError' })),
        );
      });
    }
    if ('broken' in told) throw Object.assign(new Error('socket hang up'), { code: told.broken, name: 'Error' });
    const error = 'error' in told;
    const body = error
      ? {
          __type: `com.amazonaws.dynamodb.v20120810#${told.error}`,
          message: 'said',
          ...(told.reasons ? { CancellationReasons: told.reasons.map((Code) => ({ Code })) } : {}),
        }
      : told.body;
    const statusCode = error ? (told.status ?? 400) : 200;
    const headers = { 'content-type': 'application/x-amz-json-1.0' };
    return { response: { statusCode, headers, body: Readable.from([Buffer.from(JSON.stringify(body))]) } };
  };
  const client = createDynamoClient({
    region: 'us-east-1',
    endpoint: 'http://dynamo.invalid',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { handle, metadata: { handlerProtocol: 'http/1.1' } } as never,
    ...config,
  });
  return { client, sent };
}
