/** How much of each quota resource an object uses: upstream's quota evaluators. Pure. */
import type { PersistentVolumeClaim, Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { podLimits, podRequests } from '@nodeless/apimachinery/resource-list';

/** Quantities by the names that quotas use: `pods`, `requests.cpu`, `count/deployments.apps`. */
export type Usage = Readonly<Record<string, string>>;

/** Resources that quotas could name before there was `count/…`. */
const legacyCounts = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
  'pods',
]);
const computed = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** What one object uses; {} where it is out of the accounts (a finished pod). */
export function usageOf(group: string, resource: string, object: Readonly<UnknownObject>): Usage {
  const counted: Record<string, string> = { [`count/${group === '' ? resource : `${resource}.${group}`}`]: '1' };
  if (group === '' && resource === 'pods') return podUsage(object as Pod, counted);
  if (group === '' && resource === 'services') return { ...counted, ...serviceUsage(object as Service) };
  if (group === '' && resource === 'persistentvolumeclaims')
    return { ...counted, ...claimUsage(object as PersistentVolumeClaim) };
  if (group === '' && legacyCounts.has(resource)) counted[resource] = '1';
  return counted;
}

function podUsage(pod: Pod, counted: Record<string, string>): Usage {
  const { phase } = pod.status ?? {};
  // The object counts as long as it is there; what it computes with is free once it has finished.
  if (phase === 'Succeeded' || phase === 'Failed') return counted;
  const usage: Record<string, string> = { ...counted, pods: '1' };
  for (const [name, value] of Object.entries(podRequests(pod))) {
    usage[`requests.${name}`] = value;
    if (computed.has(name)) usage[name] = value;
  }
  for (const [name, value] of Object.entries(podLimits(pod))) usage[`limits.${name}`] = value;
  return usage;
}

function serviceUsage({ spec }: Service): Usage {
  const ports = spec?.ports?.length ?? 0;
  const usage: Record<string, string> = { services: '1', 'services.nodeports': '0', 'services.loadbalancers': '0' };
  if (spec?.type === 'NodePort') usage['services.nodeports'] = String(ports);
  if (spec?.type === 'LoadBalancer') {
    usage['services.loadbalancers'] = '1';
    const allocated =
      spec.allocateLoadBalancerNodePorts === false ? (spec.ports ?? []).filter((p) => p.nodePort).length : ports;
    usage['services.nodeports'] = String(allocated);
  }
  return usage;
}

function claimUsage({ spec, metadata }: PersistentVolumeClaim): Usage {
  const storageClass = metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName;
  const requested = spec?.resources?.requests?.['storage'];
  const usage: Record<string, string> = { persistentvolumeclaims: '1' };
  if (requested !== undefined) usage['requests.storage'] = String(requested);
  if (!storageClass) return usage;
  usage[`${storageClass}.storageclass.storage.k8s.io/persistentvolumeclaims`] = '1';
  if (requested !== undefined)
    usage[`${storageClass}.storageclass.storage.k8s.io/requests.storage`] = String(requested);
  return usage;
}
