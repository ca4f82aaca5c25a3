/** pods/proxy, services/proxy and nodes/proxy: the API server as a way to what runs in the cluster. */
import type { Endpoints, Node, Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { badRequest, serviceUnavailable } from '@nodeless/apimachinery/status';
import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import type { NodeConnection } from '@nodeless/client/node-connection';
import { methodNotAllowed } from '@nodeless/registry/endpoint';
import { request as httpRequest } from '@nodeless/component-base/node-http';
import type { Registry } from '@nodeless/registry/registry';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { type Call, CallScope } from '../call.ts';
import type { ApiResponse } from '../exchange.ts';
import { pipe } from './pod-log.ts';
import {
  type ProxyName,
  type ProxyTarget,
  nodeTarget,
  podTarget,
  serviceTarget,
  splitProxyName,
} from './proxy-target.ts';

export interface ProxyDeps {
  readonly registry: Registry;
  readonly nodes: NodeConnection;
  readonly dialer: ClusterDialer;
  readonly random?: () => number;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const kinds = {
  pods: ['PodProxyOptions', 'pod'],
  services: ['ServiceProxyOptions', 'service'],
  nodes: ['NodeProxyOptions', 'node'],
} as const;

export function createProxy(
  deps: ProxyDeps,
  resource: keyof typeof kinds,
): (call: Call, scope: CallScope) => Promise<ApiResponse> {
  const [optionsKind, word] = kinds[resource];

  const targetOf = async (
    object: Readonly<object>,
    name: ProxyName,
    scope: CallScope,
  ): Promise<ProxyTarget | undefined> => {
    if (resource === 'pods') return podTarget(object as Pod, name);
    if (resource === 'nodes') return nodeTarget(object as Node, name);
    const endpoints = (await deps.registry.reader.get('', 'endpoints', scope.namespace, name.name)) as
      | Readonly<Endpoints>
      | undefined;
    return serviceTarget(object as Service, endpoints, name, scope.name, deps.random ?? Math.random);
  };

  return async (call, scope) => {
    if (!methods.has(call.request.method)) throw methodNotAllowed();
    const name = splitProxyName(scope.name);
    if (!name) throw badRequest(`invalid ${word} request ${JSON.stringify(scope.name)}`);
    const path = targetPath(call);
    const parent = new CallScope(call, 'proxy', scope.namespace, name.name);
    const { object } = await deps.registry.connect(parent, { kind: optionsKind, apiVersion: 'v1', path });
    const target = await targetOf(object, name, scope);
    // A page at the root needs the slash for its relative links.
    if (path === '' && (call.request.method === 'GET' || call.request.method === 'HEAD')) {
      const query = call.query.raw === '' ? '' : `?${call.query.raw}`;
      return { status: 301, headers: ['Location', `${call.info.path}/${query}`], body: undefined };
    }
    const wanted = {
      path: `${path || '/'}${call.query.raw === '' ? '' : `?${call.query.raw}`}`,
      headers: forwardedHeaders(call),
    };
    return target ? forward(deps.dialer, call, target, wanted) : forwardToNode(deps.nodes, call, name.name, wanted);
  };
}

interface Wanted {
  readonly path: string;
  /** Names and values, alternating. */
  readonly headers: string[];
}

/** What follows `/proxy` in the path, as sent: escapes stay what they are. */
function targetPath({ request, info }: Call): string {
  const before = info.path.replace(/^\/+|\/+$/g, '').split('/').length - info.parts.length;
  // After the leading slash: what comes before the resource, the resource, the name.
  const at = 1 + before + 2;
  const segments = (request.target.split('?', 1)[0] as string).split('/');
  const rest = segments[at] === 'proxy' ? segments.slice(at + 1) : info.parts.slice(3);
  return rest.length === 0 ? '' : `/${rest.join('/')}`;
}

const hopByHop = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The client's own credentials are the API server's to know and nobody else's. */
function forwardedHeaders({ request, upgradable }: Call): string[] {
  const headers: string[] = [];
  const raw = request.rawHeaders();
  const upgrade = upgradable ? request.header('upgrade') : undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (
      hopByHop.has(name) ||
      name === 'authorization' ||
      name === 'host' ||
      name.startsWith('impersonate-') ||
      name.startsWith(':')
    )
      continue;
    headers.push(raw[i] as string, raw[i + 1] as string);
  }
  if (request.remoteAddress !== '') headers.push('X-Forwarded-For', request.remoteAddress);
  if (upgrade !== undefined) headers.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  return headers;
}

const failures: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ETIMEDOUT: 'i/o timeout',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
};

