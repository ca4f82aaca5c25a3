/** A whole API server on a store in memory, for integration tests, load and differential runs. */
import { createOpenApi } from '@nodeless/apimachinery/openapi/openapi';
import { type ApiServer, createApiServer } from '@nodeless/apiserver/apiserver';
import type { Audit } from '@nodeless/apiserver/audit';
import { createRequestAuthenticator } from '@nodeless/apiserver/authentication/request-authenticator';
import { createServiceAccountTokens } from '@nodeless/apiserver/authentication/service-account-token';
import { type StaticToken, createStaticTokens } from '@nodeless/apiserver/authentication/static-token';
import { createTokenIssuer, loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { ping } from '@nodeless/apiserver/routes/health';
import { versionInfo } from '@nodeless/apiserver/version';
import { virtualResources } from '@nodeless/apiserver/virtual-resources';
import type { Client } from '@nodeless/client/client';
import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import type { NodeConnection } from '@nodeless/client/node-connection';
import { type Clock, systemClock } from '@nodeless/component-base/clock';
import { type Logger, silentLogger } from '@nodeless/component-base/logger';
import { type Listener, listen } from '@nodeless/local/apiserver-listener';
import {
  type KeyPair,
  createCertificateAuthority,
  createServiceAccountKey,
  issueServingCertificate,
  servingNames,
} from '@nodeless/local/certificates';
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
import { createInlineClient } from '@nodeless/registry/inline-client';
import type { Registry } from '@nodeless/registry/registry';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { objectOf } from '@nodeless/registry/stored-value';
import type { UserInfo } from '@nodeless/registry/strategy';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import type { Store } from '@nodeless/store/store';

export interface TestApiServerOptions {
  readonly port?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly store?: Store;
  readonly tokens?: readonly StaticToken[];
  readonly nodes?: NodeConnection;
  readonly dialer?: ClusterDialer;
  readonly audit?: Audit;
}

export interface TestApiServer {
  readonly url: string;
  readonly api: ApiServer;
  readonly registry: Registry;
  readonly store: Store;
  readonly ca: KeyPair;
  /** Of a member of system:masters. */
  readonly adminToken: string;
  readonly listener: Listener;
  inlineClient(user?: UserInfo): Client;
  close(): Promise<void>;
}

export const issuerUrl = 'https://kubernetes.default.svc.cluster.local';
export const adminToken = 'admin-token';
const serviceIp = '10.96.0.1';
const root: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

export async function startApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const { clock = systemClock, log = silentLogger, port = 0, nodes, dialer, audit } = options;
  const audiences = [issuerUrl];
  const store = options.store ?? createMemoryStore({ clock });
  const index = createRbacIndex();
  const feed = feedRbacIndex(store, index, objectOf);
  const nodeAuthorizer = createNodeAuthorizer({
    async podsOnNode(name) {
      const { entries } = await store.list({ prefix: '/pods/', trigger: name });
      return entries.map((entry) => objectOf(entry.value));
    },
    volumeOfClaim: () => '',
  });
  const authorizer = unionAuthorizer([privilegedAuthorizer, nodeAuthorizer, createRbacAuthorizer(index)]);
  const keys = await loadServiceAccountKeys(await createServiceAccountKey());
  const staticTokens = createStaticTokens(
    [{ token: adminToken, user: 'admin', uid: 'admin', groups: ['system:masters'] }, ...(options.tokens ?? [])],
    audiences,
  );
  const accountTokens = createServiceAccountTokens({
    issuers: [issuerUrl],
    keys: keys.verify,
    clock,
    async lookUp(resource, namespace, name) {
      const found = await registry.reader.get('', resource, namespace, name);
      return found && { uid: found.metadata?.uid ?? '', deletionTimestamp: found.metadata?.deletionTimestamp };
    },
  });
  const tokens = [staticTokens, accountTokens];
  const registry = createRegistry({
    store,
    resources: createResourceTable({ kinds }),
    admission: [...admissionPlugins, createEscalationCheck({ index, authorizer })],
    authorizer,
    clock,
    tokens: createTokenIssuer({ keys, issuer: issuerUrl, audiences, clock }),
    virtual: virtualResources({ authorizer, tokens, audiences }),
  });
  const inlineClient = (user: UserInfo = root): Client =>
    createInlineClient({ registry, authorizer, user, fieldManager: 'kube-apiserver' });
  await feed.ready;
  const client = inlineClient();
  await ensureBootstrap(client, { serviceCidr: '10.96.0.0/16' });
  await reconcilePolicy(client);
  const api = createApiServer({
    registry,
    authenticator: createRequestAuthenticator({ tokens, audiences, anonymous: true }),
    authorizer,
    clock,
    log,
    health: [ping, { name: 'etcd', for: ['livez', 'readyz', 'healthz'], check: () => {} }],
    version: versionInfo,
    openApi: createOpenApi(versionInfo.gitVersion),
    oidc: { issuer: issuerUrl, jwksUri: `${issuerUrl}/openid/v1/jwks`, algorithms: [keys.algorithm], jwks: keys.jwks },
    nodes,
    dialer,
    audit,
  });
  const now = Date.now();
  const ca = await createCertificateAuthority('kubernetes-ca', now);
  const names = servingNames({ clusterDomain: 'cluster.local', serviceIp, extra: [] });
  const serving = await issueServingCertificate(ca, names, now);
  const listener = await listen({ api, tls: { ...serving, clientCa: ca.certificate }, host: '127.0.0.1', port, log });
  return {
    url: `https://127.0.0.1:${listener.address.port}`,
    api,
    registry,
    store,
    ca,
    adminToken,
    listener,
    inlineClient,
    async close() {
      feed.stop();
      registry.close();
      await listener.close(100);
      await store.close();
    },
  };
}
