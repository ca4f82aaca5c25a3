/** The RBAC objects that every cluster starts with, in the order in which they are made. */
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  Subject,
} from '@nodeless/apimachinery/generated/types/rbac/v1';
import { clusterRoleRules } from './bootstrap-cluster-roles.ts';
import { controllerRules } from './bootstrap-controller-roles.ts';
import { parseRule } from './bootstrap-rules.ts';

export interface BootstrapPolicy {
  readonly clusterRoles: readonly ClusterRole[];
  readonly clusterRoleBindings: readonly ClusterRoleBinding[];
  readonly roles: readonly Role[];
  readonly roleBindings: readonly RoleBinding[];
}

export const rbacGroup = 'rbac.authorization.k8s.io';
/** 'false' on an object keeps it from being reconciled at start. */
export const autoUpdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate';

const apiVersion = `${rbacGroup}/v1`;
const aggregateTo = (role: string): Record<string, string> => ({ [`${rbacGroup}/aggregate-to-${role}`]: 'true' });

/** Labels beyond the common one. */
const extraLabels: Readonly<Record<string, Record<string, string>>> = {
  edit: aggregateTo('admin'),
  view: aggregateTo('edit'),
  'system:aggregate-to-admin': aggregateTo('admin'),
  'system:aggregate-to-edit': aggregateTo('edit'),
  'system:aggregate-to-view': aggregateTo('view'),
};

const metadata = (name: string, namespace?: string) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...extraLabels[name] },
  annotations: { [autoUpdateAnnotation]: 'true' },
});

const group = (name: string): Subject => ({ kind: 'Group', apiGroup: rbacGroup, name });
const user = (name: string): Subject => ({ kind: 'User', apiGroup: rbacGroup, name });
const account = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' });

const clusterBindings: Readonly<Record<string, readonly Subject[]>> = {
  'cluster-admin': [group('system:masters')],
  'system:monitoring': [group('system:monitoring')],
  'system:discovery': [group('system:authenticated')],
  'system:basic-user': [group('system:authenticated')],
  'system:public-info-viewer': [group('system:authenticated'), group('system:unauthenticated')],
  'system:node-proxier': [user('system:kube-proxy')],
  'system:kube-controller-manager': [user('system:kube-controller-manager')],
  'system:kube-dns': [account('kube-dns')],
  'system:kube-scheduler': [user('system:kube-scheduler')],
  'system:volume-scheduler': [user('system:kube-scheduler')],
  // Nodes are the node authorizer's; the binding exists so that an administrator's own stays recognisable.
  'system:node': [],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
};

const leaderLocking = [
  'create get list update watch | coordination.k8s.io | leases',
  'create get list update watch | coordination.k8s.io | leasecandidates',
];

/** namespace, name, rules. */
const namespacedRoles: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'kube-system',
    'extension-apiserver-authentication-reader',
    ['read | core | configmaps | extension-apiserver-authentication'],
  ],
  ['kube-system', 'system:controller:bootstrap-signer', ['read | core | secrets']],
  ['kube-system', 'system:controller:cloud-provider', ['create get list watch | core | configmaps']],
  [
    'kube-system',
    'system:controller:token-cleaner',
    ['delete get list watch | core | secrets', 'create patch update | core events.k8s.io | events'],
  ],
  ['kube-system', 'system::leader-locking-kube-controller-manager', leaderLocking],
  ['kube-system', 'system::leader-locking-kube-scheduler', leaderLocking],
  [
    'kube-public',
    'system:controller:bootstrap-signer',
    [
      'read | core | configmaps',
      'update | core | configmaps | cluster-info',
      'create patch update | core events.k8s.io | events',
    ],
  ],
];

/** namespace, name, role, subjects. */
const namespacedBindings: readonly (readonly [string, string, string, readonly Subject[]])[] = [
  [
    'kube-system',
    'system::extension-apiserver-authentication-reader',
    'extension-apiserver-authentication-reader',
    [user('system:kube-controller-manager'), user('system:kube-scheduler')],
  ],
  [
    'kube-system',
    'system::leader-locking-kube-controller-manager',
    'system::leader-locking-kube-controller-manager',
    [user('system:kube-controller-manager'), account('kube-controller-manager'), account('leader-election-controller')],
  ],
  [
    'kube-system',
    'system::leader-locking-kube-scheduler',
    'system::leader-locking-kube-scheduler',
    [user('system:kube-scheduler'), account('kube-scheduler')],
  ],
  [
    'kube-system',
    'system:controller:bootstrap-signer',
    'system:controller:bootstrap-signer',
    [account('bootstrap-signer')],
  ],
  ['kube-system', 'system:controller:cloud-provider', 'system:controller:cloud-provider', [account('cloud-provider')]],
  ['kube-system', 'system:controller:token-cleaner', 'system:controller:token-cleaner', [account('token-cleaner')]],
  [
    'kube-public',
    'system:controller:bootstrap-signer',
    'system:controller:bootstrap-signer',
    [account('bootstrap-signer')],
  ],
];

const controllerRoleName = (name: string): string => `system:controller:${name}`;

function clusterRole(name: string, rules: readonly string[]): ClusterRole {
  return { apiVersion, kind: 'ClusterRole', metadata: metadata(name), rules: rules.map(parseRule) };
}

function aggregatedRole(name: string): ClusterRole {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: aggregateTo(name) }] };
  return { apiVersion, kind: 'ClusterRole', metadata: metadata(name), rules: [], aggregationRule };
}

function clusterRoleBinding(name: string, subjects: readonly Subject[]): ClusterRoleBinding {
  const roleRef = { apiGroup: rbacGroup, kind: 'ClusterRole', name };
  return {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    ...(subjects.length === 0 ? {} : { subjects: [...subjects] }),
    roleRef,
  };
}

export function bootstrapPolicy(): BootstrapPolicy {
  const controllers = Object.entries(controllerRules);
  return {
    clusterRoles: [
      ...Object.entries(clusterRoleRules).map(([name, rules]) => clusterRole(name, rules)),
      ...['admin', 'edit', 'view'].map(aggregatedRole),
      ...controllers.map(([name, rules]) => clusterRole(controllerRoleName(name), rules)),
    ],
    clusterRoleBindings: [
      ...Object.entries(clusterBindings).map(([name, subjects]) => clusterRoleBinding(name, subjects)),
      ...controllers.map(([name]) => clusterRoleBinding(controllerRoleName(name), [account(name)])),
    ],
    roles: namespacedRoles.map(([namespace, name, rules]) => ({
      apiVersion,
      kind: 'Role',
      metadata: metadata(name, namespace),
      rules: rules.map(parseRule),
    })),
    roleBindings: namespacedBindings.map(([namespace, name, role, subjects]) => ({
      apiVersion,
      kind: 'RoleBinding',
      metadata: metadata(name, namespace),
      subjects: [...subjects],
      roleRef: { apiGroup: rbacGroup, kind: 'Role', name: role },
    })),
  };
}