/** Worded as Go's dialer does, which is what people search for. */
function dialFailure(error: unknown, address: string, port: number): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  const known = typeof code === 'string' && Object.hasOwn(failures, code) ? failures[code] : undefined;
  if (known === undefined) return error instanceof Error ? error.message : String(error);
  const host = address.includes(':') ? `[${address}]` : address;
  return `dial tcp ${host}:${port}: ${known === 'i/o timeout' ? known : `connect: ${known}`}`;
}

async function forward(
  dialer: ClusterDialer,
  call: Call,
  { scheme, address, port }: ProxyTarget,
  { path, headers }: Wanted,
): Promise<ApiResponse> {
  let socket: Duplex;
  try {
    socket = await dialer.connect(address, port);
  } catch (error) {
    throw serviceUnavailable(`error trying to reach service: ${dialFailure(error, address, port)}`);
  }
  // Upstream does not check what a pod shows either: nothing vouches for its name.
  const connection = scheme === 'https' ? tlsConnect({ socket, rejectUnauthorized: false }) : socket;
  const host = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return new Promise((resolve, reject) => {
    const { request } = call;
    const outgoing: ClientRequest = httpRequest({
      method: request.method,
      path,
      headers: [...headers, 'Host', host],
      createConnection: () => connection as never,
    });
    outgoing.on('error', (error) => {
      connection.destroy();
      reject(serviceUnavailable(`error trying to reach service: ${error.message}`));
    });
    outgoing.on('response', (response) => resolve(proxied(call, response)));
    outgoing.on('upgrade', (response: IncomingMessage, upstream: Duplex, head: Buffer) =>
      resolve({
        status: 101,
        headers: [
          'Connection',
          'Upgrade',
          ...keptHeaders(response.rawHeaders),
          'Upgrade',
          response.headers.upgrade ?? '',
        ],
        body: {
          upgraded(client) {
            if (head.byteLength > 0) client.socket.write(head);
            if (client.head.byteLength > 0) upstream.write(client.head);
            join(client.socket, upstream);
          },
        },
      }),
    );
    request.onAbort(() => outgoing.destroy());
    request.openBody().pipe(outgoing);
  });
}

function join(a: Duplex, b: Duplex): void {
  const close = (): void => {
    a.destroy();
    b.destroy();
  };
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', close);
    from.on('close', close);
    from.pipe(to);
  }
}

function keptHeaders(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2)
    if (!hopByHop.has((raw[i] as string).toLowerCase())) headers.push(raw[i] as string, raw[i + 1] as string);
  return headers;
}

function proxied(call: Call, response: IncomingMessage): ApiResponse {
  const headers = rewriteLocation(keptHeaders(response.rawHeaders), call);
  const status = response.statusCode ?? 502;
  if (call.request.method === 'HEAD' || status === 204 || status === 304) {
    response.resume();
    return { status, headers, body: undefined };
  }
  return { status, headers, body: { stream: (out) => pipe(response, out) } };
}

/** A redirect within the target has to lead through the proxy again. */
function rewriteLocation(headers: string[], { info }: Call): string[] {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'location');
  const location = at < 0 ? '' : (headers[at + 1] as string);
  if (!location.startsWith('/') || location.startsWith('//')) return headers;
  const prefix = info.path.slice(0, info.path.indexOf('/proxy') + '/proxy'.length);
  return headers.with(at + 1, prefix + location);
}

async function forwardToNode(
  nodes: NodeConnection,
  call: Call,
  node: string,
  { path, headers }: Wanted,
): Promise<ApiResponse> {
  const { request } = call;
  const fields: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) fields[(headers[i] as string).toLowerCase()] = headers[i + 1] as string;
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  const answer = await nodes.proxy(node, {
    method: request.method,
    path,
    headers: fields,
    body: hasBody ? (request.openBody() as Readable) : undefined,
  });
  const kept = Object.entries(answer.headers).flatMap(([name, value]) =>
    hopByHop.has(name.toLowerCase()) ? [] : [name, value],
  );
  return { status: answer.status, headers: kept, body: { stream: (out) => pipe(answer.body, out) } };
}
