import type { TokenReview } from '@nodeless/apimachinery/generated/types/authentication/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { badRequest } from '@nodeless/apimachinery/status';
import type { VirtualCreate } from '@nodeless/registry/authorization/virtual-create';
import type { Authentication, TokenAuthenticator } from './authenticator.ts';
import { firstAuthentication } from './request-authenticator.ts';

/** tokenreviews: whose token is this? Used by those who are asked for something with one of our tokens. */
export function createTokenReview(deps: {
  tokens: readonly TokenAuthenticator[];
  audiences: readonly string[];
}): VirtualCreate {
  return async (object) => {
    const { spec } = object as unknown as TokenReview;
    if (!spec?.token) throw badRequest('token is required for TokenReview in authentication');
    const audiences = spec.audiences?.length ? spec.audiences : deps.audiences;
    return { ...object, status: await review(deps.tokens, spec.token, audiences) } as unknown as UnknownObject;
  };
}

async function review(
  tokens: readonly TokenAuthenticator[],
  token: string,
  audiences: readonly string[],
): Promise<TokenReview['status']> {
  let found: Authentication | undefined;
  let why = '';
  try {
    found = await firstAuthentication(tokens, token, audiences);
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (!found) return { user: {}, error: why === '' ? 'invalid bearer token' : `[invalid bearer token, ${why}]` };
  const { name, uid, groups, extra } = found.user;
  return {
    authenticated: true,
    user: {
      username: name,
      ...(uid ? { uid } : {}),
      groups: [...groups],
      ...(extra ? { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) } : {}),
    },
    audiences: [...(found.audiences ?? audiences)],
  };
}
