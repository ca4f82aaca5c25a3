import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { elsewhereAnnotation, type LoadBalancerModel, type LoadBalancerPort } from './load-balancer.ts';
import { candidateTargets, targetsOf, usableTargets } from './service-endpoints.ts';

const sourceRangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const defaultAffinitySeconds = 10_800;

/**
 * What a Service of type LoadBalancer asks for, given the endpoints it has now. Pure. `onlyWaits`: whether the pod of this name
 * is not ready for no other reason than that a load balancer has not found it healthy yet.
 */
export function buildModel(
  service: Service,
  slices: readonly EndpointSlice[],
  onlyWaits: (podName: string) => boolean = () => false,
): LoadBalancerModel {
  const { namespace = '', name = '', uid = '', annotations = {} } = service.metadata ?? {};
  const spec = service.spec ?? {};
  const own = spec.loadBalancerSourceRanges ?? [];
  const annotated = (annotations[sourceRangesAnnotation] ?? '').split(',');
  const ports = (spec.ports ?? []).map((port): LoadBalancerPort => ({
    name: port.name ?? '',
    protocol: (port.protocol ?? 'TCP') as LoadBalancerPort['protocol'],
    port: port.port,
    nodePort: port.nodePort || undefined,
    targets: usableTargets(targetsOf(port, slices)),
    candidates: candidateTargets(port, slices, onlyWaits),
    targetPort: typeof port.targetPort === 'string' ? undefined : port.targetPort || port.port,
  }));
  return {
    owner: { namespace, name, uid },
    ports,
    sourceRanges: (own.length > 0 ? own : annotated).map((range) => range.trim()).filter((range) => range !== ''),
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP'
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
        : undefined,
    keepsSource: spec.externalTrafficPolicy === 'Local',
    requestedIp: spec.loadBalancerIP ?? '',
    previous: service.status?.loadBalancer?.ingress ?? [],
    previousElsewhere: annotations[elsewhereAnnotation] ?? '',
    annotations,
  };
}

/** Whether this provider is the one to give the Service its address. */
export function wantsLoadBalancer(
  service: Service,
  loadBalancerClass: string,
  alsoServes: readonly string[] = [],
): boolean {
  const { type, loadBalancerClass: wanted } = service.spec ?? {};
  const served = !wanted || wanted === loadBalancerClass || alsoServes.includes(wanted);
  return type === 'LoadBalancer' && !service.metadata?.deletionTimestamp && served;
}
