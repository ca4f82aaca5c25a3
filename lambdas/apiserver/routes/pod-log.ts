/** pods/log: the output of a container, as far as it has come or on as it comes. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { type FieldError, badRequest, invalid } from '@nodeless/apimachinery/status';
import type { LogOptions, NodeConnection } from '@nodeless/client/node-connection';
import { methodNotAllowed } from '@nodeless/registry/endpoint';
import type { Registry } from '@nodeless/registry/registry';
import type { Readable } from 'node:stream';
import type { Call, CallScope } from '../call.ts';
import type { ApiResponse, ResponseStream } from '../exchange.ts';
import type { Query } from '../query.ts';
import { booleanParameter } from '../request-info.ts';
import { int64Parameter } from '../options.ts';
import type { StreamTerms } from '../stream-terms.ts';
import { upgradeKind, webSocketProtocol, webSocketResponse } from '../streaming/upgrade-request.ts';
import { createWebSocket } from '../streaming/websocket.ts';
import { containerOf, podRef } from './pod-target.ts';

/** One-way streams over a WebSocket: whole messages of bytes, or of base64 text. */
export const readerProtocols: readonly string[] = ['', 'binary.k8s.io', 'base64.binary.k8s.io'];

export function createPodLog(deps: {
  registry: Registry;
  nodes: NodeConnection;
  terms?: StreamTerms;
}): (call: Call, scope: CallScope) => Promise<ApiResponse> {
  return async (call, scope) => {
    const { request, query } = call;
    if (request.method !== 'GET') throw methodNotAllowed();
    const asked = logOptions(query, scope.name);
    const { object } = await deps.registry.connect(scope, { kind: 'PodLogOptions', apiVersion: 'v1' });
    const pod = object as Readonly<Pod>;
    const container = containerOf(pod, asked.container);
    // Nothing has been written yet by what runs nowhere.
    if (!pod.spec?.nodeName) return { status: 204, headers: [], body: undefined };
    const { nodeName } = pod.spec;
    const open = (): Promise<Readable> => deps.nodes.logs(nodeName, podRef(pod), { ...asked, container });
    if (asked.follow && deps.terms) return await followUntil(deps.terms, call, open);
    const log = await open();
    if (call.upgradable && upgradeKind(request) === 'websocket') {
      const protocol = webSocketProtocol(request, readerProtocols);
      return webSocketResponse(request, protocol, ({ socket, head }) => {
        const connection = createWebSocket(socket, head);
        connection.onClose(() => log.destroy());
        log.on('data', (chunk: Buffer) => {
          log.pause();
          connection.send(protocol.startsWith('base64') ? chunk.toString('base64') : chunk, () => log.resume());
        });
        log.on('end', () => connection.close());
        log.on('error', () => connection.close(1011));
      });
    }
    return { status: 200, headers: ['Content-Type', 'text/plain'], body: { stream: (out) => pipe(log, out) } };
  };
}

/** The log ends, as if the container had said no more, when its time is up. */
async function followUntil(terms: StreamTerms, call: Call, open: () => Promise<Readable>): Promise<ApiResponse> {
  const remainingMs = (call.request.deadline ?? Infinity) - call.receivedAt;
  const grant = await terms.follow({ remainingMs });
  let log: Readable;
  try {
    log = await open();
  } catch (error) {
    grant.release();
    throw error;
  }
  const stream = (out: ResponseStream): void => {
    const timer = setTimeout(() => out.end(), Math.min(grant.ms, 0x7fffffff));
    out.onClose(() => {
      clearTimeout(timer);
      grant.release();
    });
    pipe(log, out);
  };
  return { status: 200, headers: ['Content-Type', 'text/plain'], body: { stream } };
}

/** More than this waiting, and the source is held back. */
const highWater = 256 * 1024;
const retryMs = 20;

/** The sink does not say when it has room again, so it is asked. */
export function pipe(source: Readable, out: ResponseStream): void {
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    timer = undefined;
    if (out.pendingBytes < highWater) source.resume();
    else timer = setTimeout(check, retryMs);
  };
  out.onClose(() => {
    clearTimeout(timer);
    source.destroy();
  });
  source.on('data', (chunk: Buffer | string) => {
    out.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    if (out.pendingBytes < highWater) return;
    source.pause();
    timer ??= setTimeout(check, retryMs);
  });
  source.on('end', () => out.end());
  source.on('error', () => out.destroy());
}

const streams = ['All', 'Stderr', 'Stdout'] as const;

/** Errors: 400 for what is no number or time, 422 for values that cannot be. */
function logOptions(query: Query, name: string): LogOptions {
  const integer = (parameter: string): number | undefined => int64Parameter(query.get(parameter));
  const [tailLines, limitBytes, sinceSeconds] = [integer('tailLines'), integer('limitBytes'), integer('sinceSeconds')];
  const sinceText = query.get('sinceTime');
  const sinceTime = sinceText === undefined ? undefined : new Date(sinceText);
  if (sinceTime && Number.isNaN(sinceTime.getTime())) {
    throw badRequest(
      `parsing time ${JSON.stringify(sinceText)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceText)} as "2006"`,
    );
  }
  const errors: FieldError[] = [];
  const wrong = (field: string, value: unknown, detail: string): void =>
    void errors.push({
      type: 'FieldValueInvalid',
      field,
      message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
    });
  const forbidden = (detail: string): void =>
    void errors.push({ type: 'FieldValueForbidden', field: '[]', message: `Forbidden: ${detail}` });
  if (tailLines !== undefined && tailLines < 0) wrong('tailLines', tailLines, 'must be greater than or equal to 0');
  if (limitBytes !== undefined && limitBytes < 1) wrong('limitBytes', limitBytes, 'must be greater than 0');
  if (sinceSeconds !== undefined && sinceTime)
    forbidden('at most one of `sinceTime` or `sinceSeconds` may be specified');
  else if (sinceSeconds !== undefined && sinceSeconds < 1)
    wrong('sinceSeconds', sinceSeconds, 'must be greater than 0');
  const stream = query.get('stream') ?? 'All';
  if (!(streams as readonly string[]).includes(stream)) {
    const message = `Unsupported value: ${JSON.stringify(stream)}: supported values: ${streams.map((s) => JSON.stringify(s)).join(', ')}`;
    errors.push({ type: 'FieldValueNotSupported', field: 'stream', message });
  } else if (stream !== 'All' && tailLines !== undefined) {
    forbidden('`tailLines` and specific `stream` are mutually exclusive for now');
  }
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, errors);
  return {
    container: query.get('container') ?? '',
    follow: booleanParameter(query.get('follow')) ?? false,
    previous: booleanParameter(query.get('previous')) ?? false,
    timestamps: booleanParameter(query.get('timestamps')) ?? false,
    ...(sinceTime ? { sinceTime } : {}),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    stream: stream as (typeof streams)[number],
  };
}
