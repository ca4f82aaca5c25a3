import type { Clock } from '@nodeless/component-base/clock';
import { kubeletAudience, kubeletTokenSubject } from '@nodeless/registry/subresources/kubelet-token';
import type { KubernetesClaims } from '@nodeless/registry/subresources/token-issuer';
import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { agentAudience } from '../agent/agent-protocol.ts';

/** Whose agent it is, as signed; that the pod still exists is the caller's to check. */
export interface AgentIdentity {
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
}

export interface TokenVerifier {
  /** The pod that an agent's token is bound to; undefined = not a token to let in. */
  agent(token: string): Promise<AgentIdentity | undefined>;
  /** Whether it is the API server's. */
  apiServer(token: string): Promise<boolean>;
}

/** Longer than any token of ours; what is longer is not even looked at. */
const maxTokenLength = 8192;
/** The API server and the kubelet are two functions with two clocks. */
const leewaySeconds = 5;

export function createTokenVerifier(deps: {
  /** Public keys by key id: loadServiceAccountKeys(…).verify. */
  readonly keys: JWTVerifyGetKey;
  readonly issuer: string;
  readonly clock: Clock;
}): TokenVerifier {
  const { keys, issuer, clock } = deps;
  const verify = async (token: string, audience: string): Promise<JWTPayload | undefined> => {
    if (token === '' || token.length > maxTokenLength) return undefined;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ['RS256', 'ES256'],
        clockTolerance: leewaySeconds,
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch {
      return undefined;
    }
  };
  return {
    async agent(token) {
      const claims = (await verify(token, agentAudience))?.['kubernetes.io'] as KubernetesClaims | undefined;
      if (!claims?.namespace || !claims.pod?.name || !claims.pod.uid) return undefined;
      return { namespace: claims.namespace, podName: claims.pod.name, podUid: claims.pod.uid };
    },
    async apiServer(token) {
      const payload = await verify(token, kubeletAudience);
      return payload?.sub === kubeletTokenSubject && payload['kubernetes.io'] === undefined;
    },
  };
}
