/**
 * The API server: everything between a request and the registry, in upstream's order. Transport-neutral: node-door.ts and
 * function-url-door.ts carry requests to `handle`. Steps that have their answer at once take no turn of the event loop.
 */
import { type ApiError, unauthorized } from '@nodeless/apimachinery/status';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { Authorizer, Decision } from '@nodeless/registry/authorization/authorizer';
import { forbiddenError } from '@nodeless/registry/authorization/forbidden';
import type { Registry } from '@nodeless/registry/registry';
import type { UserInfo } from '@nodeless/registry/strategy';
import { randomUUID } from 'node:crypto';
import type { Audit } from './audit.ts';
import { impersonate, wantsImpersonation } from './authentication/impersonation.ts';
import type { RequestAuthenticator } from './authentication/authenticator.ts';
import { type Answer, Call } from './call.ts';
import { discoveryOf } from './discovery.ts';
import type { ApiRequest, ApiResponse } from './exchange.ts';
import { type InFlightLimits, createInFlight, isLongRunning } from './in-flight.ts';
import { createRequestMetrics } from './metrics.ts';
import { Query, emptyQuery } from './query.ts';
import { decodePath, requestInfo } from './request-info.ts';
import { errorResponse, statusOf, textResponse } from './responses.ts';
import { type ConnectDeps, createConnector } from './routes/connect.ts';
import { type PathDeps, createPathHandler } from './routes/paths.ts';
import { createResourceHandler } from './routes/resources.ts';
import { createWatchServer } from './routes/watch.ts';
import type { StreamTerms } from './stream-terms.ts';

export interface ApiServerDeps extends Omit<PathDeps, 'discovery' | 'metrics'>, ConnectDeps {
  readonly registry: Registry;
  readonly authenticator: RequestAuthenticator;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit?: Audit;
  readonly limits?: InFlightLimits;
  /** How long watches and followed logs may go on. Absent: as long as they want. */
  readonly terms?: StreamTerms;
  /** More text for /metrics: what other components of this process count. */
  readonly moreMetrics?: () => string | Promise<string>;
}

export interface ApiServer {
  /** Never rejects and never throws: whatever goes wrong becomes a response. */
  handle(request: ApiRequest, upgradable?: boolean): Answer;
}

/** The flow schema and priority level that requests are told to belong to; there is one queue for all. */
const flowHeaders = [
  'X-Kubernetes-Pf-Flowschema-Uid',
  '5c4f2b8e-0f5e-4a51-9c6a-6d0c1f6a7b01',
  'X-Kubernetes-Pf-Prioritylevel-Uid',
  '8d1e7a34-93c2-4f0b-8a77-2b9e4c5d6f02',
];
const maxAuditId = 64;

