/** The FlowSchemas and PriorityLevelConfigurations that upstream makes at start, as data. */
import type { UnknownObject } from '@nodeless/apimachinery/object';

const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
const autoUpdate = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

interface Level {
  readonly shares: number;
  readonly lendable: number;
  /** [queues, handSize, queueLengthLimit]; absent = requests over the limit are refused. */
  readonly queuing?: readonly [number, number, number];
}

const levels: Record<string, Level> = {
  system: { shares: 30, lendable: 33, queuing: [64, 6, 50] },
  'node-high': { shares: 40, lendable: 25, queuing: [64, 6, 50] },
  'leader-election': { shares: 10, lendable: 0, queuing: [16, 4, 50] },
  'workload-high': { shares: 40, lendable: 50, queuing: [128, 6, 50] },
  'workload-low': { shares: 100, lendable: 90, queuing: [128, 6, 50] },
  'global-default': { shares: 20, lendable: 50, queuing: [128, 6, 50] },
  'catch-all': { shares: 5, lendable: 0 },
};

const user = (name: string): unknown => ({ kind: 'User', user: { name } });
const groupSubject = (name: string): unknown => ({ kind: 'Group', group: { name } });
const account = (name: string, namespace = 'kube-system'): unknown => ({
  kind: 'ServiceAccount',
  serviceAccount: { name, namespace },
});

interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly clusterScope?: boolean;
  readonly namespaces?: readonly string[];
}
const anyResource: ResourceRule = {
  verbs: ['*'],
  apiGroups: ['*'],
  resources: ['*'],
  clusterScope: true,
  namespaces: ['*'],
};
const anyPath = { verbs: ['*'], nonResourceURLs: ['*'] };
const election = (namespaces: readonly string[]): ResourceRule => ({
  verbs: ['get', 'create', 'update'],
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  namespaces,
});

interface Schema {
  readonly level: string;
  readonly precedence: number;
  /** Distinguisher of flows; absent = all of it is one. */
  readonly by?: 'ByUser' | 'ByNamespace';
  readonly subjects: readonly unknown[];
  readonly resources: readonly ResourceRule[];
  readonly paths?: readonly unknown[];
}

const everybody = [groupSubject('system:unauthenticated'), groupSubject('system:authenticated')];

const schemas: Record<string, Schema> = {
  exempt: {
    level: 'exempt',
    precedence: 1,
    subjects: [groupSubject('system:masters')],
    resources: [anyResource],
    paths: [anyPath],
  },
  probes: {
    level: 'exempt',
    precedence: 2,
    subjects: everybody,
    resources: [],
    paths: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  },
  'system-leader-election': {
    level: 'leader-election',
    precedence: 100,
    by: 'ByUser',
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
    resources: [election(['kube-system'])],
  },
  'endpoint-controller': {
    level: 'workload-high',
    precedence: 150,
    by: 'ByUser',
    subjects: [
      user('system:kube-controller-manager'),
      account('endpoint-controller'),
      account('endpointslicemirroring-controller'),
    ],
    resources: [{ verbs: ['get', 'create', 'update'], apiGroups: [''], resources: ['endpoints'], namespaces: ['*'] }],
  },
  'workload-leader-election': {
    level: 'leader-election',
    precedence: 200,
    by: 'ByUser',
    subjects: [account('*')],
    resources: [election(['*'])],
  },
  'system-node-high': {
    level: 'node-high',
    precedence: 400,
    by: 'ByUser',
    subjects: [groupSubject('system:nodes')],
    resources: [
      { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
      { verbs: ['*'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] },
    ],
  },
  'system-nodes': {
    level: 'system',
    precedence: 500,
    by: 'ByUser',
    subjects: [groupSubject('system:nodes')],
    resources: [anyResource],
    paths: [anyPath],
  },
  'kube-controller-manager': {
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: [user('system:kube-controller-manager')],
    resources: [anyResource],
    paths: [anyPath],
  },
  'kube-scheduler': {
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: [user('system:kube-scheduler')],
    resources: [anyResource],
    paths: [anyPath],
  },
  'kube-system-service-accounts': {
    level: 'workload-high',
    precedence: 900,
    by: 'ByNamespace',
    subjects: [account('*')],
    resources: [anyResource],
    paths: [anyPath],
  },
  'service-accounts': {
    level: 'workload-low',
    precedence: 9000,
    by: 'ByUser',
    subjects: [groupSubject('system:serviceaccounts')],
    resources: [anyResource],
    paths: [anyPath],
  },
  'global-default': {
    level: 'global-default',
    precedence: 9900,
    by: 'ByUser',
    subjects: everybody,
    resources: [anyResource],
    paths: [anyPath],
  },
  'catch-all': {
    level: 'catch-all',
    precedence: 10000,
    by: 'ByUser',
    subjects: everybody,
    resources: [anyResource],
    paths: [anyPath],
  },
};

export function priorityLevels(): UnknownObject[] {
  const exempt = object('PriorityLevelConfiguration', 'exempt', {
    type: 'Exempt',
    exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 },
  });
  return [
    exempt,
    ...Object.entries(levels).map(([name, { shares, lendable, queuing }]) => {
      const [queues, handSize, queueLengthLimit] = queuing ?? [];
      const limitResponse = queuing
        ? { type: 'Queue', queuing: { queues, handSize, queueLengthLimit } }
        : { type: 'Reject' };
      return object('PriorityLevelConfiguration', name, {
        type: 'Limited',
        limited: { nominalConcurrencyShares: shares, lendablePercent: lendable, limitResponse },
      });
    }),
  ];
}

export function flowSchemas(): UnknownObject[] {
  return Object.entries(schemas).map(([name, { level, precedence, by, subjects, resources, paths }]) =>
    object('FlowSchema', name, {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence: precedence,
      ...(by ? { distinguisherMethod: { type: by } } : {}),
      rules: [
        {
          subjects,
          ...(resources.length ? { resourceRules: resources } : {}),
          ...(paths ? { nonResourceRules: paths } : {}),
        },
      ],
    }),
  );
}

function object(kind: string, name: string, spec: unknown): UnknownObject {
  return { apiVersion, kind, metadata: { name, annotations: { ...autoUpdate } }, spec };
}
