import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { cidrWarnings, ipWarnings } from '@nodeless/apimachinery/ip-validation';
import type { UnknownObject } from '@nodeless/apimachinery/object';

const topologyHints = 'service.kubernetes.io/topology-aware-hints';

export function serviceWarnings(object: Readonly<UnknownObject>): string[] {
  const { metadata, spec = {} } = object as Readonly<Service>;
  const { type, clusterIP, externalIPs = [] } = spec;
  const warnings: string[] = [];
  if (metadata?.annotations?.[topologyHints] !== undefined) {
    warnings.push(`annotation ${topologyHints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  }
  if (clusterIP && clusterIP !== 'None')
    spec.clusterIPs?.forEach((ip, i) => warnings.push(...ipWarnings(`spec.clusterIPs[${i}]`, ip)));
  const isHeadless = type === 'ClusterIP' && clusterIP === 'None';
  if (isHeadless) {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length > 0) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  externalIPs.forEach((ip, i) => warnings.push(...ipWarnings(`spec.externalIPs[${i}]`, ip)));
  if (externalIPs.length > 0 && !isHeadless && type !== 'ExternalName') {
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  if (spec.loadBalancerIP) warnings.push(...ipWarnings('spec.loadBalancerIP', spec.loadBalancerIP));
  spec.loadBalancerSourceRanges?.forEach((range, i) =>
    warnings.push(...cidrWarnings(`spec.loadBalancerSourceRanges[${i}]`, range)),
  );
  if (type === 'ExternalName' && externalIPs.length > 0)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== 'ExternalName' && spec.externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}
