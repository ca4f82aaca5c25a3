/** Fields of a pod's spec outside its containers. */
import { wholeAmount } from './amounts.ts';
import { ephemeralGib, maxContainers } from './fargate-size.ts';
import type { FieldRule } from './field-rule.ts';
import { taskSizeOf } from './task-size.ts';

const noNode = 'a Fargate task has no node of its own';
const ours = 'the API server and scheduler of this cluster';
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const gib = 2 ** 30;

export const podRules: readonly FieldRule[] = [
  {
    path: 'spec.containers',
    state: 'refused',
    only: `more than ${maxContainers - 1} with the init containers`,
    test: (_, { pod }) => list(pod.spec?.containers).length + list(pod.spec?.initContainers).length > maxContainers - 1,
    reason: `a task holds ${maxContainers} containers, of which one is the agent`,
    alternative: 'put less into one pod',
  },
  {
    path: 'spec.containers',
    state: 'refused',
    only: 'requests beyond the largest task',
    test: (_, { pod }) => taskSizeOf(pod) === undefined,
    reason: 'no Fargate task is as large as what the containers request: 32 vCPU with 244 GiB is the largest',
    alternative: 'request less in one pod',
  },
  {
    path: 'spec.containers',
    state: 'refused',
    only: `ephemeral-storage beyond ${ephemeralGib.most} GiB`,
    test: (_, { pod }) => wholeAmount(pod, 'ephemeral-storage') > ephemeralGib.most * gib,
    reason: `a task has at most ${ephemeralGib.most} GiB of ephemeral storage`,
    alternative: 'a PersistentVolumeClaim on EFS',
  },
  { path: 'spec.containers', state: 'supported', reason: 'each is a container of the task' },
  {
    path: 'spec.initContainers',
    state: 'supported',
    reason:
      'run one after another before the others; sidecars (restartPolicy: Always) run beside them, and the next starts when they run, or are healthy by an exec startup probe',
  },
  {
    path: 'spec.ephemeralContainers',
    state: 'refused',
    reason: 'nothing can be added to a task that runs',
    alternative: 'a sidecar in the pod, or aws ecs execute-command',
  },
  {
    path: 'spec.restartPolicy',
    state: 'supported',
    reason:
      'in place after a container has run for a minute; otherwise by another task, which has another address, after the usual back-off',
  },
  {
    path: 'spec.terminationGracePeriodSeconds',
    state: 'ignored',
    only: 'more than 120',
    test: (value) => typeof value === 'number' && value > 120,
    reason: 'ECS waits 120 seconds at most between SIGTERM and SIGKILL',
  },
  {
    path: 'spec.terminationGracePeriodSeconds',
    state: 'supported',
    reason: 'the grace of the spec counts, not that of a single deletion',
  },
  { path: 'spec.activeDeadlineSeconds', state: 'supported' },
  {
    path: 'spec.dnsPolicy',
    state: 'refused',
    only: 'None',
    test: (value) => value === 'None',
    reason: "tasks ask the VPC's resolver",
    alternative: 'ClusterFirst or Default',
  },
  {
    path: 'spec.dnsPolicy',
    state: 'supported',
    reason:
      "the VPC's resolver, which knows the cluster's zone; search domains by LOCALDOMAIN, which resolvers of glibc read (others need full names)",
  },
  {
    path: 'spec.dnsConfig.nameservers',
    state: 'refused',
    reason: "tasks ask the VPC's resolver",
    alternative: 'rules of the Route 53 resolver in the VPC',
  },
  { path: 'spec.dnsConfig', state: 'supported', reason: 'searches and options by LOCALDOMAIN and RES_OPTIONS' },
  {
    path: 'spec.nodeSelector',
    state: 'supported',
    reason:
      'zones, architectures and capacity types are nodes; naming an architecture or Spot adds the toleration for its nodes',
  },
  { path: 'spec.affinity', state: 'supported', reason: 'as for nodeSelector' },
  { path: 'spec.tolerations', state: 'supported' },
  { path: 'spec.topologySpreadConstraints', state: 'supported', reason: 'topology.kubernetes.io/zone' },
  { path: 'spec.schedulerName', state: 'supported', reason: ours },
  { path: 'spec.nodeName', state: 'supported' },
  {
    path: 'spec.serviceAccountName',
    state: 'supported',
    reason: 'its annotation eks.amazonaws.com/role-arn or nodeless.dev/role-arn is the IAM role of the task',
  },
  { path: 'spec.serviceAccount', state: 'supported' },
  { path: 'spec.automountServiceAccountToken', state: 'supported', reason: 'the agent writes and renews the token' },
  { path: 'spec.hostNetwork', state: 'refused', reason: noNode, alternative: "the pod's own address" },
  { path: 'spec.hostPID', state: 'refused', reason: noNode, alternative: 'shareProcessNamespace' },
  { path: 'spec.hostIPC', state: 'refused', reason: noNode },
  { path: 'spec.hostUsers', state: 'supported', reason: 'every task has a machine to itself' },
  { path: 'spec.shareProcessNamespace', state: 'supported' },
  { path: 'spec.imagePullSecrets', state: 'supported', reason: 'kept in Secrets Manager, from which ECS reads them' },
  {
    path: 'spec.hostname',
    state: 'ignored',
    reason: 'ECS names the host; the variable HOSTNAME has the name, and so have the DNS records',
  },
  { path: 'spec.subdomain', state: 'supported', reason: 'DNS records' },
  { path: 'spec.setHostnameAsFQDN', state: 'ignored', reason: 'ECS names the host' },
  { path: 'spec.hostnameOverride', state: 'ignored', reason: 'ECS names the host' },
  {
    path: 'spec.hostAliases',
    state: 'refused',
    reason: 'ECS writes /etc/hosts on Fargate and takes no lines for it',
    alternative: 'an ExternalName Service or a record in a private zone',
  },
  { path: 'spec.priorityClassName', state: 'supported' },
  { path: 'spec.priority', state: 'supported' },
  {
    path: 'spec.preemptionPolicy',
    state: 'supported',
    reason: 'virtual nodes are never full, so nothing is preempted',
  },
  { path: 'spec.readinessGates', state: 'supported' },
  { path: 'spec.schedulingGates', state: 'supported' },
  {
    path: 'spec.runtimeClassName',
    state: 'supported',
    reason: 'its overhead and scheduling count; its handler means nothing: there is one runtime',
  },
  { path: 'spec.overhead', state: 'supported', reason: "counted in the task's size" },
  { path: 'spec.enableServiceLinks', state: 'supported' },
  {
    path: 'spec.os',
    state: 'refused',
    only: 'windows',
    test: (value) => (value as { name?: string } | undefined)?.name === 'windows',
    reason: 'there are only Linux nodes',
  },
  { path: 'spec.os', state: 'supported' },
  { path: 'spec.resources', state: 'supported', reason: "counted in the task's size" },
  { path: 'spec.resourceClaims', state: 'refused', reason: 'Fargate has no devices' },
  { path: 'spec.schedulingGroup', state: 'ignored', reason: 'pods are scheduled one by one' },
  { path: 'spec.securityContext.runAsUser', state: 'supported' },
  { path: 'spec.securityContext.runAsGroup', state: 'supported' },
  {
    path: 'spec.securityContext.runAsNonRoot',
    state: 'ignored',
    reason: "nobody looks into the image's user; runAsUser is heeded",
  },
  {
    path: 'spec.securityContext.fsGroup',
    state: 'supported',
    reason: 'of what the agent writes and of emptyDirs; files are readable to all groups otherwise',
  },
  { path: 'spec.securityContext.fsGroupChangePolicy', state: 'ignored', reason: 'volumes of a task are new each time' },
  {
    path: 'spec.securityContext.supplementalGroups',
    state: 'refused',
    reason: 'ECS gives a container one user and one group',
    alternative: 'runAsGroup or fsGroup',
  },
  {
    path: 'spec.securityContext.supplementalGroupsPolicy',
    state: 'ignored',
    reason: 'there are no supplemental groups',
  },
  {
    path: 'spec.securityContext.sysctls',
    state: 'supported',
    reason: 'systemControls of the task; those of the network count for all its containers',
  },
  { path: 'spec.securityContext.seLinuxOptions', state: 'refused', reason: 'Fargate has no SELinux' },
  { path: 'spec.securityContext.seLinuxChangePolicy', state: 'ignored', reason: 'Fargate has no SELinux' },
  { path: 'spec.securityContext.windowsOptions', state: 'refused', reason: 'there are only Linux nodes' },
  {
    path: 'spec.securityContext.seccompProfile',
    state: 'refused',
    only: 'Localhost and Unconfined',
    test: (value) => isProfile(value, ['Localhost', 'Unconfined']),
    reason: 'Fargate has its own profile and takes no other',
    alternative: 'RuntimeDefault',
  },
  { path: 'spec.securityContext.seccompProfile', state: 'supported', reason: 'RuntimeDefault' },
  {
    path: 'spec.securityContext.appArmorProfile',
    state: 'refused',
    only: 'Localhost',
    test: (value) => isProfile(value, ['Localhost']),
    reason: 'profiles cannot be loaded on Fargate',
  },
  {
    path: 'spec.securityContext.appArmorProfile',
    state: 'ignored',
    reason: 'Fargate has no AppArmor; each task has a machine to itself',
  },
];

export const isProfile = (value: unknown, types: readonly string[]): boolean =>
  types.includes((value as { type?: string } | undefined)?.type ?? '');
