/** Tokens of an OpenID Connect issuer of somebody else's, by kube-apiserver's rules for its --oidc-… flags. */
import type { Clock } from '@nodeless/component-base/clock';
import type { UserInfo } from '@nodeless/registry/strategy';
import {
  type JWTPayload,
  type JWTVerifyGetKey,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  jwtVerify,
} from 'jose';
import {
  type Authentication,
  AuthenticationUnavailable,
  type TokenAuthenticator,
  withAuthenticatedGroup,
} from './authenticator.ts';

export interface OidcSettings {
  /** https, as the tokens' `iss` says it. */
  readonly issuerUrl: string;
  /** The tokens' audience. */
  readonly clientId: string;
  /** Default `sub`. */
  readonly usernameClaim?: string;
  /** Default: `<issuerUrl>#`, and nothing for the claim `email`. `-` = nothing. */
  readonly usernamePrefix?: string;
  /** A string or a list of strings. Absent: no groups. */
  readonly groupsClaim?: string;
  readonly groupsPrefix?: string;
  /** Claims that must have these values. */
  readonly requiredClaims?: Readonly<Record<string, string>>;
}

export interface OidcDeps {
  readonly settings: OidcSettings;
  /** What the API server calls itself: these tokens are for a client of their issuer, and so for it. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
  readonly timeoutMs?: number;
}

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const defaultTimeoutMs = 3_000;
const maxRemembered = 1_000;
const maxLength = 16 * 1024;

/** Reads the parameter `oidc`. Throws an Error that says what is wrong with it. */
export function parseOidcSettings(text: string): OidcSettings {
  const value = JSON.parse(text) as Partial<OidcSettings> | null;
  const { issuerUrl, clientId } = value ?? {};
  if (typeof issuerUrl !== 'string' || !issuerUrl.startsWith('https://'))
    throw new Error('oidc: issuerUrl must be an https URL');
  if (typeof clientId !== 'string' || clientId === '') throw new Error('oidc: clientId is missing');
  return value as OidcSettings;
}

export function createOidcTokens({ settings, audiences: own, clock, ...deps }: OidcDeps): TokenAuthenticator {
  const { fetch: send = fetch, timeoutMs = defaultTimeoutMs } = deps;
  const remembered = new Map<string, { readonly authentication: Authentication; readonly until: number }>();
  let keys: Promise<JWTVerifyGetKey> | undefined;

  const discover = async (): Promise<JWTVerifyGetKey> => {
    const url = `${settings.issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await send(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    const { issuer, jwks_uri: jwksUri } = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown };
    if (issuer !== settings.issuerUrl || typeof jwksUri !== 'string' || !jwksUri.startsWith('https://'))
      throw new Error(`${url} is not the configuration of ${settings.issuerUrl}`);
    return createRemoteJWKSet(new URL(jwksUri), { timeoutDuration: timeoutMs, [customFetch]: send });
  };
  const key: JWTVerifyGetKey = async (header, token) => {
    keys ??= discover();
    try {
      return await (
        await keys
      )(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      keys = undefined;
      throw new AuthenticationUnavailable(`the keys of ${settings.issuerUrl} cannot be had`, { cause: error });
    }
  };

  const authenticate = async (token: string): Promise<Authentication> => {
    const { payload } = await jwtVerify(token, key, {
      issuer: settings.issuerUrl,
      audience: settings.clientId,
      algorithms,
      currentDate: new Date(clock.now()),
      requiredClaims: ['exp'],
    });
    const authentication = { user: userOf(payload, settings), audiences: own };
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(token, { authentication, until: (payload.exp ?? 0) * 1000 });
    return authentication;
  };
  const answer = (found: Authentication, wanted: readonly string[]): Authentication | undefined => {
    const common = wanted.filter((audience) => own.includes(audience));
    return common.length === 0 ? undefined : { ...found, audiences: common };
  };

  return {
    authenticateToken(token, wanted) {
      const known = remembered.get(token);
      if (known && known.until > clock.now()) return answer(known.authentication, wanted);
      if (issuerOf(token) !== settings.issuerUrl) return undefined;
      return authenticate(token).then((found) => answer(found, wanted));
    },
  };
}

/** Read without being trusted: a token of somebody else's is not ours to refuse. */
function issuerOf(token: string): string | undefined {
  if (token.length > maxLength || token.split('.').length !== 3) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

function userOf(claims: JWTPayload, settings: OidcSettings): UserInfo {
  const { usernameClaim = 'sub', groupsClaim, groupsPrefix = '', requiredClaims = {} } = settings;
  for (const [name, value] of Object.entries(requiredClaims))
    if (!Object.hasOwn(claims, name) || claims[name] !== value)
      throw new Error(`oidc: the claim ${name} is not as required`);
  const claim = (name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  const name = claim(usernameClaim);
  if (typeof name !== 'string' || name === '') throw new Error(`oidc: the claim ${usernameClaim} is missing`);
  if (usernameClaim === 'email' && claim('email_verified') !== undefined && claim('email_verified') !== true)
    throw new Error('oidc: email not verified');
  const byDefault = usernameClaim === 'email' ? '' : `${settings.issuerUrl}#`;
  const prefix = settings.usernamePrefix === '-' ? '' : (settings.usernamePrefix ?? byDefault);
  const groups = groupsClaim === undefined ? [] : [claim(groupsClaim) ?? []].flat();
  if (!groups.every((group) => typeof group === 'string'))
    throw new Error(`oidc: the claim ${groupsClaim} is no list of strings`);
  return withAuthenticatedGroup({
    name: prefix + name,
    groups: (groups as string[]).map((group) => groupsPrefix + group),
    ...(typeof claims.jti === 'string'
      ? { extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] } }
      : {}),
  });
}
