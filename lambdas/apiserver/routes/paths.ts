/** Everything that is no resource: one list of paths and who answers them. */
import { methodNotAllowed } from '@nodeless/registry/endpoint';
import type { Answer, Call } from '../call.ts';
import type { Discovery } from '../discovery.ts';
import type { ApiResponse } from '../exchange.ts';
import { jsonResponse, pageNotFound, textResponse } from '../responses.ts';
import { serveDiscovery, serveJson } from './discovery.ts';
import { type HealthCheck, serveHealth } from './health.ts';
import { type OpenApiSource, serveOpenApi } from './openapi.ts';

/** /version, as kube-apiserver's clients read it. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly emulationMajor: string;
  readonly emulationMinor: string;
  readonly minCompatibilityMajor: string;
  readonly minCompatibilityMinor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

export interface PathDeps {
  readonly discovery: () => Discovery;
  readonly health: readonly HealthCheck[];
  readonly version: VersionInfo;
  readonly openApi?: OpenApiSource;
  /** The issuer's documents, for those who check ServiceAccount tokens themselves. */
  readonly oidc?: {
    readonly issuer: string;
    readonly jwksUri: string;
    readonly algorithms: readonly string[];
    readonly jwks: unknown;
  };
  readonly metrics: () => string | Promise<string>;
}

const jwksPath = '/openid/v1/jwks';
const configurationPath = '/.well-known/openid-configuration';
const cacheHour = ['Cache-Control', 'public, max-age=3600'];

export function createPathHandler(deps: PathDeps): (call: Call) => Answer {
  return (call) => {
    const { path } = call.info;
    // What starts with two slashes is nobody's: upstream's mux takes it literally.
    if (path.startsWith('//')) return pageNotFound();
    const segments = path.split('/').filter((segment, i, all) => segment !== '' || (i > 0 && i < all.length - 1));
    switch (segments[0]) {
      case undefined:
        return path === '/' ? jsonResponse(200, { paths: listPaths(deps) }) : pageNotFound();
      case 'api':
      case 'apis':
        return serveDiscovery(call, segments, deps.discovery()) ?? pageNotFound();
      case 'healthz':
      case 'livez':
      case 'readyz':
        return serveHealth(call, segments, deps.health);
      case 'version':
        return segments.length === 1 ? serveJson(call, deps.version) : pageNotFound();
      case 'openapi':
        return (deps.openApi && serveOpenApi(call, segments.slice(1), deps.openApi)) ?? pageNotFound();
      case 'metrics':
        return segments.length === 1 ? serveMetrics(deps) : pageNotFound();
      default:
        return serveOidc(call, deps) ?? pageNotFound();
    }
  };
}

async function serveMetrics(deps: PathDeps): Promise<Awaited<Answer>> {
  const { headers: _, ...response } = textResponse(200, await deps.metrics());
  return { ...response, headers: ['Content-Type', 'text/plain; version=0.0.4; charset=utf-8'] };
}

function serveOidc(call: Call, { oidc }: PathDeps): Answer | undefined {
  const path = call.info.path.replace(/\/$/, '');
  if (!oidc || (path !== jwksPath && path !== configurationPath)) return undefined;
  if (call.request.method !== 'GET') throw methodNotAllowed();
  return oidcResponse(path, oidc);
}

/** One of the issuer's documents. */
export function oidcResponse(
  path: typeof jwksPath | typeof configurationPath,
  oidc: NonNullable<PathDeps['oidc']>,
): ApiResponse {
  const response =
    path === jwksPath
      ? jsonResponse(200, oidc.jwks, 'application/jwk-set+json')
      : jsonResponse(200, {
          issuer: oidc.issuer,
          jwks_uri: oidc.jwksUri,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: oidc.algorithms,
        });
  response.headers.push(...cacheHour);
  return response;
}

function listPaths(deps: PathDeps): string[] {
  const health = deps.health.flatMap((check) => check.for.map((endpoint) => `/${endpoint}/${check.name}`));
  return [
    configurationPath,
    ...deps.discovery().paths(),
    '/healthz',
    '/livez',
    '/readyz',
    ...health,
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openapi/v3/',
    jwksPath,
    '/version',
  ].sort();
}
