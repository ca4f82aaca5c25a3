import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import {
  ApiError,
  badRequest,
  forbidden,
  gone,
  internalError,
  isConflict,
  isNotFound,
  requestEntityTooLarge,
  unauthorized,
} from '@nodeless/apimachinery/status';
import { formatTime } from '@nodeless/apimachinery/time';
import type { Client } from '@nodeless/client/client';
import { pods } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { Hono } from 'hono';
import {
  agentAudience,
  type AgentReport,
  type AgentTiming,
  maxReportBytes,
  paths,
  type ReportResponse,
  type TokenQuery,
  type TokenResponse,
} from '../agent/agent-protocol.ts';
import { applyReport } from '../agent/apply-report.ts';
import type { ConnectedProvider } from '../kubelet-api/in-process-connection.ts';
import type { ClusterDns } from '../pod-dns.ts';
import { requestToken } from '../service-account-tokens.ts';
import { projectedTokens, readAgentVolumes } from './agent-volumes.ts';
import { bootDocument } from './boot-document.ts';
import { createKubeletApi } from './kubelet-api.ts';
import { parseEndpointsQuery, parseReport, parseTokenQuery } from './parse-body.ts';
import type { AgentProgram } from './program.ts';
import { recordEvents } from './report-events.ts';
import type { ServiceDirectory } from './service-directory.ts';
import type { TokenVerifier } from './token-verifier.ts';

export interface AgentDoorDeps {
  readonly verify: TokenVerifier;
  /** The pod as the store has it now; undefined = there is none. Not a question of permissions: a wrong `undefined` ends tasks. */
  readonly readPod: (namespace: string, name: string) => Promise<Pod | undefined>;
  /** Acts as this node. */
  readonly clientFor: (nodeName: string) => Client;
  readonly provider: ConnectedProvider;
  readonly program: () => Promise<AgentProgram>;
  readonly dns: ClusterDns;
  /** Absent: no Service has the `agent` data path. */
  readonly services?: ServiceDirectory;
  /** In place of the usual ones. */
  readonly timing?: Partial<AgentTiming>;
  readonly clock: Clock;
  readonly log: Logger;
}

export type FetchHandler = (request: Request) => Promise<Response>;

const conflictTries = 5;

