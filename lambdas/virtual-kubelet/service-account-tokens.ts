import type { TokenRequest } from '@nodeless/apimachinery/generated/types/authentication/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { type Client, resourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';

const tokenRequests = resourceType<TokenRequest>('', 'v1', 'serviceaccounts', 'TokenRequest');
const dayMs = 86_400_000;

/** Tokens for pods' volumes, asked for once and again when four fifths of their life, or a day, have passed. */
export interface ServiceAccountTokens {
  /** Throws ApiError: no such ServiceAccount, not allowed … */
  token(pod: Pod, audience: string, expirationSeconds: number): Promise<string>;
  /** When the pod's first token has to be renewed; undefined = it has none. */
  renewAt(podUid: string): number | undefined;
  forget(podUid: string): void;
}

export interface PodToken {
  readonly token: string;
  /** Milliseconds. */
  readonly expiresAt: number;
  readonly renewAt: number;
}

/** One token of the pod's ServiceAccount, bound to the pod; asked for by its node. Errors as above. */
export async function requestToken(
  client: Client,
  clock: Clock,
  pod: Pod,
  audience: string,
  expirationSeconds: number,
): Promise<PodToken> {
  const { namespace, name, uid } = pod.metadata ?? {};
  const issuedAt = clock.now();
  const answer = await client.create(
    tokenRequests,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { namespace, name: pod.spec?.serviceAccountName || 'default' },
      spec: {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
      },
    },
    { subresource: 'token' },
  );
  const expiresAt = Date.parse(answer.status?.expirationTimestamp ?? '') || issuedAt + expirationSeconds * 1000;
  const renewAt = issuedAt + Math.min(dayMs, (expiresAt - issuedAt) * 0.8);
  return { token: answer.status?.token ?? '', expiresAt, renewAt };
}

export function createServiceAccountTokens(deps: {
  readonly client: Client;
  readonly clock: Clock;
}): ServiceAccountTokens {
  const { client, clock } = deps;
  const held = new Map<string, Map<string, PodToken>>();

  return {
    async token(pod, audience, expirationSeconds) {
      const uid = pod.metadata?.uid ?? '';
      const key = `${audience}\n${expirationSeconds}`;
      const known = held.get(uid)?.get(key);
      if (known && known.renewAt > clock.now()) return known.token;
      const fresh = await requestToken(client, clock, pod, audience, expirationSeconds);
      const tokens = held.get(uid) ?? new Map<string, PodToken>();
      tokens.set(key, fresh);
      held.set(uid, tokens);
      return fresh.token;
    },
    renewAt(podUid) {
      const tokens = held.get(podUid);
      return tokens && tokens.size > 0 ? Math.min(...[...tokens.values()].map((t) => t.renewAt)) : undefined;
    },
    forget: (podUid) => void held.delete(podUid),
  };
}
