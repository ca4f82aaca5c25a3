import type { Clock } from '@nodeless/component-base/clock';
import { type CryptoKey, type JWK, type JSONWebKeySet, SignJWT, calculateJwkThumbprint, createLocalJWKSet, exportJWK, importPKCS8, importSPKI } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { createPublicKey, randomUUID } from 'node:crypto';
import type { KubernetesClaims } from './service-account-token.ts';

export interface TokenIssuer {
  /** Signs a token for a ServiceAccount. `seconds` from now until it expires. */
  issue(claims: KubernetesClaims, options: { audiences: readonly string[]; seconds: number }): Promise<{ token: string; id: string }>;
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
export async function loadServiceAccountKeys(signing: string, previous: readonly string[] = []): Promise<ServiceAccountKeys> {
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

export function createTokenIssuer(deps: { keys: ServiceAccountKeys; issuer: string; clock: Clock }): TokenIssuer {
  const { keys, issuer, clock } = deps;
  return {
    async issue(claims, { audiences, seconds }) {
      const now = Math.floor(clock.now() / 1000);
      const id = randomUUID();
      const token = await new SignJWT({ 'kubernetes.io': claims })
        .setProtectedHeader({ alg: keys.algorithm, kid: keys.keyId })
        .setAudience([...audiences])
        .setExpirationTime(now + seconds)
        .setIssuedAt(now)
        .setIssuer(issuer)
        .setJti(id)
        .setNotBefore(now)
        .setSubject(`system:serviceaccount:${claims.namespace}:${claims.serviceaccount.name}`)
        .sign(keys.privateKey);
      return { token, id };
    },
  };
}