/** The virtual kubelet's HTTP door: the agent protocol for agents, the kubelet's API for the API server. Never rejects. */
export function createAgentDoor(deps: AgentDoorDeps): FetchHandler {
  const { verify, readPod, clientFor, clock, log } = deps;
  const kubeletApi = createKubeletApi(deps);

  /** The pod whose agent asks. Errors: 401, 410. */
  const podOf = async (request: Request): Promise<Pod> => {
    const identity = await verify.agent(bearer(request));
    if (!identity) throw unauthorized();
    const pod = await readPod(identity.namespace, identity.podName);
    if (!pod || pod.metadata?.uid !== identity.podUid || !pod.spec?.nodeName)
      throw gone(`pod ${identity.namespace}/${identity.podName} (${identity.podUid}) does not exist any more`);
    return pod;
  };
  const asNode = (pod: Pod): Client => clientFor(pod.spec?.nodeName ?? '');

  const issue = async (pod: Pod, query: TokenQuery): Promise<TokenResponse> => {
    const issued = await requestToken(asNode(pod), clock, pod, query.audience, query.expirationSeconds);
    return { token: issued.token, expiresAt: iso(issued.expiresAt), renewAt: iso(issued.renewAt) };
  };

  const boot = async (pod: Pod): Promise<Response> => {
    const [volumes, tokens] = await Promise.all([
      readAgentVolumes(pod, asNode(pod)),
      Promise.all(projectedTokens(pod).map(async (query) => ({ ...query, ...(await issue(pod, query)) }))),
    ]);
    const { dns, timing, services } = deps;
    return json(bootDocument({ pod, volumes, tokens, dns, withServices: services !== undefined, timing }));
  };

  const token = async (pod: Pod, request: Request): Promise<Response> => {
    const query = parseTokenQuery(await readJson(request, 4096));
    const allowed =
      query.audience === agentAudience ||
      projectedTokens(pod).some(
        (t) => t.audience === query.audience && t.expirationSeconds === query.expirationSeconds,
      );
    if (!allowed)
      throw forbidden(
        { group: '', resource: '' },
        '',
        `no volume of the pod projects a token for audience ${JSON.stringify(query.audience)}`,
      );
    return json(await issue(pod, query));
  };

  const report = async (found: Pod, request: Request): Promise<Response> => {
    const sent = parseReport(await readJson(request, maxReportBytes));
    if (sent.podUid !== found.metadata?.uid) throw badRequest('the report is about another pod');
    const { accepted, news } = await merge(found, sent);
    if (news && sent.events.length > 0) {
      // Events are best effort: the report has arrived either way.
      await recordEvents(asNode(found), found, sent).catch((error: unknown) =>
        log.warn('events of an agent could not be recorded', { pod: found.metadata?.name, error }),
      );
    }
    return json({ accepted } satisfies ReportResponse);
  };

  const merge = async (found: Pod, sent: AgentReport): Promise<{ accepted: boolean; news: boolean }> => {
    let pod = found;
    for (let attempt = 1; ; attempt++) {
      const applied = applyReport(pod, sent, formatTime(clock.now()));
      if (applied.outcome !== 'changed')
        return { accepted: applied.outcome !== 'stale', news: applied.outcome !== 'stale' };
      try {
        await asNode(pod).update(pods, applied.pod, { subresource: 'status' });
        return { accepted: true, news: true };
      } catch (error) {
        if (isNotFound(error) || (isConflict(error) && attempt < conflictTries)) {
          const fresh = await readPod(pod.metadata?.namespace ?? '', pod.metadata?.name ?? '');
          if (!fresh || fresh.metadata?.uid !== pod.metadata?.uid) throw gone('the pod does not exist any more');
          pod = fresh;
          if (!isNotFound(error)) continue;
        }
        throw error;
      }
    }
  };

  const app = new Hono<{ Variables: { pod: Pod } }>();
  app.onError((error, { req }) => {
    const known = error instanceof ApiError ? error : internalError(error);
    if (known.code >= 500) log.error('the request could not be served', { path: req.path, error });
    return statusResponse(known);
  });
  app.notFound(({ req }) => statusResponse(unknownPath(req.path)));
  // Whoever has no token of ours learns nothing, not even which paths there are.
  app.use(async (context, next) => {
    const request = context.req.raw;
    if (context.req.path.startsWith('/agent/')) context.set('pod', await podOf(request));
    else if (!(await verify.apiServer(bearer(request)))) throw unauthorized();
    await next();
  });
  app.get(paths.program, async ({ req }) => {
    const { body, revision } = await deps.program();
    const headers = { 'content-type': 'text/javascript; charset=utf-8' };
    return tagged(req.raw, revision, () => new Response(body, { headers }));
  });
  app.get(paths.boot, ({ var: { pod } }) => boot(pod));
  app.get(paths.volumes, async ({ req, var: { pod } }) => {
    const { response } = await readAgentVolumes(pod, asNode(pod));
    return tagged(req.raw, response.revision, () => json(response));
  });
  app.post(paths.token, ({ req, var: { pod } }) => token(pod, req.raw));
  app.post(paths.report, ({ req, var: { pod } }) => report(pod, req.raw));
  const { services } = deps;
  if (services) {
    app.get(paths.services, async ({ req, var: { pod } }) => {
      const table = await services.table(pod);
      return table ? tagged(req.raw, table.revision, () => json(table)) : statusResponse(unknownPath(req.path));
    });
    app.post(paths.endpoints, async ({ req, var: { pod } }) =>
      json(await services.endpoints(pod, parseEndpointsQuery(await readJson(req.raw, maxReportBytes)))),
    );
  }
  for (const path of Object.values(paths)) {
    if (!services && (path === paths.services || path === paths.endpoints)) continue;
    app.all(path, ({ req }) => {
      throw new ApiError({ code: 405, reason: 'MethodNotAllowed', message: `${req.method} is not for ${path}` });
    });
  }
  app.all('/healthz', ({ text }) => text('ok'));
  app.all('/nodes/*', ({ req }) => kubeletApi(req.raw, new URL(req.url)));
  return async (request) => await app.fetch(request);
}

function bearer(request: Request): string {
  const header = request.headers.get('authorization') ?? '';
  return /^bearer +(\S+)$/i.exec(header)?.[1] ?? '';
}

async function readJson(request: Request, limit: number): Promise<unknown> {
  const tooLarge = (): Error => requestEntityTooLarge(`limit is ${limit}`);
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw badRequest('the body is no JSON');
  }
}

const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
const json = (body: unknown): Response => new Response(JSON.stringify(body), { headers });

function tagged(request: Request, revision: string, answer: () => Response): Response {
  const etag = `"${revision}"`;
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers: { etag } });
  const response = answer();
  response.headers.set('etag', etag);
  return response;
}

function statusResponse(error: ApiError): Response {
  const seconds = error.status.details?.retryAfterSeconds;
  return new Response(JSON.stringify(error.status), {
    status: error.code,
    headers: { ...headers, ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }) },
  });
}

const unknownPath = (path: string): ApiError =>
  new ApiError({
    code: 404,
    reason: 'NotFound',
    message: `the server could not find the requested resource: ${path.slice(0, 200)}`,
  });
const iso = (ms: number): string => new Date(ms).toISOString();
