import { Readable } from 'node:stream';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { ApiError, badRequest, notFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import type { LogOptions } from '@nodeless/client/node-connection';
import { pods } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import { createInProcessConnection, type ConnectedProvider } from '../kubelet-api/in-process-connection.ts';
import type { KubeletView } from '../kubelet-api/kubelet-endpoints.ts';

export interface KubeletApiDeps {
  readonly readPod: (namespace: string, name: string) => Promise<Pod | undefined>;
  readonly clientFor: (nodeName: string) => Client;
  readonly provider: ConnectedProvider;
  readonly clock: Clock;
}

/**
 * What the API server asks of a node: `/nodes/<node>` and then the path at a kubelet. Logs come with the kubelet's own
 * refusals; one function stands for all nodes, so nothing is kept between requests.
 */
export function createKubeletApi(deps: KubeletApiDeps): (request: Request, url: URL) => Promise<Response> {
  const { readPod, clientFor, provider, clock } = deps;
  const startedAt = clock.now();

  const viewOf = (nodeName: string, list: readonly Pod[]): KubeletView => ({
    nodeName,
    find: (namespace, name) => list.find((p) => p.metadata?.namespace === namespace && p.metadata.name === name),
    list: () => list,
    now: () => clock.now(),
    startedAt,
  });
  const connection = (nodeName: string, list: readonly Pod[]) => {
    const view = viewOf(nodeName, list);
    return createInProcessConnection({ view: (name) => (name === nodeName ? view : undefined), provider });
  };

  const logs = async (request: Request, nodeName: string, rest: readonly string[], query: URLSearchParams) => {
    const [namespace = '', name = '', container = ''] = rest;
    const pod = await readPod(namespace, name);
    const here = pod?.spec?.nodeName === nodeName ? [pod] : [];
    const options = logOptions(container, query);
    const stream = await connection(nodeName, here).logs(
      nodeName,
      { namespace, name, uid: query.get('uid') ?? '' },
      options,
    );
    return streamed(request, 200, { 'content-type': 'text/plain; charset=utf-8' }, stream);
  };

  return async (request, url) => {
    const [, , nodeName = '', ...segments] = url.pathname.split('/').map(decoded);
    const [what = '', ...rest] = segments;
    if (nodeName === '' || what === '') throw notFound({ group: '', resource: '' }, url.pathname);
    if (['exec', 'attach', 'portForward', 'run'].includes(what))
      throw new ApiError({
        code: 501,
        reason: 'NotImplemented',
        message: `${what} is not supported over this connection`,
      });
    if (what === 'containerLogs') {
      if (request.method !== 'GET') throw badRequest(`logs are read with GET, not ${request.method}`);
      return logs(request, nodeName, rest, url.searchParams);
    }
    const needsPods = what !== 'healthz';
    const list = needsPods
      ? (await clientFor(nodeName).list(pods, { fieldSelector: `spec.nodeName=${nodeName}` })).items
      : [];
    const path = `/${segments.map(encodeURIComponent).join('/')}${url.search}`;
    const { status, headers, body } = await connection(nodeName, list).proxy(nodeName, {
      method: request.method,
      path,
      headers: {},
      body: undefined,
    });
    return streamed(request, status, headers, body);
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest('the path is not valid');
  }
}

/** As they are written by http-node-connection.ts, which has them checked by the API server. */
function logOptions(container: string, query: URLSearchParams): LogOptions {
  const number = (key: string): Partial<Record<string, number>> => {
    const text = query.get(key);
    if (text === null) return {};
    if (!/^\d{1,15}$/.test(text)) throw badRequest(`${key} is no number`);
    return { [key]: Number(text) };
  };
  const sinceTime = query.get('sinceTime');
  if (sinceTime !== null && Number.isNaN(Date.parse(sinceTime))) throw badRequest('sinceTime is no time');
  const stream = query.get('stream');
  return {
    container,
    follow: query.get('follow') === 'true',
    previous: query.get('previous') === 'true',
    timestamps: query.get('timestamps') === 'true',
    ...number('tailLines'),
    ...number('sinceSeconds'),
    ...number('limitBytes'),
    ...(sinceTime === null ? {} : { sinceTime: new Date(sinceTime) }),
    ...(stream === 'Stdout' || stream === 'Stderr' || stream === 'All' ? { stream } : {}),
  };
}

/** Ends the source when nobody reads any more. */
function streamed(request: Request, status: number, headers: Record<string, string>, body: Readable): Response {
  request.signal.addEventListener('abort', () => body.destroy(), { once: true });
  // What is broken off while being read is the reader's to notice, and no reason for the process to end.
  body.on('error', () => {});
  return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, { status, headers });
}
