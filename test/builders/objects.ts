/** Small valid objects with overrides, for tests of planners. */
import type { Deployment, ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type {
  Node,
  Pod,
  PodSpec,
  PodStatus,
  Service,
  ServiceSpec,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';

let sequence = 0;
const meta = (name: string, overrides: ObjectMeta = {}): ObjectMeta => ({
  name,
  namespace: 'default',
  uid: `uid-${name}`,
  resourceVersion: String(++sequence),
  generation: 1,
  creationTimestamp: '2030-01-01T00:00:00Z',
  ...overrides,
});

export interface PodOverrides {
  metadata?: ObjectMeta;
  spec?: Partial<PodSpec>;
  status?: PodStatus;
  /** CPU request of its one container. */
  cpu?: string;
  memory?: string;
}

export function aPod(name: string, { metadata, spec, status, cpu, memory }: PodOverrides = {}): Pod {
  const requests = { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, metadata),
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'c', image: 'img:1', resources: Object.keys(requests).length ? { requests } : {} }],
      ...spec,
    },
    status: status ?? { phase: 'Pending' },
  };
}

/** A running pod that has been ready since the given time. */
export function aReadyPod(name: string, overrides: PodOverrides = {}, since = '2030-01-01T00:00:00Z'): Pod {
  const ip = `10.0.0.${(name.codePointAt(name.length - 1) ?? 0) % 250}`;
  return aPod(name, {
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }],
    },
    ...overrides,
  });
}

export function aNode(
  name: string,
  overrides: {
    labels?: Record<string, string>;
    allocatable?: Record<string, string>;
    spec?: Node['spec'];
    conditions?: NonNullable<Node['status']>['conditions'];
  } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...meta(name), namespace: undefined, labels: { 'kubernetes.io/hostname': name, ...overrides.labels } },
    spec: overrides.spec ?? {},
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...overrides.allocatable },
      conditions: overrides.conditions ?? [{ type: 'Ready', status: 'True' }],
    },
  };
}

export function aService(name: string, spec: Partial<ServiceSpec> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name),
    spec: {
      selector: { app: 'x' },
      ports: [{ port: 80, protocol: 'TCP' }],
      ipFamilies: ['IPv4'],
      clusterIP: '10.96.0.9',
      ...spec,
    },
  };
}

export function aDeployment(
  name: string,
  spec: Partial<NonNullable<Deployment['spec']>> = {},
  overrides: { metadata?: ObjectMeta; status?: Deployment['status'] } = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(name, overrides.metadata),
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'x' } },
      template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'img:1' }] } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
    status: overrides.status ?? {},
  };
}

/** A ReplicaSet of the deployment's template (or another image), as the controller would have made it. */
export function aReplicaSet(
  deployment: Deployment,
  name: string,
  numbers: {
    replicas: number;
    available?: number;
    image?: string;
    revision?: number;
    created?: string;
    desired?: number;
  },
): ReplicaSet {
  const {
    replicas,
    available = replicas,
    image,
    revision = 1,
    created = '2030-01-01T00:00:00Z',
    desired = deployment.spec?.replicas ?? 1,
  } = numbers;
  const template = structuredClone(deployment.spec?.template ?? {});
  if (image && template.spec?.containers[0]) template.spec.containers[0].image = image;
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, 'pod-template-hash': name } };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: meta(name, {
      creationTimestamp: created,
      labels: template.metadata.labels,
      annotations: {
        'deployment.kubernetes.io/revision': String(revision),
        'deployment.kubernetes.io/desired-replicas': String(desired),
        'deployment.kubernetes.io/max-replicas': String(desired + 1),
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: deployment.metadata?.name ?? '',
          uid: deployment.metadata?.uid ?? '',
          controller: true,
        },
      ],
    }),
    spec: { replicas, selector: { matchLabels: template.metadata.labels }, template },
    status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  };
}

export function aJob(name: string, spec: Partial<NonNullable<Job['spec']>> = {}, status: Job['status'] = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta(name),
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'img:1' }] } },
      ...spec,
    },
    status,
  };
}
