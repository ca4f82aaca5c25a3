/** Requests to the API as they come in a cluster's life, and what each costs at the table: for bench/ and for a test that bounds it. */
import type { Clock } from '@nodeless/component-base/clock';
import { type CountedProcess, createCountedApi } from './counted-api.ts';
import type { Usage } from './metered-table.ts';

export interface MeasuredOperation {
  readonly name: string;
  /** In a process that was started just now, its start left out. */
  readonly cold: Usage;
  /** In one that has served the same sort of request before. */
  readonly warm: Usage;
}

interface Operation {
  readonly name: string;
  /** Done `n` times, each with another object. */
  readonly run: (process: CountedProcess, n: number) => Promise<Usage>;
}

const space = 'shop';
const at = '2030-01-01T00:00:00Z';
const merge = 'application/merge-patch+json';

export const podOf = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    labels: { app: 'web', 'pod-template-hash': '5d4f8c7b9' },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'web-5d4f8c7b9',
        uid: '3f2a1c9e-0000-4000-8000-000000000000',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'registry.example/team/checkout:1.27.3',
        ports: [{ containerPort: 8080, name: 'http' }],
        env: [{ name: 'MODE', value: 'production' }],
        resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '512Mi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 5 },
      },
    ],
  },
});

export const runningStatus = (address: string): object => ({
  status: {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    hostIP: address,
    startTime: at,
    conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
      (type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: at,
      }),
    ),
    containerStatuses: [
      {
        name: 'web',
        ready: true,
        started: true,
        restartCount: 0,
        image: 'registry.example/team/checkout:1.27.3',
        imageID: 'registry.example/team/checkout@sha256:5f0c2d1e9b7a4c63',
        containerID: 'ecs://0f9c7c3e2b1a/web',
        state: { running: { startedAt: at } },
        lastState: {},
      },
    ],
  },
});

const serviceOf = (name: string, type = 'ClusterIP'): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { type, selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
});

export const eventOf = (name: string, pod: string): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: space },
  involvedObject: { kind: 'Pod', namespace: space, name: pod, uid: '4f2a1c9e-1111-4000-8000-000000000000' },
  reason: 'Scheduled',
  message: `Successfully assigned ${space}/${pod} to fargate-us-east-1a-arm64`,
  type: 'Normal',
  source: { component: 'default-scheduler' },
  firstTimestamp: at,
  lastTimestamp: at,
  count: 1,
});

async function done(process: CountedProcess, ...request: Parameters<CountedProcess['ask']>): Promise<Usage> {
  const { status, usage, body } = await process.ask(...request);
  if (status >= 300) throw new Error(`${request[0]} ${request[1]}: ${status} ${JSON.stringify(body)}`);
  return usage;
}

const pods = `/api/v1/namespaces/${space}/pods`;
const request =
  (method: string, target: (n: number) => string, body?: (n: number) => object, type?: string): Operation['run'] =>
  (process, n) =>
    done(process, method, target(n), body?.(n), type);

