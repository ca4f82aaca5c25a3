/** The API server with all that belongs to it, over a store: the same parts that the functions in AWS are made of. */
import { builtinApis, createOpenApi } from '@nodeless/apimachinery/openapi/openapi';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type ApiServer, type ApiServerDeps, createApiServer } from '@nodeless/apiserver/apiserver';
import type { Audit } from '@nodeless/apiserver/audit';
import { createRequestAuthenticator } from '@nodeless/apiserver/authentication/request-authenticator';
import { createServiceAccountTokens } from '@nodeless/apiserver/authentication/service-account-token';
import { createStaticTokens } from '@nodeless/apiserver/authentication/static-token';
import { createTokenIssuer, loadServiceAccountKeys } from '@nodeless/apiserver/authentication/token-issuer';
import { ping, type HealthCheck } from '@nodeless/apiserver/routes/health';
import { versionInfo } from '@nodeless/apiserver/version';
import { virtualResources } from '@nodeless/apiserver/virtual-resources';
import type { Client, ResourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import type { Logger } from '@nodeless/component-base/logger';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { admissionPlugins } from '@nodeless/registry/admission/plugins';
import { createEscalationCheck } from '@nodeless/registry/authorization/escalation';
import { createNodeAuthorizer } from '@nodeless/registry/authorization/node-authorizer';
import { createRbacAuthorizer } from '@nodeless/registry/authorization/rbac-authorizer';
import { feedRbacIndex } from '@nodeless/registry/authorization/rbac-feed';
import { createRbacIndex } from '@nodeless/registry/authorization/rbac-index';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { privilegedAuthorizer, unionAuthorizer } from '@nodeless/registry/authorization/union-authorizer';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createRegistry } from '@nodeless/registry/create-registry';
import { type CustomApi, customApis } from '@nodeless/registry/custom-resources/custom-apis';
import { feedDefinitions } from '@nodeless/registry/custom-resources/definitions-feed';
import { createInlineClient } from '@nodeless/registry/inline-client';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { objectOf } from '@nodeless/registry/stored-value';
import type { UserInfo } from '@nodeless/registry/strategy';
import type { Store } from '@nodeless/store/store';

export interface ControlPlaneOptions extends Pick<ApiServerDeps, 'nodes' | 'dialer'> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly serviceCidr: string;
  readonly bootstrapToken: string;
  readonly serviceAccountKey: string;
  readonly audit?: Audit;
  readonly health?: readonly HealthCheck[];
  /** Group-versions beyond the default ones, as --runtime-config names them: `resource.k8s.io/v1beta1`. */
  readonly runtimeConfig?: ReadonlySet<string>;
}

export interface ControlPlane {
  readonly api: ApiServer;
  /** A client that acts as this user, through authorization and admission but not over HTTP. */
  clientFor(user: UserInfo, fieldManager: string): Client;
  /** Stored resources that can be listed, watched and deleted, one version each, events left out. Grows and shrinks with custom resources. */
  readonly resourceTypes: readonly ResourceType<UnknownObject>[];
  close(): void;
}

export const issuer = 'https://kubernetes.default.svc.cluster.local';

/** Resolves when the objects that every cluster holds are there. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock, log } = options;
  const audiences = [issuer];
  const resources = createResourceTable({
    kinds,
    serves: (group, version, byDefault) =>
      byDefault || options.runtimeConfig?.has(group === '' ? version : `${group}/${version}`) === true,
  });
  const index = createRbacIndex();
  const feed = feedRbacIndex(store, index, objectOf);
  const openApi = createOpenApi(versionInfo.gitVersion);
  const builtin = builtinApis();
  let custom: CustomApi[] = [];
  const definitions = feedDefinitions({
    store,
    resources,
    objectOf,
    onChange() {
      const next = customApis(resources.all(), custom);
      if (next.length === custom.length && next.every((api) => custom.includes(api))) return;
      custom = next;
      openApi.setApis([...builtin, ...custom]);
    },
  });
  const nodeAuthorizer = createNodeAuthorizer({
    async podsOnNode(nodeName) {
      const { entries } = await store.list({ prefix: '/pods/', trigger: nodeName });
      return entries.map((entry) => objectOf(entry.value) as Pod);
    },
    async volumeOfClaim(namespace, name) {
      const claim = await registry.reader.get('', 'persistentvolumeclaims', namespace, name);
      return (claim?.['spec'] as { volumeName?: string } | undefined)?.volumeName ?? '';
    },
  });
  const authorizer = unionAuthorizer([privilegedAuthorizer, nodeAuthorizer, createRbacAuthorizer(index)]);

  const keys = await loadServiceAccountKeys(options.serviceAccountKey);
  const tokenAuthenticators = [
    createStaticTokens(
      [{ token: options.bootstrapToken, user: 'admin', uid: 'admin', groups: ['system:masters'] }],
      audiences,
    ),
    createServiceAccountTokens({
      issuers: [issuer],
      keys: keys.verify,
      clock,
      async lookUp(resource, namespace, name) {
        const found = await registry.reader.get('', resource, namespace, name);
        return found && { uid: found.metadata?.uid ?? '', deletionTimestamp: found.metadata?.deletionTimestamp };
      },
    }),
  ];
  const registry = createRegistry({
    store,
    resources,
    admission: [...admissionPlugins, createEscalationCheck({ index, authorizer })],
    authorizer,
    clock,
    tokens: createTokenIssuer({ keys, issuer, audiences, clock }),
    virtual: virtualResources({ authorizer, tokens: tokenAuthenticators, audiences }),
  });
  await Promise.all([feed.ready, definitions.ready]);
  const clientFor = (user: UserInfo, fieldManager: string): Client =>
    createInlineClient({ registry, authorizer, user, fieldManager });
  const admin = clientFor(apiServerUser, 'kube-apiserver');
  await ensureBootstrap(admin, { serviceCidr: options.serviceCidr });
  await reconcilePolicy(admin);

  const storeCheck: HealthCheck = {
    // Upstream's name, which monitoring asks for.
    name: 'etcd',
    for: ['livez', 'readyz', 'healthz'],
    check: async () => void (await store.revision('/namespaces/')),
  };
  const api = createApiServer({
    registry,
    authenticator: createRequestAuthenticator({ tokens: tokenAuthenticators, audiences, anonymous: true }),
    authorizer,
    clock,
    log,
    audit: options.audit,
    health: [ping, storeCheck, ...(options.health ?? [])],
    version: versionInfo,
    openApi,
    oidc: { issuer, jwksUri: `${issuer}/openid/v1/jwks`, algorithms: [keys.algorithm], jwks: keys.jwks },
    nodes: options.nodes,
    dialer: options.dialer,
  });
  return {
    api,
    clientFor,
    get resourceTypes() {
      return collectable(resources.all());
    },
    close() {
      feed.stop();
      definitions.stop();
      registry.close();
    },
  };
}

function collectable(served: ReturnType<ReturnType<typeof createResourceTable>['all']>): ResourceType<UnknownObject>[] {
  const seen = new Set<string>();
  return served
    .filter(({ storage, verbs, resource }) => {
      if (
        !storage ||
        resource === 'events' ||
        !['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) ||
        seen.has(storage.prefix)
      )
        return false;
      return seen.add(storage.prefix);
    })
    .map(({ group, version, resource, kind, namespaced }) => ({ group, version, resource, kind, namespaced }));
}
