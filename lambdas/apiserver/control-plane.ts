/** The API server with all that belongs to it, over a store: composed alike on a machine and in AWS. */
import { builtinApis, createOpenApi } from '@nodeless/apimachinery/openapi/openapi';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { type ClusterRegistry, createClusterRegistry } from '@nodeless/registry/cluster';
import { type CustomApi, customApis } from '@nodeless/registry/custom-resources/custom-apis';
import { createTokenIssuer, type ServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import type { Store } from '@nodeless/store/store';
import { type ApiServer, type ApiServerDeps, createApiServer } from './apiserver.ts';
import type { Audit } from './audit.ts';
import type { TokenAuthenticator } from './authentication/authenticator.ts';
import { createRequestAuthenticator } from './authentication/request-authenticator.ts';
import { createServiceAccountTokens } from './authentication/service-account-token.ts';
import { ping, type HealthCheck } from './routes/health.ts';
import { versionInfo } from './version.ts';
import { virtualResources } from './virtual-resources.ts';

export interface ControlPlaneOptions extends Pick<ApiServerDeps, 'nodes' | 'dialer' | 'terms'> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The `iss` of ServiceAccount tokens and where their discovery documents are said to be. */
  readonly issuer: string;
  readonly serviceAccountKeys: ServiceAccountKeys;
  /** Who is who by a bearer token, besides ServiceAccounts: asked before them. */
  readonly authenticators: readonly TokenAuthenticator[];
  /** Whether requests without a token are those of system:anonymous, or refused. */
  readonly anonymous: boolean;
  readonly admission?: readonly AdmissionPlugin[];
  readonly audit?: Audit;
  readonly health?: readonly HealthCheck[];
  /** Group-versions beyond the default ones, as --runtime-config names them: `resource.k8s.io/v1beta1`. */
  readonly runtimeConfig?: ReadonlySet<string>;
}

export interface ControlPlane extends Omit<ClusterRegistry, 'registry' | 'resources' | 'authorizer'> {
  readonly api: ApiServer;
  /** Makes the objects that every cluster holds, where they are missing; once in a cluster's life is enough for a version. */
  bootstrap(options: { readonly serviceCidr: string }): Promise<void>;
}

export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock, log, issuer, serviceAccountKeys: keys } = options;
  const audiences = [issuer];
  const openApi = createOpenApi(versionInfo.gitVersion);
  const builtin = builtinApis();
  let custom: CustomApi[] = [];
  const tokens: TokenAuthenticator[] = [
    ...options.authenticators,
    createServiceAccountTokens({
      issuers: [issuer],
      keys: keys.verify,
      clock,
      async lookUp(resource, namespace, name) {
        const found = await cluster.registry.reader.get('', resource, namespace, name);
        return found && { uid: found.metadata?.uid ?? '', deletionTimestamp: found.metadata?.deletionTimestamp };
      },
    }),
  ];
  const cluster = await createClusterRegistry({
    store,
    clock,
    runtimeConfig: options.runtimeConfig,
    admission: options.admission,
    tokens: createTokenIssuer({ keys, issuer, audiences, clock }),
    virtual: ({ authorizer }) => virtualResources({ authorizer, tokens, audiences }),
    onServedChange(resources) {
      const next = customApis(resources.all(), custom);
      if (next.length === custom.length && next.every((api) => custom.includes(api))) return;
      custom = next;
      openApi.setApis([...builtin, ...custom]);
    },
  });
  const storeCheck: HealthCheck = {
    // Upstream's name, which monitoring asks for.
    name: 'etcd',
    for: ['livez', 'readyz', 'healthz'],
    check: async () => void (await store.revision('/namespaces/')),
  };
  const api = createApiServer({
    registry: cluster.registry,
    authenticator: createRequestAuthenticator({ tokens, audiences, anonymous: options.anonymous }),
    authorizer: cluster.authorizer,
    clock,
    log,
    audit: options.audit,
    health: [ping, storeCheck, ...(options.health ?? [])],
    version: versionInfo,
    openApi,
    oidc: { issuer, jwksUri: `${issuer}/openid/v1/jwks`, algorithms: [keys.algorithm], jwks: keys.jwks },
    nodes: options.nodes,
    dialer: options.dialer,
    terms: options.terms,
  });
  return {
    api,
    clientFor: cluster.clientFor,
    get resourceTypes() {
      return cluster.resourceTypes;
    },
    refresh: cluster.refresh,
    async bootstrap({ serviceCidr }) {
      const admin = cluster.clientFor(apiServerUser, 'kube-apiserver');
      await ensureBootstrap(admin, { serviceCidr });
      await reconcilePolicy(admin);
    },
    close: cluster.close,
  };
}
