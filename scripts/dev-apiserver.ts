/** The API server alone, on a store in memory: for differential tests and load. `dev-apiserver.ts [port] [token file]` */
import { createOpenApi } from '@nodeless/apimachinery/openapi/openapi';
import { createApiServer } from '@nodeless/apiserver/apiserver';
import { createRequestAuthenticator } from '@nodeless/apiserver/authentication/request-authenticator';
import { createServiceAccountTokens } from '@nodeless/apiserver/authentication/service-account-token';
import { createStaticTokens } from '@nodeless/apiserver/authentication/static-token';
import { createTokenIssuer, loadServiceAccountKeys } from '@nodeless/apiserver/authentication/token-issuer';
import { virtualResources } from '@nodeless/apiserver/virtual-resources';
import { ping } from '@nodeless/apiserver/routes/health';
import { versionInfo } from '@nodeless/apiserver/version';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { listen } from '@nodeless/local/apiserver-listener';
import { createCertificateAuthority, createServiceAccountKey, issueServingCertificate, servingNames } from '@nodeless/local/certificates';
import { admissionPlugins } from '@nodeless/registry/admission/plugins';
import { createEscalationCheck } from '@nodeless/registry/authorization/escalation';
import { createRbacAuthorizer } from '@nodeless/registry/authorization/rbac-authorizer';
import { feedRbacIndex } from '@nodeless/registry/authorization/rbac-feed';
import { createRbacIndex } from '@nodeless/registry/authorization/rbac-index';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { privilegedAuthorizer, unionAuthorizer } from '@nodeless/registry/authorization/union-authorizer';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createRegistry } from '@nodeless/registry/create-registry';
import { createInlineClient } from '@nodeless/registry/inline-client';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { objectOf } from '@nodeless/registry/stored-value';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import { writeFileSync } from 'node:fs';

const port = Number(process.argv[2] ?? 7443);
const tokenFile = process.argv[3] ?? '/tmp/dev-apiserver.token';
const log = createLogger({});
const clock = systemClock;
const issuerUrl = 'https://kubernetes.default.svc.cluster.local';
const audiences = [issuerUrl];

const store = createMemoryStore({ clock });
const resources = createResourceTable({ kinds });
const index = createRbacIndex();
const feed = feedRbacIndex(store, index, objectOf);
const authorizer = unionAuthorizer([privilegedAuthorizer, createRbacAuthorizer(index)]);
const keys = await loadServiceAccountKeys(await createServiceAccountKey());
const tokens = createTokenIssuer({ keys, issuer: issuerUrl, audiences, clock });
const token = 'dev-token';
const staticTokens = createStaticTokens([{ token, user: 'admin', groups: ['system:masters'] }], audiences);
const accountTokens = createServiceAccountTokens({
  issuers: [issuerUrl],
  keys: keys.verify,
  clock,
  async lookUp(resource, namespace, name) {
    const found = await registry.reader.get('', resource, namespace, name);
    return found && { uid: found.metadata?.uid ?? '', deletionTimestamp: found.metadata?.deletionTimestamp };
  },
});
const tokenAuthenticators = [staticTokens, accountTokens];
const registry = createRegistry({
  store,
  resources,
  admission: [...admissionPlugins, createEscalationCheck({ index, authorizer })],
  authorizer,
  clock,
  tokens,
  virtual: virtualResources({ authorizer, tokens: tokenAuthenticators, audiences }),
});
await feed.ready;
const client = createInlineClient({ registry, authorizer, user: { name: 'system:apiserver', groups: ['system:masters'] }, fieldManager: 'kube-apiserver' });
await ensureBootstrap(client, { serviceCidr: '10.96.0.0/16' });
await reconcilePolicy(client).catch((error: unknown) => log.warn('bootstrap policy', { error: String(error).slice(0, 200) }));
const services = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true };
await client.create(services, { metadata: { name: 'kubernetes', namespace: 'default' }, spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443 }] } } as never).catch((error: unknown) => log.warn('kubernetes service', { error: String(error) }));

const api = createApiServer({
  registry,
  authenticator: createRequestAuthenticator({ tokens: tokenAuthenticators, audiences, anonymous: true }),
  authorizer,
  clock,
  log,
  health: [ping, { name: 'etcd', for: ['livez', 'readyz', 'healthz'], check: () => {} }],
  version: versionInfo,
  openApi: createOpenApi(versionInfo.gitVersion),
  oidc: { issuer: issuerUrl, jwksUri: `${issuerUrl}/openid/v1/jwks`, algorithms: [keys.algorithm], jwks: keys.jwks },
});
const now = Date.now();
const ca = await createCertificateAuthority('kubernetes-ca', now);
const serving = await issueServingCertificate(ca, servingNames({ clusterDomain: 'cluster.local', serviceIp: '10.96.0.1', extra: [] }), now);
const listener = await listen({ api, tls: { ...serving, clientCa: ca.certificate }, host: '127.0.0.1', port, log });
writeFileSync(tokenFile, token);
log.info('ready', { url: `https://127.0.0.1:${listener.address.port}`, ms: Math.round(performance.now()) });
process.on('SIGTERM', () => void listener.close(100).then(() => process.exit(0)));
