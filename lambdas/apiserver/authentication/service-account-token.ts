/** ServiceAccount tokens: JWTs signed by the cluster's own key, good as long as what they are bound to exists. */
import type { Clock } from '@nodeless/component-base/clock';
import type { UserInfo } from '@nodeless/registry/strategy';
import type { KubernetesClaims, ObjectReference } from '@nodeless/registry/subresources/token-issuer';
import { type JWTPayload, type JWTVerifyGetKey, decodeJwt, errors, jwtVerify } from 'jose';
import type { Authentication, TokenAuthenticator } from './authenticator.ts';
import { authenticatedGroup } from './authenticator.ts';

export interface ServiceAccountTokenDeps {
  /** The first is the one new tokens carry. */
  readonly issuers: readonly string[];
  /** Public keys by key id (jose's createLocalJWKSet). */
  readonly keys: JWTVerifyGetKey;
  readonly clock: Clock;
  /** uid and deletionTimestamp of what a token is bound to; undefined when it does not exist. */
  lookUp(
    resource: 'serviceaccounts' | 'pods' | 'secrets' | 'nodes',
    namespace: string,
    name: string,
  ): Promise<BoundObject | undefined>;
}

export interface BoundObject {
  readonly uid: string;
  readonly deletionTimestamp: string | undefined;
}

interface Remembered {
  readonly claims: JWTPayload;
  authentication: Authentication;
  /** Bound objects are looked at again after this. */
  checkedUntil: number;
}

/** As kube-apiserver's token cache: a deleted pod's token dies within this time. */
const rememberMs = 10_000;
const maxRemembered = 10_000;
/** Clocks differ, and what is deleted may still finish. */
const leewayMs = 60_000;

export function createServiceAccountTokens(deps: ServiceAccountTokenDeps): TokenAuthenticator {
  const remembered = new Map<string, Remembered>();

  const authenticate = async (token: string, audiences: readonly string[]): Promise<Authentication | undefined> => {
    const claims = remembered.get(token)?.claims ?? (await verify(token));
    const authentication = { user: await userOf(claims), audiences: matchingAudiences(claims, audiences) };
    const known = remembered.get(token);
    // The same user object again, as long as it says the same.
    const user =
      known && sameUser(known.authentication.user, authentication.user)
        ? known.authentication.user
        : authentication.user;
    if (remembered.size >= maxRemembered) remembered.clear();
    const made = { ...authentication, user };
    remembered.set(token, { claims, authentication: made, checkedUntil: deps.clock.now() + rememberMs });
    return made;
  };

  const verify = async (token: string): Promise<JWTPayload> => {
    try {
      const { payload } = await jwtVerify(token, deps.keys, {
        issuer: [...deps.issuers],
        clockTolerance: 0,
        currentDate: new Date(deps.clock.now()),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new Error('service account token has expired', { cause: error });
      if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf') {
        throw new Error('service account token is not valid yet', { cause: error });
      }
      throw error;
    }
  };

  const userOf = async (payload: JWTPayload): Promise<UserInfo> => {
    const claims = payload['kubernetes.io'] as KubernetesClaims | undefined;
    if (!claims?.namespace || !claims.serviceaccount?.name) throw new Error('token is no service account token');
    const { namespace, serviceaccount: account, pod, secret, node } = claims;
    await checkBound('service account', 'serviceaccounts', namespace, account);
    if (secret) await checkBound('secret', 'secrets', namespace, secret);
    if (pod) await checkBound('pod', 'pods', namespace, pod);
    if (node && !pod) await checkBound('node', 'nodes', '', node);
    const extra: Record<string, string[]> = {};
    if (payload.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${payload.jti}`];
    for (const [kind, reference] of [
      ['node', node],
      ['pod', pod],
    ] as const) {
      if (!reference) continue;
      extra[`authentication.kubernetes.io/${kind}-name`] = [reference.name];
      if (reference.uid) extra[`authentication.kubernetes.io/${kind}-uid`] = [reference.uid];
    }
    return {
      name: `system:serviceaccount:${namespace}:${account.name}`,
      uid: account.uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, authenticatedGroup],
      ...(Object.keys(extra).length > 0 ? { extra } : {}),
    };
  };

  const checkBound = async (
    what: string,
    resource: 'serviceaccounts' | 'pods' | 'secrets' | 'nodes',
    namespace: string,
    reference: ObjectReference,
  ): Promise<void> => {
    const object = await deps.lookUp(resource, namespace, reference.name);
    if (!object) {
      if (resource === 'serviceaccounts')
        throw new Error(`serviceaccounts ${JSON.stringify(reference.name)} not found`);
      throw new Error('service account token has been invalidated');
    }
    if (object.uid !== reference.uid) {
      if (resource === 'serviceaccounts')
        throw new Error(`service account UID (${object.uid}) does not match claim (${reference.uid})`);
      throw new Error(
        `${what} UID (${object.uid}) does not match service account ${what} ref claim (${reference.uid})`,
      );
    }
    if (object.deletionTimestamp !== undefined && Date.parse(object.deletionTimestamp) < deps.clock.now() - leewayMs) {
      throw new Error('service account token has been invalidated');
    }
  };

  const matchingAudiences = (claims: JWTPayload, wanted: readonly string[]): readonly string[] => {
    const own = claims.aud === undefined ? [] : [claims.aud].flat();
    const common = wanted.filter((audience) => own.includes(audience));
    if (wanted.length > 0 && common.length === 0) {
      throw new Error(`token audiences ${goList(own)} is invalid for the target audiences ${goList(wanted)}`);
    }
    return common;
  };

  return {
    authenticateToken(token, audiences) {
      const known = remembered.get(token);
      if (known) {
        const now = deps.clock.now();
        if (
          now < known.checkedUntil &&
          now < (known.claims.exp ?? 0) * 1000 &&
          sameList(known.authentication.audiences, audiences)
        ) {
          return known.authentication;
        }
        if (now >= (known.claims.exp ?? 0) * 1000) remembered.delete(token);
      }
      if (!isOurs(token, deps.issuers)) return undefined;
      return authenticate(token, audiences);
    },
  };
}

const goList = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
const sameList = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a?.length === b.length && b.every((value, i) => a[i] === value);
const sameUser = (a: UserInfo, b: UserInfo): boolean =>
  a.name === b.name && a.uid === b.uid && JSON.stringify(a.extra) === JSON.stringify(b.extra);

/** Reads the issuer without trusting it: a token of somebody else's is not ours to refuse. */
function isOurs(token: string, issuers: readonly string[]): boolean {
  if (token.split('.').length !== 3) return false;
  try {
    const { iss } = decodeJwt(token);
    return iss !== undefined && issuers.includes(iss);
  } catch {
    return false;
  }
}
