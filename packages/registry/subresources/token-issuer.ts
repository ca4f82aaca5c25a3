import type { Clock } from '@nodeless/component-base/clock';
import {
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  importSPKI,
} from 'jose';
import { createPrivateKey, createPublicKey, randomUUID, sign } from 'node:crypto';
import { promisify } from 'node:util';
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

export type SigningAlgorithm = 'RS256' | 'ES256';

/** Signs tokens. The key may lie elsewhere: in KMS it never leaves it. */
export interface TokenSigner {
  readonly algorithm: SigningAlgorithm;
  /** SPKI PEM. */
  readonly publicKey: string;
  /** The signature in JWS form: of ES256 the two numbers one after the other (RFC 7518, 3.4). Rejects when it cannot be had. */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** The key that signs tokens with those that are still good for checking them. */
export interface ServiceAccountKeys {
  readonly algorithm: SigningAlgorithm;
  readonly keyId: string;
  readonly signer: TokenSigner;
  readonly verify: JWTVerifyGetKey;
  /** What /openid/v1/jwks serves. */
  readonly jwks: JSONWebKeySet;
}

const signAsync = promisify(sign);

/** Signs in this process. `pem`: PKCS#8 of an RSA or P-256 key. */
export function createTokenSigner(pem: string): TokenSigner {
  const key = createPrivateKey(pem);
  return {
    algorithm: algorithmOf(pem),
    publicKey: createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString(),
    sign: (data) => signAsync('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  };
}

/** `signing`: PKCS#8 PEM of an RSA or P-256 key, or who signs. `previous`: public PEMs of keys that signed before. */
export async function loadServiceAccountKeys(
  signing: string | TokenSigner,
  previous: readonly string[] = [],
): Promise<ServiceAccountKeys> {
  const signer = typeof signing === 'string' ? createTokenSigner(signing) : signing;
  const keys = await Promise.all([signer.publicKey, ...previous].map(publicJwk));
  return {
    algorithm: signer.algorithm,
    keyId: keys[0]?.kid ?? '',
    signer,
    verify: createLocalJWKSet({ keys }),
    jwks: { keys },
  };
}

function algorithmOf(pem: string): SigningAlgorithm {
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
      const token = await signToken(keys, {
        aud: audiences,
        exp: now + (extended ? extendedSeconds : seconds),
        iat: now,
        iss: issuer,
        jti: randomUUID(),
        'kubernetes.io': kubernetesClaims(claims, extended ? now + seconds : undefined),
        nbf: now,
        sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount.name}`,
      });
      return { token, audiences, expirationTimestamp: timeText(now + seconds) } satisfies IssuedToken;
    },
  };
}

/** A JWS in its compact form. Not jose's SignJWT: that wants the key in this process. */
export async function signToken({ algorithm, keyId, signer }: ServiceAccountKeys, claims: object): Promise<string> {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const content = `${encode({ alg: algorithm, kid: keyId })}.${encode(claims)}`;
  const signature = await signer.sign(Buffer.from(content));
  return `${content}.${Buffer.from(signature).toString('base64url')}`;
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
