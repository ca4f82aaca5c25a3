import type { ConfigMap, ServiceAccount } from '@nodeless/apimachinery/generated/types/core/v1';
import { isAlreadyExists, isNotFound } from '@nodeless/apimachinery/status';
import { configMaps, namespaces, serviceAccounts } from '@nodeless/client/resource-types';
import { type Controller, type Request, watchRule } from '@nodeless/controller-runtime/controller';

const nameOf = ({ object }: { object: { metadata?: { name?: string } } }): Request[] => [
  { name: object.metadata?.name ?? '' },
];
const namespaceOf = ({ object }: { object: { metadata?: { namespace?: string } } }): Request[] => [
  { name: object.metadata?.namespace ?? '' },
];

/** Every namespace has a ServiceAccount `default`. */
export const serviceAccountController: Controller = {
  name: 'service-account-controller',
  watches: [
    watchRule({ type: namespaces, requests: nameOf }),
    watchRule({ type: serviceAccounts, requests: (change) => (change.type === 'deleted' ? namespaceOf(change) : []) }),
  ],
  async reconcile({ name: namespace }, { cache, client }) {
    const owner = await cache.get(namespaces, { name: namespace });
    if (
      !owner ||
      owner.metadata?.deletionTimestamp ||
      (await cache.get(serviceAccounts, { namespace, name: 'default' }))
    )
      return;
    const account: ServiceAccount = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace, name: 'default' },
    };
    await ignoreRaces(client.create(serviceAccounts, account));
  },
};

const rootCertificate = 'kube-root-ca.crt';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Every namespace has a ConfigMap `kube-root-ca.crt`, which pods mount to trust the API server. */
export function createRootCertificateController(certificate: string): Controller {
  return {
    name: 'root-ca-cert-publisher',
    watches: [
      watchRule({ type: namespaces, requests: nameOf }),
      watchRule({
        type: configMaps,
        requests: (change) => (change.object.metadata?.name === rootCertificate ? namespaceOf(change) : []),
      }),
    ],
    async reconcile({ name: namespace }, { cache, client }) {
      const owner = await cache.get(namespaces, { name: namespace });
      if (!owner || owner.metadata?.deletionTimestamp) return;
      const existing = await cache.get(configMaps, { namespace, name: rootCertificate });
      const data = { 'ca.crt': certificate };
      if (!existing) {
        const metadata = {
          namespace,
          name: rootCertificate,
          annotations: { 'kubernetes.io/description': description },
        };
        await ignoreRaces(
          client.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }),
        );
      } else if (existing.data?.['ca.crt'] !== certificate || Object.keys(existing.data).length > 1) {
        await client.update(configMaps, { ...existing, data });
      }
    },
  };
}

/** Somebody made it first, or the namespace went meanwhile: both are as good. */
async function ignoreRaces(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
  }
}
