/** The built-in kinds that components work with, in the version they work with. */
import type * as apps from '@nodeless/apimachinery/generated/types/apps/v1';
import type * as autoscaling from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import type * as batch from '@nodeless/apimachinery/generated/types/batch/v1';
import type * as coordination from '@nodeless/apimachinery/generated/types/coordination/v1';
import type * as core from '@nodeless/apimachinery/generated/types/core/v1';
import type * as discovery from '@nodeless/apimachinery/generated/types/discovery/v1';
import type * as networking from '@nodeless/apimachinery/generated/types/networking/v1';
import type * as policy from '@nodeless/apimachinery/generated/types/policy/v1';
import type * as rbac from '@nodeless/apimachinery/generated/types/rbac/v1';
import type * as scheduling from '@nodeless/apimachinery/generated/types/scheduling/v1';
import type * as storage from '@nodeless/apimachinery/generated/types/storage/v1';
import { resourceType } from './client.ts';

export const bindings = resourceType<core.Binding>('', 'v1', 'pods', 'Binding');
export const configMaps = resourceType<core.ConfigMap>('', 'v1', 'configmaps', 'ConfigMap');
export const endpoints = resourceType<core.Endpoints>('', 'v1', 'endpoints', 'Endpoints');
export const events = resourceType<core.Event>('', 'v1', 'events', 'Event');
export const limitRanges = resourceType<core.LimitRange>('', 'v1', 'limitranges', 'LimitRange');
export const namespaces = resourceType<core.Namespace>('', 'v1', 'namespaces', 'Namespace', false);
export const nodes = resourceType<core.Node>('', 'v1', 'nodes', 'Node', false);
export const persistentVolumeClaims = resourceType<core.PersistentVolumeClaim>(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
export const persistentVolumes = resourceType<core.PersistentVolume>(
  '',
  'v1',
  'persistentvolumes',
  'PersistentVolume',
  false,
);
export const pods = resourceType<core.Pod>('', 'v1', 'pods', 'Pod');
export const replicationControllers = resourceType<core.ReplicationController>(
  '',
  'v1',
  'replicationcontrollers',
  'ReplicationController',
);
export const resourceQuotas = resourceType<core.ResourceQuota>('', 'v1', 'resourcequotas', 'ResourceQuota');
export const secrets = resourceType<core.Secret>('', 'v1', 'secrets', 'Secret');
export const serviceAccounts = resourceType<core.ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount');
export const services = resourceType<core.Service>('', 'v1', 'services', 'Service');

export const controllerRevisions = resourceType<apps.ControllerRevision>(
  'apps',
  'v1',
  'controllerrevisions',
  'ControllerRevision',
);
export const daemonSets = resourceType<apps.DaemonSet>('apps', 'v1', 'daemonsets', 'DaemonSet');
export const deployments = resourceType<apps.Deployment>('apps', 'v1', 'deployments', 'Deployment');
export const replicaSets = resourceType<apps.ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet');
export const statefulSets = resourceType<apps.StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet');

export const horizontalPodAutoscalers = resourceType<autoscaling.HorizontalPodAutoscaler>(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
);
export const cronJobs = resourceType<batch.CronJob>('batch', 'v1', 'cronjobs', 'CronJob');
export const jobs = resourceType<batch.Job>('batch', 'v1', 'jobs', 'Job');
export const leases = resourceType<coordination.Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease');
export const endpointSlices = resourceType<discovery.EndpointSlice>(
  'discovery.k8s.io',
  'v1',
  'endpointslices',
  'EndpointSlice',
);
export const ingresses = resourceType<networking.Ingress>('networking.k8s.io', 'v1', 'ingresses', 'Ingress');
export const ipAddresses = resourceType<networking.IPAddress>(
  'networking.k8s.io',
  'v1',
  'ipaddresses',
  'IPAddress',
  false,
);
export const serviceCidrs = resourceType<networking.ServiceCIDR>(
  'networking.k8s.io',
  'v1',
  'servicecidrs',
  'ServiceCIDR',
  false,
);
export const podDisruptionBudgets = resourceType<policy.PodDisruptionBudget>(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
);
export const priorityClasses = resourceType<scheduling.PriorityClass>(
  'scheduling.k8s.io',
  'v1',
  'priorityclasses',
  'PriorityClass',
  false,
);
export const storageClasses = resourceType<storage.StorageClass>(
  'storage.k8s.io',
  'v1',
  'storageclasses',
  'StorageClass',
  false,
);

export const clusterRoleBindings = resourceType<rbac.ClusterRoleBinding>(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterrolebindings',
  'ClusterRoleBinding',
  false,
);
export const clusterRoles = resourceType<rbac.ClusterRole>(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterroles',
  'ClusterRole',
  false,
);
export const roleBindings = resourceType<rbac.RoleBinding>(
  'rbac.authorization.k8s.io',
  'v1',
  'rolebindings',
  'RoleBinding',
);
export const roles = resourceType<rbac.Role>('rbac.authorization.k8s.io', 'v1', 'roles', 'Role');
