/** The resources that are questions to the API server itself and never stored, by `<group>/<resource>`. */
import { accessReviewHandlers } from '@nodeless/registry/authorization/access-reviews';
import type { Authorizer } from '@nodeless/registry/authorization/authorizer';
import type { VirtualResource } from '@nodeless/registry/virtual-resources';
import type { TokenAuthenticator } from './authentication/authenticator.ts';
import { createTokenReview } from './authentication/token-review.ts';

export interface VirtualResourceDeps {
  readonly authorizer: Required<Authorizer>;
  readonly tokens: readonly TokenAuthenticator[];
  /** The API server's own. */
  readonly audiences: readonly string[];
}

export function virtualResources({
  authorizer,
  tokens,
  audiences,
}: VirtualResourceDeps): Record<string, VirtualResource> {
  const reviews = Object.entries(accessReviewHandlers(authorizer)).map(
    ([resource, create]): [string, VirtualResource] => [`authorization.k8s.io/${resource}`, { create }],
  );
  return {
    ...Object.fromEntries(reviews),
    'authentication.k8s.io/tokenreviews': { create: createTokenReview({ tokens, audiences }) },
    'authentication.k8s.io/selfsubjectreviews': {
      create(object, { user }) {
        const { name, uid, groups, extra } = user;
        const userInfo = { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
        return { ...object, metadata: { creationTimestamp: nowText() }, status: { userInfo } };
      },
    },
    '/componentstatuses': {
      get: (name) => componentStatuses.find(({ metadata }) => metadata?.name === name),
      list: () => componentStatuses,
    },
  };
}

const nowText = (): string => new Date().toISOString().replace(/\.\d{3}Z$/, 'Z');

/** There is one process; who reads the answer knows that all of it is well. */
const componentStatuses = ['controller-manager', 'etcd-0', 'scheduler'].map((name) => ({
  kind: 'ComponentStatus',
  apiVersion: 'v1',
  metadata: { name },
  conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }],
}));
