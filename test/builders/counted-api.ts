/** The API server over a table in memory that counts, as a function runs it: cold, warm, and asked with requests like any other. */
import { type ApiServer } from '@nodeless/apiserver/apiserver';
import { createStaticTokens } from '@nodeless/apiserver/authentication/static-token';
import { type ControlPlane, createControlPlane } from '@nodeless/apiserver/control-plane';
import type { ApiRequest, ResponseStream } from '@nodeless/apiserver/exchange';
import type { Clock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { createServiceAccountKey } from '@nodeless/local/certificates';
import { loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { createDynamoDbStore, type DynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { Readable } from 'node:stream';
import { type MemoryTable, createMemoryTable } from '../unit/store/dynamodb/memory-table.ts';
import { type Meter, type Usage, meterTable } from './metered-table.ts';

export interface CountedAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly usage: Usage;
}

export interface CountedProcess {
  readonly store: DynamoDbStore;
  /** What it took to be ready. */
  readonly opened: Usage;
  readonly plane: ControlPlane;
  /** One request, as the door passes it on: what was known is brought up to date first. */
  ask(method: string, target: string, body?: object, contentType?: string): Promise<CountedAnswer>;
  /** What was used at the table since the last time, by requests or otherwise. */
  take(): Usage;
  close(): Promise<void>;
}

export interface CountedApi {
  readonly raw: MemoryTable;
  /** Another process: a function that was started just now. */
  open(): Promise<CountedProcess>;
}

const token = 'admin-token';
const issuer = 'https://cluster.example';

export async function createCountedApi({
  clock,
  serviceCidr = '10.96.0.0/16',
}: {
  clock: Clock;
  serviceCidr?: string;
}): Promise<CountedApi> {
  const raw = createMemoryTable();
  const meter = meterTable(raw);
  const serviceAccountKeys = await loadServiceAccountKeys(await createServiceAccountKey());
  const authenticator = createStaticTokens(
    [{ token, user: 'admin', uid: 'admin', groups: ['system:masters'] }],
    [issuer],
  );
  const open = async (): Promise<CountedProcess> => {
    const store = createDynamoDbStore({ table: meter.table, clock, pollMs: Infinity });
    meter.take();
    const plane = await createControlPlane({
      store,
      clock,
      log: silentLogger,
      issuer,
      serviceAccountKeys,
      authenticators: [authenticator],
      anonymous: false,
    });
    const opened = meter.take();
    return {
      store,
      opened,
      plane,
      ask: (...request) => ask(plane, meter, ...request),
      take: () => meter.take(),
      async close() {
        plane.close();
        await store.close();
      },
    };
  };
  const first = await open();
  await first.plane.bootstrap({ serviceCidr });
  await first.close();
  meter.take();
  return { raw, open };
}

async function ask(
  plane: ControlPlane,
  meter: Meter,
  method: string,
  target: string,
  body?: object,
  contentType = 'application/json',
): Promise<CountedAnswer> {
  meter.take();
  await plane.refresh();
  const answer = await answered(plane.api, request(method, target, body, contentType));
  return { ...answer, usage: meter.take() };
}

function request(method: string, target: string, body: object | undefined, contentType: string): ApiRequest {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'user-agent': 'kubectl/v1.36.0',
    ...(body ? { 'content-type': contentType } : {}),
  };
  const bytes = Buffer.from(body ? JSON.stringify(body) : '');
  return {
    method,
    target,
    header: (name) => headers[name],
    headerValues: (name) => (headers[name] === undefined ? [] : [headers[name]]),
    rawHeaders: () => Object.entries(headers).flat(),
    remoteAddress: '',
    clientCertificate: () => undefined,
    readBody: () => Promise.resolve(bytes),
    openBody: () => Readable.from([bytes]),
    onAbort: () => {},
  };
}

async function answered(api: ApiServer, asked: ApiRequest): Promise<Pick<CountedAnswer, 'status' | 'body'>> {
  const { status, body } = await api.handle(asked);
  return { status, body: JSON.parse((await textOf(body)) || '{}') as Record<string, unknown> };
}

async function textOf(body: Awaited<ReturnType<ApiServer['handle']>>['body']): Promise<string> {
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  if (Array.isArray(body)) return Buffer.concat(body as Uint8Array[]).toString();
  if (!('stream' in body)) throw new TypeError('an upgrade was not asked for');
  const chunks: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    const out: ResponseStream = {
      write: (chunk) => void chunks.push(chunk),
      end: resolve,
      destroy: resolve,
      pendingBytes: 0,
      onClose: () => {},
    };
    body.stream(out);
  });
  return Buffer.concat(chunks).toString().split('\n')[0] ?? '';
}
