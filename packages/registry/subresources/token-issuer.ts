import type { Clock } from '@nodeless/component-base/clock';
import {
  type CryptoKey,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
  SignJWT,
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  importPKCS8,
  importSPKI,
} from 'jose';
import { createPublicKey, randomUUID } from 'node:crypto';
import type { TokenIssuer } from './subresources.ts';
import type { IssuedToken, TokenClaims } from './token.ts';

export interface ObjectReference {
  readonly name: string;
  readonly uid: string;
}

/** The `kubernetes.io` claim. */
export interface KubernetesClaims {
  readonly namespace: string;
  readonly serviceaccount: ObjectReference;
  readonly pod?: ObjectReference;
  readonly secret?: ObjectReference;
  readonly node?: ObjectReference;
  readonly warnafter?: number;
}

/** The key that signs tokens with those that are still good for checking them. */
export interface ServiceAccountKeys {
  readonly algorithm: 'RS256' | 'ES256';
  readonly keyId: string;
  readonly privateKey: CryptoKey;
  readonly verify: JWTVerifyGetKey;
  /** What /openid/v1/jwks serves. */
  readonly jwks: JSONWebKeySet;
}

/** `signing`: PKCS#8 PEM of an RSA or P-256 key. `previous`: public PEMs of keys that signed before. */
export async function loadServiceAccountKeys(
  signing: string,
  previous: readonly string[] = [],
): Promise<ServiceAccountKeys> {
  const algorithm = algorithmOf(signing);
  const publicPem = createPublicKey(signing).export({ type: 'spki', format: 'pem' }).toString();
  const keys = await Promise.all([publicPem, ...previous].map(publicJwk));
  return {
    algorithm,
    keyId: keys[0]?.kid ?? '',
    privateKey: await importPKCS8(signing, algorithm),
    verify: createLocalJWKSet({ keys }),
    jwks: { keys },
  };
}

function algorithmOf(pem: string): 'RS256' | 'ES256' {
  return createPublicKey(pem).asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
}

async function publicJwk(pem: string): Promise<JWK> {
  const alg = algorithmOf(pem);
  const jwk = await exportJWK(await importSPKI(pem, alg, { extractable: true }));
  return { use: 'sig', kid: await calculateJwkThumbprint(jwk), alg, ...jwk };
}

/** What a kubelet asks for on behalf of pods that do not say: such tokens live on for a year. */
const warnOnlySeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

export interface TokenIssuerDeps {
  readonly keys: ServiceAccountKeys;
  readonly issuer: string;
  /** The API server's own: what a token is for when nothing else is asked for. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

export function createTokenIssuer({ keys, issuer, audiences: own, clock }: TokenIssuerDeps): TokenIssuer {
  return {
    async issue(claims) {
      const now = Math.floor(clock.now() / 1000);
      const audiences = claims.audiences.length > 0 ? claims.audiences : own;
      const seconds = claims.expirationSeconds;
      const extended =
        claims.boundTo?.kind === 'Pod' &&
        seconds === warnOnlySeconds &&
        audiences.every((audience) => own.includes(audience));
      const token = await new SignJWT({
        'kubernetes.io': kubernetesClaims(claims, extended ? now + seconds : undefined),
      })
        .setProtectedHeader({ alg: keys.algorithm, kid: keys.keyId })
        .setAudience([...audiences])
        .setExpirationTime(now + (extended ? extendedSeconds : seconds))
        .setIssuedAt(now)
        .setIssuer(issuer)
        .setJti(randomUUID())
        .setNotBefore(now)
        .setSubject(`system:serviceaccount:${claims.namespace}:${claims.serviceAccount.name}`)
        .sign(keys.privateKey);
      return { token, audiences, expirationTimestamp: timeText(now + seconds) } satisfies IssuedToken;
    },
  };
}

const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

function kubernetesClaims(
  { namespace, serviceAccount, boundTo, node }: TokenClaims,
  warnafter: number | undefined,
): KubernetesClaims {
  const bound: Partial<Record<'pod' | 'secret' | 'node', ObjectReference>> = {};
  if (node) bound.node = { name: node.name, uid: node.uid ?? '' };
  if (boundTo)
    bound[boundTo.kind.toLowerCase() as 'pod' | 'secret' | 'node'] = { name: boundTo.name, uid: boundTo.uid };
  return { namespace, ...bound, serviceaccount: serviceAccount, ...(warnafter === undefined ? {} : { warnafter }) };
}
