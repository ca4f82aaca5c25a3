import type { Clock } from '@nodeless/component-base/clock';
import { type ServiceAccountKeys, signToken } from './token-issuer.ts';

/**
 * What the API server shows to the virtual kubelet where the two meet over HTTP. It is signed with the key of ServiceAccount
 * tokens, but it is none: it has no `kubernetes.io` claim, so that no ServiceAccount can ask for one by its audience.
 */
export const kubeletAudience = 'nodeless-kubelet';
export const kubeletTokenSubject = 'system:apiserver';

const lifeSeconds = 600;
/** A follower of logs may hold a connection long after the token; only its beginning is checked. */
const renewSeconds = 300;

/** Answers with a token that is good for five minutes at least. */
export function createKubeletTokenSigner(deps: {
  readonly keys: ServiceAccountKeys;
  readonly issuer: string;
  readonly clock: Clock;
}): () => Promise<string> {
  const { keys, issuer, clock } = deps;
  let held: { readonly token: string; readonly until: number } | undefined;
  return async () => {
    const now = Math.floor(clock.now() / 1000);
    if (held && held.until > now) return held.token;
    const token = await signToken(keys, {
      aud: kubeletAudience,
      exp: now + lifeSeconds,
      iat: now,
      iss: issuer,
      nbf: now,
      sub: kubeletTokenSubject,
    });
    held = { token, until: now + renewSeconds };
    return token;
  };
}
