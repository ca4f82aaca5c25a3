/**
 * Who may come in at a public URL, which is a bill that anybody can run up: whoever shows no credential that could be good is sent
 * away before a body is read or the store is touched. The API server behind it authenticates again, from what is remembered.
 */
import { unauthorized } from '@nodeless/apimachinery/status';
import { timingSafeEqual } from 'node:crypto';
import type { ApiRequest, ApiResponse } from './exchange.ts';
import { bearerToken, cannotTell } from './authentication/request-authenticator.ts';
import { emptyQuery } from './query.ts';
import { errorResponse, jsonResponse, textResponse } from './responses.ts';
import { type PathDeps, type VersionInfo, oidcResponse } from './routes/paths.ts';

/** Whether a token could be good, told without the store. */
export type TokenCheck = (token: string) => Promise<'good' | 'bad' | 'unknown' | 'later'>;

export interface DoorkeeperDeps {
  /** Asked in turn until one knows the token. */
  readonly checks: readonly TokenCheck[];
  readonly version: VersionInfo;
  readonly oidc: () => Promise<NonNullable<PathDeps['oidc']>>;
  /** What only the edge in front knows, and the header that carries it. Absent: everybody may come directly. */
  readonly originSecret?: string;
}

export interface Doorkeeper {
  /** The answer to who is not let in, or needs not to be. undefined = go in. */
  answer(request: ApiRequest): Promise<ApiResponse | undefined>;
}

export const originSecretHeader = 'x-nodeless-origin';

export function createDoorkeeper({ checks, version, oidc, originSecret }: DoorkeeperDeps): Doorkeeper {
  const publicAnswer = async (request: ApiRequest, path: string): Promise<ApiResponse | undefined | 'go in'> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    switch (path) {
      case '/livez':
      case '/livez/ping':
        return textResponse(200, 'ok');
      case '/version':
        return jsonResponse(200, version);
      case '/readyz':
        return 'go in';
      case '/.well-known/openid-configuration':
      case '/openid/v1/jwks':
        return oidcResponse(path, await oidc());
      default:
        return undefined;
    }
  };

  return {
    async answer(request) {
      if (originSecret !== undefined && !sameText(request.header(originSecretHeader) ?? '', originSecret))
        return textResponse(403, 'this cluster is reached by its other address\n');
      const token = bearerToken(request);
      if (token === undefined) {
        const question = request.target.indexOf('?');
        const path = question < 0 ? request.target : request.target.slice(0, question);
        const answer = await publicAnswer(request, path.length > 1 ? path.replace(/\/$/, '') : path);
        return answer === 'go in' ? undefined : (answer ?? refusal(request));
      }
      for (const check of checks) {
        const verdict = await check(token);
        if (verdict === 'good') return undefined;
        if (verdict === 'bad') break;
        if (verdict === 'later') return later(request);
      }
      return refusal(request);
    },
  };
}

const refusal = (request: ApiRequest): ApiResponse => errorResponse(request, emptyQuery, unauthorized());

const later = (request: ApiRequest): ApiResponse => {
  const response = errorResponse(request, emptyQuery, cannotTell());
  response.headers.push('Retry-After', '1');
  return response;
};

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
