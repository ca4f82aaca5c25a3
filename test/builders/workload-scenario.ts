/** One story of a small cluster, told to a control plane however it runs, and what is left of it in a form that compares. */
import type { CustomResourceDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import { type Client, type ObjectKey, type ResourceType, resourceType } from '@nodeless/client/client';
import {
  configMaps,
  deployments,
  endpointSlices,
  endpoints,
  jobs,
  namespaces,
  podDisruptionBudgets,
  pods,
  replicaSets,
  resourceQuotas,
  serviceAccounts,
  services,
} from '@nodeless/client/resource-types';
import { customResourceDefinitions } from '@nodeless/controllers/custom-resource-definition';
import { newDeployment, newJob } from './cluster-objects.ts';

export interface Stage {
  readonly client: Client;
  until<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  find<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey | string): Promise<T | undefined>;
  edit<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey | string,
    change: (object: T) => unknown,
  ): Promise<T>;
  settle(ms?: number): Promise<void>;
}

export const widgets = resourceType<KubernetesObject>('example.com', 'v1', 'widgets', 'Widget');

const widgetDefinition: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

const ownerOf = (owner: KubernetesObject) => [
  {
    apiVersion: owner.apiVersion ?? '',
    kind: owner.kind ?? '',
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
  },
];
const configMap = (name: string, namespace = 'default', owner?: KubernetesObject) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, ...(owner && { ownerReferences: ownerOf(owner) }) },
});

/**
 * Deployment with Service, budget and quota, scaled and updated; Job; custom resources that own; a namespace that goes with all in
 * it. `patienceMs`: how long each step may take in the cluster's time.
 */
export async function playScenario(stage: Stage, patienceMs = 120_000): Promise<void> {
  const { client, until, find, edit } = stage;
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'doomed' } });
  await client.create(customResourceDefinitions, widgetDefinition);
  await client.create(resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { namespace: 'default', name: 'few' },
    spec: { hard: { pods: '20', 'count/widgets.example.com': '5' } },
  });
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  await client.create(podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: 'default', name: 'web' },
    spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
  });
  await client.create(deployments, newDeployment('web'));
  await client.create(jobs, newJob('sums', { completions: 3, parallelism: 2 }));
  const available = (count: number, image: string) => async (): Promise<boolean> => {
    const web = await find(deployments, 'web');
    return (
      web?.status?.availableReplicas === count &&
      web.status.updatedReplicas === count &&
      web.status.replicas === count &&
      web.status.observedGeneration === web.metadata?.generation &&
      web.spec?.template.spec?.containers[0]?.image === image
    );
  };
  await until('web is available', available(3, 'run'), patienceMs);
  await until(
    'widgets are served',
    () =>
      client.list(widgets).then(
        () => true,
        () => false,
      ),
    patienceMs,
  );

  const root = await client.create(widgets, {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { namespace: 'default', name: 'root' },
  });
  await client.create(configMaps, configMap('of-root', 'default', root));
  await client.create(configMaps, configMap('kept'));
  await client.create(deployments, newDeployment('lost', { replicas: 2 }, { namespace: 'doomed' }));
  await client.create(configMaps, configMap('also-lost', 'doomed'));
  await edit(deployments, 'web', ({ spec }) => {
    if (!spec) return;
    spec.replicas = 4;
    for (const container of spec.template.spec?.containers ?? []) container.image = 'run:2';
  });
  await until('web is updated', available(4, 'run:2'), patienceMs);
  await until(
    'the other one runs',
    async () => (await find(deployments, { namespace: 'doomed', name: 'lost' }))?.status?.availableReplicas === 2,
    patienceMs,
  );

  await client.delete(namespaces, { name: 'doomed' });
  await client.delete(widgets, { namespace: 'default', name: 'root' });
  await until('the namespace is gone', async () => !(await find(namespaces, 'doomed')), patienceMs);
  await until('what was owned is gone', async () => !(await find(configMaps, 'of-root')), patienceMs);
  await until(
    'the job is complete',
    async () =>
      (await find(jobs, 'sums'))?.status?.conditions?.some((c) => c.type === 'Complete' && c.status === 'True'),
    patienceMs,
  );
  await until(
    'the service has its endpoints',
    async () => (await find(endpoints, 'web'))?.subsets?.[0]?.addresses?.length === 4,
    patienceMs,
  );
  await until(
    'the quota counts what there is',
    async () => (await find(resourceQuotas, 'few'))?.status?.used?.['pods'] === '4',
    patienceMs,
  );
}

const looked: readonly ResourceType<UnknownObject>[] = [
  namespaces,
  deployments,
  replicaSets,
  jobs,
  pods,
  services,
  endpoints,
  endpointSlices,
  podDisruptionBudgets,
  resourceQuotas,
  configMaps,
  serviceAccounts,
  widgets,
  customResourceDefinitions,
].map((type) => type as unknown as ResourceType<UnknownObject>);

/** Everything that is there, without what differs from run to run: names made up, times, addresses, UIDs, revisions, and how many steps it took. */
export async function stateOf(client: Client): Promise<readonly string[]> {
  const found: string[] = [];
  for (const type of looked) {
    const { items } = await client.list(type);
    for (const { metadata, spec, status } of items) {
      const { name = '', namespace = '', generateName, finalizers, deletionTimestamp } = metadata ?? {};
      const called = generateName ? `${withoutHashes(generateName)}*` : withoutHashes(name);
      const kept = { finalizers, deletionTimestamp, spec: plain(spec), status: plain(status) };
      found.push(`${type.kind} ${namespace}/${called} ${JSON.stringify(kept)}`);
    }
  }
  return found.toSorted();
}

/** The hash of a pod template is the same everywhere; what a generated name ends in is not. */
const withoutHashes = (name: string): string => name.replace(/-[a-f0-9]{8,10}(?=-|$)/, '-hash');

const dropped =
  /Time$|^startedAt$|^finishedAt$|IP$|IPs$|^uid$|^resourceVersion$|^nodeName$|^clusterIP|^nodePort$|^name$|^volumes$|^volumeMounts$|^message$|^loadBalancer$|eneration$|controller-uid/;

function plain(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(plain).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !dropped.test(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}
