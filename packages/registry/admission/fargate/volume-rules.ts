/** Fields of a pod's volumes. */
import type { FieldRule } from './field-rule.ts';

const agentWrites = 'written by the agent before the containers start, and kept fresh';
const driver = 'tasks have no node on which a driver could mount it';
const efs = 'a PersistentVolumeClaim on EFS (efs.csi.aws.com)';
const at = (rest: string): string => `spec.volumes[*].${rest}`;
/** AWS's names for EFS file systems. */
const isEfsServer = (server: string | undefined): boolean => /^fs-[0-9a-f]{8,40}\.efs\./.test(server ?? '');

const drivers = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'iscsi',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

export const volumeRules: readonly FieldRule[] = [
  { path: at('name'), state: 'supported' },
  { path: at('configMap'), state: 'supported', reason: agentWrites },
  { path: at('secret'), state: 'supported', reason: agentWrites },
  { path: at('downwardAPI'), state: 'supported', reason: agentWrites },
  { path: at('projected'), state: 'supported', reason: agentWrites },
  { path: at('projected.sources[*].clusterTrustBundle'), state: 'refused', reason: 'not served by this cluster' },
  { path: at('projected.sources[*].podCertificate'), state: 'refused', reason: 'not served by this cluster' },
  {
    path: at('emptyDir.medium'),
    state: 'ignored',
    only: 'Memory',
    test: (value) => value === 'Memory',
    reason: 'Fargate has no tmpfs: it is on the ephemeral disk of the task',
  },
  {
    path: at('emptyDir.medium'),
    state: 'refused',
    only: 'HugePages',
    test: (value) => typeof value === 'string' && value.startsWith('HugePages'),
    reason: 'Fargate has no huge pages',
  },
  { path: at('emptyDir.medium'), state: 'supported' },
  {
    path: at('emptyDir.sizeLimit'),
    state: 'ignored',
    reason: "nothing evicts a pod for it; the task's ephemeral storage (20 GiB, or what is requested) is the limit",
  },
  {
    path: at('emptyDir'),
    state: 'supported',
    reason: 'on the ephemeral disk of the task; another task of the pod begins with an empty one',
  },
  {
    path: at('persistentVolumeClaim'),
    state: 'supported',
    reason:
      'of volumes on EFS (driver efs.csi.aws.com, or NFS of an EFS server); others keep the pod waiting with an event',
  },
  {
    path: at('nfs'),
    state: 'refused',
    only: 'servers other than EFS',
    test: (value) => saysNfs(value) && !isEfsServer((value as { server?: string }).server),
    reason: 'tasks mount only EFS',
    alternative: 'EFS (fs-….efs.<region>.amazonaws.com)',
  },
  { path: at('nfs'), state: 'supported' },
  {
    path: at('hostPath'),
    state: 'refused',
    reason: 'a Fargate task has no node whose files it could see',
    alternative: 'emptyDir, or a PersistentVolumeClaim on EFS',
  },
  { path: at('csi'), state: 'refused', reason: driver, alternative: efs },
  { path: at('ephemeral'), state: 'refused', reason: driver, alternative: `emptyDir, or ${efs}` },
  {
    path: at('gitRepo'),
    state: 'refused',
    reason: 'withdrawn by Kubernetes',
    alternative: 'an init container with git',
  },
  {
    path: at('image'),
    state: 'refused',
    reason: 'ECS mounts no images',
    alternative: 'an init container that copies into an emptyDir',
  },
  ...drivers.map((name): FieldRule => ({ path: at(name), state: 'refused', reason: driver, alternative: efs })),
];

const saysNfs = (value: unknown): boolean => typeof value === 'object' && value !== null;