const operations: readonly Operation[] = [
  { name: 'get a pod', run: request('GET', (n) => `${pods}/p${n}`) },
  {
    name: 'get a pod that is not there',
    run: async (process, n) => (await process.ask('GET', `${pods}/none${n}`)).usage,
  },
  { name: 'list the pods of a namespace', run: request('GET', () => pods) },
  { name: 'list one pod by name', run: request('GET', (n) => `${pods}?fieldSelector=metadata.name%3Dp${n}`) },
  { name: 'list all pods, limit 500', run: request('GET', () => '/api/v1/pods?limit=500') },
  {
    name: 'create a namespace',
    run: request(
      'POST',
      () => '/api/v1/namespaces',
      (n) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `made-${n}` } }),
    ),
  },
  {
    name: 'create a configmap',
    run: request(
      'POST',
      () => `/api/v1/namespaces/${space}/configmaps`,
      (n) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${n}` }, data: { a: 'b' } }),
    ),
  },
  {
    name: 'create a secret of 20 KB',
    run: request(
      'POST',
      () => `/api/v1/namespaces/${space}/secrets`,
      (n) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: `s${n}` }, data: { release: noise(15_000) } }),
    ),
  },
  {
    name: 'create a pod',
    run: request(
      'POST',
      () => pods,
      (n) => podOf(`made-${n}`),
    ),
  },
  {
    name: 'bind a pod',
    run: request(
      'POST',
      (n) => `${pods}/made-${n}/binding`,
      (n) => ({
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: `made-${n}` },
        target: { kind: 'Node', name: 'fargate-us-east-1a-arm64' },
      }),
    ),
  },
  {
    name: 'patch the status of a pod',
    run: request(
      'PATCH',
      (n) => `${pods}/made-${n}/status`,
      (n) => runningStatus(`10.0.1.${n}`),
      merge,
    ),
  },
  {
    name: 'patch the labels of a pod',
    run: request(
      'PATCH',
      (n) => `${pods}/made-${n}`,
      () => ({ metadata: { labels: { more: 'x' } } }),
      merge,
    ),
  },
  { name: 'delete a pod', run: request('DELETE', (n) => `${pods}/made-${n}?gracePeriodSeconds=0`) },
  {
    name: 'create a deployment',
    run: request(
      'POST',
      () => `/apis/apps/v1/namespaces/${space}/deployments`,
      (n) => deploymentOf(`d${n}`),
    ),
  },
  {
    name: 'create a service',
    run: request(
      'POST',
      () => `/api/v1/namespaces/${space}/services`,
      (n) => serviceOf(`s${n}`),
    ),
  },
  {
    name: 'create a load balancer service',
    run: request(
      'POST',
      () => `/api/v1/namespaces/${space}/services`,
      (n) => serviceOf(`lb${n}`, 'LoadBalancer'),
    ),
  },
  { name: 'delete a service', run: request('DELETE', (n) => `/api/v1/namespaces/${space}/services/s${n}`) },
  {
    name: 'create an event',
    run: request(
      'POST',
      () => `/api/v1/namespaces/${space}/events`,
      (n) => eventOf(`e${n}`, 'p1'),
    ),
  },
  {
    name: 'create a lease',
    run: request(
      'POST',
      () => `/apis/coordination.k8s.io/v1/namespaces/${space}/leases`,
      (n) => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: `l${n}` },
        spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2030-01-01T00:00:00.000000Z' },
      }),
    ),
  },
  {
    name: 'renew a lease',
    run: request(
      'PATCH',
      (n) => `/apis/coordination.k8s.io/v1/namespaces/${space}/leases/l${n}`,
      () => ({ spec: { renewTime: '2030-01-01T00:00:10.000000Z' } }),
      merge,
    ),
  },
  {
    name: 'poll a watch that has nothing new',
    async run(process) {
      await process.store.list({ prefix: '/pods/' });
      const revision = await process.store.revision('/pods/');
      process.take();
      if ((await process.store.revision('/pods/')) !== revision) throw new Error('something was new');
      return process.take();
    },
  },
  {
    name: 'a dry run',
    run: request(
      'POST',
      () => `${pods}?dryRun=All`,
      (n) => podOf(`dry-${n}`),
    ),
  },
];

function deploymentOf(name: string): object {
  const { metadata, spec } = podOf(name) as { metadata: { labels: object }; spec: object };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: metadata.labels }, spec },
    },
  };
}

/** As a helm release is: packed already, in base64. */
function noise(length: number): string {
  let state = 7;
  const bytes = Buffer.from(
    Array.from({ length }, () => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
      return (state >>> 24) & 0xff;
    }),
  );
  return bytes.toString('base64');
}

/** Measures every operation in a cluster that holds `existing` pods in a hundred namespaces beside those of its own. */
export async function measureOperations({ clock, existing }: { clock: Clock; existing: number }): Promise<{
  readonly start: Usage;
  readonly operations: readonly MeasuredOperation[];
}> {
  const api = await createCountedApi({ clock });
  const maker = await api.open();
  await done(maker, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: space } });
  await done(maker, 'POST', `/api/v1/namespaces/${space}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default' },
  });
  for (let n = 0; n < 4; n++) await done(maker, 'POST', pods, podOf(`p${n}`));
  await addPods(maker, existing);
  await maker.close();
  const warm = await api.open();
  const measured: MeasuredOperation[] = [];
  for (const { name, run } of operations) {
    const fresh = await api.open();
    const cold = await run(fresh, 1);
    await fresh.close();
    await run(warm, 2);
    measured.push({ name, cold, warm: await run(warm, 3) });
  }
  const { opened: start } = await api.open();
  return { start, operations: measured };
}

/** Pods elsewhere, straight into the store: each a copy of one that the API has made. */
async function addPods({ store }: CountedProcess, count: number): Promise<void> {
  const model = (await store.get(`/pods/${space}/p0`))!;
  for (let i = 0; i < count; i += 40) {
    await store.commit(
      Array.from({ length: Math.min(40, count - i) }, (_, n) => ({
        type: 'put' as const,
        key: `/pods/other-${(i + n) % 100}/pod-${i + n}`,
        expected: 'absent' as const,
        attributes: model.attributes,
        value: () => ({ bytes: model.value.bytes }),
      })),
    );
  }
}
