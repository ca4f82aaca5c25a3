import { type ApiError, serviceUnavailable } from '@nodeless/apimachinery/status';
import type { UserInfo } from '@nodeless/registry/strategy';
import type { ApiRequest } from '../exchange.ts';
import {
  type Authentication,
  AuthenticationUnavailable,
  type RequestAuthenticator,
  type TokenAuthenticator,
  anonymousUser,
} from './authenticator.ts';
import { certificateUser } from './client-certificate.ts';

export interface RequestAuthenticatorDeps {
  /** Asked in turn. */
  readonly tokens: readonly TokenAuthenticator[];
  /** The API server's own audiences. */
  readonly audiences: readonly string[];
  readonly anonymous: boolean;
}

/** Client certificate, then bearer token, then nobody: a credential that is there and not good is never nobody. */
export function createRequestAuthenticator(deps: RequestAuthenticatorDeps): RequestAuthenticator {
  const authenticateToken = (token: string): Authentication | undefined | Promise<Authentication | undefined> =>
    firstAuthentication(deps.tokens, token, deps.audiences);

  return {
    authenticate(request) {
      const certificate = request.clientCertificate();
      let failed = false;
      if (certificate) {
        try {
          const user = certificateUser(certificate);
          if (user) return user;
        } catch {
          failed = true;
        }
      }
      const token = bearerToken(request);
      if (token === undefined) return failed || !deps.anonymous ? undefined : anonymousUser;
      try {
        const answer = authenticateToken(token);
        return answer instanceof Promise ? answer.then(userOf, failure) : answer?.user;
      } catch (error) {
        return failure(error);
      }
    },
  };
}

const userOf = (authentication: Authentication | undefined): UserInfo | undefined => authentication?.user;
/** Who cannot be told now is told to come again: 401 would make clients give up what may be good. */
function failure(error: unknown): undefined {
  if (error instanceof AuthenticationUnavailable) throw cannotTell();
  return undefined;
}
export const cannotTell = (): ApiError => serviceUnavailable('it cannot be told now who is asking; please try again');

/** Asks each authenticator until one knows the token. Throws when none does and one said what is wrong with it. */
export function firstAuthentication(
  authenticators: readonly TokenAuthenticator[],
  token: string,
  audiences: readonly string[],
  from = 0,
  failure?: unknown,
): Authentication | undefined | Promise<Authentication | undefined> {
  for (let i = from; i < authenticators.length; i++) {
    let answer: ReturnType<TokenAuthenticator['authenticateToken']>;
    try {
      answer = (authenticators[i] as TokenAuthenticator).authenticateToken(token, audiences);
    } catch (error) {
      failure = error;
      continue;
    }
    if (answer instanceof Promise) {
      return answer.then(
        (found) => found ?? firstAuthentication(authenticators, token, audiences, i + 1, failure),
        (error: unknown) => firstAuthentication(authenticators, token, audiences, i + 1, error),
      );
    }
    if (answer) return answer;
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

const webSocketTokenPrefix = 'base64url.bearer.authorization.k8s.io.';

/** From the Authorization header, or from the subprotocols of a WebSocket, for browsers. undefined = there is none. */
export function bearerToken(request: ApiRequest): string | undefined {
  const header = request.header('authorization');
  if (header !== undefined) {
    const space = header.indexOf(' ');
    if (space > 0 && header.slice(0, space).toLowerCase() === 'bearer') {
      const token = header.slice(space + 1).trim();
      if (token !== '') return token.split(' ', 1)[0];
    }
  }
  const protocols = request.header('sec-websocket-protocol');
  if (protocols === undefined) return undefined;
  const protocol = protocols.split(',').find((name) => name.trim().startsWith(webSocketTokenPrefix));
  if (protocol === undefined) return undefined;
  const token = Buffer.from(protocol.trim().slice(webSocketTokenPrefix.length), 'base64url').toString('utf8');
  return token === '' ? undefined : token;
}
