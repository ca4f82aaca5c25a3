/** The authentication seam: who is asking. */
import type { UserInfo } from '@nodeless/registry/strategy';
import type { ApiRequest } from '../exchange.ts';

export interface Authentication {
  /** The same object for the same credential, so that what is worked out for a user can be remembered by it. */
  readonly user: UserInfo;
  /** The audiences that the credential is for, of those asked about; undefined where it names none. */
  readonly audiences?: readonly string[];
}

type Maybe<T> = T | undefined | Promise<T | undefined>;

/** Answers at once where it can: most requests come with a credential that has been seen before. */
export interface TokenAuthenticator {
  /**
   * undefined = not a token of this kind. A token of this kind that is not good throws an Error whose message may be
   * shown (TokenReview). `audiences`: at least one of them must be the token's.
   */
  authenticateToken(token: string, audiences: readonly string[]): Maybe<Authentication>;
}

/** Nothing can be said of a token now; it may be good. */
export class AuthenticationUnavailable extends Error {
  override readonly name = 'AuthenticationUnavailable';
}

export interface RequestAuthenticator {
  /** undefined = 401. Someone without any credential is the anonymous user, if that is allowed. */
  authenticate(request: ApiRequest): Maybe<UserInfo>;
}

export const authenticatedGroup = 'system:authenticated';
export const unauthenticatedGroup = 'system:unauthenticated';
export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: [unauthenticatedGroup] };

/** Everyone who showed a credential is in system:authenticated. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticatedGroup) || user.groups.includes(unauthenticatedGroup)) return user;
  return { ...user, groups: [...user.groups, authenticatedGroup] };
}