export function createApiServer(deps: ApiServerDeps): ApiServer {
  const { registry, authenticator, authorizer, clock, log, audit } = deps;
  const metrics = createRequestMetrics();
  const inFlight = createInFlight(deps.limits);
  const discovery = discoveryOf(registry.resources);
  const watches = createWatchServer({ registry, clock, metrics, terms: deps.terms });
  const now = (): number => clock.now();
  const gauges = (): Parameters<typeof metrics.text>[0] => ({
    apiserver_current_inflight_requests: {
      help: 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
      values: [
        { labels: { request_kind: 'mutating' }, value: inFlight.counts.mutating },
        { labels: { request_kind: 'readOnly' }, value: inFlight.counts.readOnly },
      ],
    },
    apiserver_registered_watchers: {
      help: 'Number of currently registered watchers for a given resources',
      values: [{ labels: {}, value: watches.open }],
    },
  });
  const servePath = createPathHandler({
    ...deps,
    discovery,
    metrics: async () => metrics.text(gauges()) + ((await deps.moreMetrics?.()) ?? ''),
  });
  const serveResource = createResourceHandler({
    registry,
    watches,
    connector: createConnector(deps),
    groups: () => discovery().groups,
    now,
  });

  const authenticated = (call: Call, user: UserInfo | undefined): Answer => {
    if (!user) throw unauthorized();
    call.user = user;
    if (!wantsImpersonation(call.request)) return admitted(call);
    return impersonate(call.request, call.attributes, authorizer).then((as) => {
      if (as !== user) [call.impersonator, call.user] = [user, as];
      return admitted(call);
    });
  };

  const admitted = (call: Call): Answer => {
    const place = inFlight.enter(call.info, call.user);
    if (place === 'refused') {
      const busy = textResponse(429, 'Too many requests, please try again later.\n');
      busy.headers.push('Retry-After', '1');
      return busy;
    }
    call.release = place;
    const decision = authorizer.authorize(call.attributes);
    return decision instanceof Promise ? decision.then((d) => authorized(call, d)) : authorized(call, decision);
  };

  const authorized = (call: Call, { decision, reason }: Decision): Answer => {
    if (audit) {
      call.annotate('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid');
      call.annotate('authorization.k8s.io/reason', reason);
    }
    if (decision !== 'allow') throw forbiddenError(call.attributes, reason);
    // Authorized by what it would be, but routed as it is written: no route begins with two slashes.
    return call.info.isResource && !call.info.path.startsWith('//') ? serveResource(call) : servePath(call);
  };

  const failed = (call: Call, error: unknown): ApiResponse => {
    const status = statusOf(error);
    if ((status.code ?? 500) >= 500 && !(error instanceof Error && error.name === 'ApiError')) {
      log.error('request failed', { method: call.request.method, path: call.info.path, auditId: call.auditId, error });
    }
    return errorResponse(call.request, call.query, error);
  };

  /** Adds what every response carries, and sees to what is to be done when it is over. */
  const finished = (call: Call, response: ApiResponse, message: string | undefined): ApiResponse => {
    const { headers } = response;
    headers.push('Audit-Id', call.auditId);
    if (!headers.includes('Cache-Control')) headers.push('Cache-Control', 'no-cache, private');
    headers.push(...flowHeaders);
    for (const value of call.warningHeaders()) headers.push('Warning', value);
    const { body } = response;
    if (typeof body === 'object' && 'stream' in body) {
      audit?.started(call, response.status);
      return {
        ...response,
        body: {
          ...body,
          stream(out) {
            out.onClose(() => completed(call, response.status, undefined));
            body.stream(out);
          },
        },
      };
    }
    if (typeof body === 'object' && 'upgraded' in body) {
      audit?.started(call, response.status);
      return {
        ...response,
        body: {
          upgraded(connection) {
            connection.socket.once('close', () => completed(call, response.status, undefined));
            body.upgraded(connection);
          },
        },
      };
    }
    completed(call, response.status, message);
    return call.request.method === 'HEAD' ? { ...response, body: undefined } : response;
  };

  const completed = (call: Call, code: number, message: string | undefined): void => {
    call.release?.();
    call.release = undefined;
    audit?.completed(call, code, message);
    const { info } = call;
    const verb = metricVerb(call);
    const scope = !info.isResource
      ? ''
      : info.name !== ''
        ? 'resource'
        : info.namespace !== ''
          ? 'namespace'
          : 'cluster';
    const { group, version, resource, subresource } = info;
    metrics.record(
      {
        verb,
        group,
        version,
        resource: info.isResource ? resource : '',
        subresource: info.isResource ? subresource : knownPath(info.path),
        scope,
        code,
      },
      isLongRunning(info) ? 0 : (clock.now() - call.receivedAt) / 1000,
    );
  };

  const serve = (call: Call): Answer => {
    const user = authenticator.authenticate(call.request);
    return user instanceof Promise ? user.then((found) => authenticated(call, found)) : authenticated(call, user);
  };

  return {
    handle(request, upgradable = false) {
      const call = createCall(request, upgradable, clock.now());
      if (!(call instanceof Call)) return call;
      const fail = (error: unknown): ApiResponse => finished(call, failed(call, error), (error as ApiError).message);
      try {
        const answer = serve(call);
        return answer instanceof Promise
          ? answer.then((response) => finished(call, response, undefined)).catch(fail)
          : finished(call, answer, undefined);
      } catch (error) {
        return fail(error);
      }
    },
  };
}

function createCall(request: ApiRequest, upgradable: boolean, receivedAt: number): Call | ApiResponse {
  const { target, method } = request;
  const question = target.indexOf('?');
  const path = decodePath(question < 0 ? target : target.slice(0, question));
  // net/http refuses such a request before any handler sees it.
  if (path === undefined || path.charCodeAt(0) !== 0x2f) return textResponse(400, '400 Bad Request');
  const query = question < 0 ? emptyQuery : new Query(target.slice(question + 1));
  const info = requestInfo(method, path, query);
  if (!info) {
    const url = target.replace(/[&<>]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : '&gt;'));
    return textResponse(
      500,
      `Internal Server Error: ${JSON.stringify(url)}: failed to create RequestInfo: unable to determine kind and namespace from url, ${url}\n`,
    );
  }
  const asked = request.header('audit-id');
  const auditId = asked === undefined || asked === '' ? randomUUID() : asked.slice(0, maxAuditId);
  return new Call(request, query, info, auditId, receivedAt, upgradable);
}

const pathPrefixes = new Set([
  'api',
  'apis',
  'healthz',
  'livez',
  'readyz',
  'version',
  'openapi',
  'metrics',
  'openid',
  '.well-known',
]);

/** A path for a metric's label: what clients make up does not become a series. */
function knownPath(path: string): string {
  const first = path.split('/', 2)[1] ?? '';
  return pathPrefixes.has(first) ? `/${first}` : '';
}

const writeVerbs: Readonly<Record<string, string>> = {
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
};

function metricVerb({ info, request }: Call): string {
  if (
    info.isResource &&
    (info.subresource === 'exec' ||
      info.subresource === 'attach' ||
      info.subresource === 'portforward' ||
      info.subresource === 'proxy')
  )
    return 'CONNECT';
  return (
    (info.isResource ? writeVerbs[info.verb] : undefined) ??
    (standardMethods.has(request.method) ? request.method : 'OTHER')
  );
}
const standardMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
