import { ApiError, type Status, badRequest, serviceUnavailable } from '@nodeless/apimachinery/status';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { Readable } from 'node:stream';
import type { LogOptions, NodeConnection, PodRef } from './node-connection.ts';

export interface HttpNodeConnectionOptions {
  /** Of the kubelet's door, without a slash at the end; asked for each time, for it can be unknown at first. */
  readonly url: () => Promise<string>;
  /** A bearer token for it. */
  readonly token: () => Promise<string>;
  readonly fetch?: (request: Request) => Promise<Response>;
}

/**
 * How the API server reaches nodes whose kubelet is a function with a URL: `<url>/nodes/<node>` and then the path at a kubelet.
 * Logs and what is plain HTTP go through; a function has no connection to take over, so the others are refused, with what to
 * do instead.
 */
export function createHttpNodeConnection(options: HttpNodeConnectionOptions): NodeConnection {
  const send = options.fetch ?? ((request: Request) => fetch(request));

  const ask = async (nodeName: string, path: string, init: RequestInit = {}): Promise<Response> => {
    const base = await options.url();
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${await options.token()}`);
    const request = new Request(`${base}/nodes/${encodeURIComponent(nodeName)}${path}`, { ...init, headers });
    try {
      return await send(request);
    } catch (error) {
      const cause = (error as { cause?: unknown }).cause ?? error;
      throw serviceUnavailable(
        `node ${quoteGo(nodeName)} is not reachable: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    }
  };

  return {
    async logs(nodeName, pod, asked) {
      const path = ['containerLogs', pod.namespace, pod.name, asked.container].map(encodeURIComponent).join('/');
      const answer = await ask(nodeName, `/${path}?${logQuery(pod, asked).toString()}`);
      if (!answer.ok) throw await problem(answer);
      return readable(answer);
    },
    refuses: refusal,
    exec: (nodeName) => Promise.reject(refusal('exec', nodeName)),
    attach: (nodeName) => Promise.reject(refusal('attach', nodeName)),
    portForward: (nodeName) => Promise.reject(refusal('port-forward', nodeName)),
    async proxy(nodeName, { method, path, headers, body }) {
      if (body && method !== 'GET' && method !== 'HEAD')
        throw badRequest('a request with a body cannot be sent on to this node');
      const kept = Object.entries(headers).filter(([name]) =>
        ['accept', 'accept-encoding'].includes(name.toLowerCase()),
      );
      const answer = await ask(nodeName, path.startsWith('/') ? path : `/${path}`, {
        method,
        headers: Object.fromEntries(kept),
      });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: readable(answer) };
    },
  };
}

function logQuery(pod: PodRef, asked: LogOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (pod.uid !== '') query.set('uid', pod.uid);
  for (const flag of ['follow', 'previous', 'timestamps'] as const) if (asked[flag]) query.set(flag, 'true');
  for (const number of ['tailLines', 'sinceSeconds', 'limitBytes'] as const)
    if (asked[number] !== undefined) query.set(number, String(asked[number]));
  if (asked.sinceTime) query.set('sinceTime', asked.sinceTime.toISOString());
  if (asked.stream) query.set('stream', asked.stream);
  return query;
}

const readable = (answer: Response): Readable =>
  answer.body ? Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]) : Readable.from([]);

/** The Status that the kubelet answered, or one that says that it was none. */
async function problem(answer: Response): Promise<ApiError> {
  const text = (await answer.text()).slice(0, 4096);
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status' && typeof status.message === 'string') {
      const { message, reason, details } = status;
      // Its own refusal of us is no refusal of the client.
      const code = answer.status === 401 ? 500 : answer.status;
      return new ApiError({ code, reason: answer.status === 401 ? 'InternalError' : reason, message, details });
    }
  } catch {
    // A page of something in between.
  }
  return new ApiError({
    code: 500,
    reason: 'InternalError',
    message: `the kubelet answered ${answer.status}: ${text}`,
  });
}

const instead = {
  exec: 'run the command in a pod of its own, with kubectl run or a Job',
  attach: 'read its output with kubectl logs --follow',
  'port-forward': 'give the pod a Service of type LoadBalancer, or an Ingress',
} as const;

function refusal(what: keyof typeof instead, nodeName: string): ApiError {
  return new ApiError({
    code: 501,
    reason: 'NotImplemented',
    message: `${what} is not supported on node ${quoteGo(nodeName)}, whose pods are Fargate tasks: ${instead[what]}`,
  });
}
