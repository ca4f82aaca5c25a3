/** Whether tokens could be good, told without the store: for the doorkeeper. */
import type { Clock } from '@nodeless/component-base/clock';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { AuthenticationUnavailable, type TokenAuthenticator } from './authentication/authenticator.ts';
import type { TokenCheck } from './doorkeeper.ts';

/** What an authenticator says that needs no store itself. */
export function checkWith(authenticator: TokenAuthenticator, audiences: readonly string[]): TokenCheck {
  return async (token) => {
    try {
      return (await authenticator.authenticateToken(token, audiences)) ? 'good' : 'unknown';
    } catch (error) {
      return error instanceof AuthenticationUnavailable ? 'later' : 'bad';
    }
  };
}

const maxRemembered = 1_000;
/** The largest that a request's head has room for. */
const maxLength = 16 * 1024;

/** JWTs: one of our keys has signed it, and it is in its time. What it is bound to is for the API server to look up. */
export function checkSignature(deps: { issuer: string; keys: JWTVerifyGetKey; clock: Clock }): TokenCheck {
  const goodUntil = new Map<string, number>();
  return async (token) => {
    const now = deps.clock.now();
    if ((goodUntil.get(token) ?? 0) > now) return 'good';
    if (token.length > maxLength || token.split('.').length !== 3) return 'unknown';
    try {
      const { payload } = await jwtVerify(token, deps.keys, { issuer: deps.issuer, currentDate: new Date(now) });
      if (goodUntil.size >= maxRemembered) goodUntil.clear();
      goodUntil.set(token, (payload.exp ?? 0) * 1000);
      return 'good';
    } catch (error) {
      return error instanceof errors.JOSEError ? 'bad' : 'unknown';
    }
  };
}
