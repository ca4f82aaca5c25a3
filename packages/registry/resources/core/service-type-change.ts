/**
 * A client that only changes spec.type sends the fields of the old type back. What it did not touch and the new type
 * cannot have is dropped; what it changed is left for validation to refuse.
 */
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import { isExternallyAccessible } from './service-defaults.ts';

export const needsClusterIp = (spec: Readonly<ServiceSpec>): boolean => spec.type !== 'ExternalName';
export const needsNodePort = (spec: Readonly<ServiceSpec>): boolean =>
  spec.type === 'NodePort' || spec.type === 'LoadBalancer';
export const needsHealthCheckNodePort = (spec: Readonly<ServiceSpec>): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

export function dropFieldsOfOldType(service: Service, old: Readonly<Service>): void {
  const spec = (service.spec ??= {});
  const stored = old.spec ?? {};
  if (needsClusterIp(stored) && !needsClusterIp(spec)) {
    if (
      (stored.clusterIP ?? '') === (spec.clusterIP ?? '') &&
      deepEqual(stored.clusterIPs ?? [], spec.clusterIPs ?? [])
    ) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (deepEqual(stored.ipFamilies ?? [], spec.ipFamilies ?? [])) delete spec.ipFamilies;
    if ((stored.ipFamilyPolicy ?? '') === (spec.ipFamilyPolicy ?? '')) delete spec.ipFamilyPolicy;
  }
  if (needsNodePort(stored) && !needsNodePort(spec) && noNewNodePorts(stored, spec)) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (
    needsHealthCheckNodePort(stored) &&
    !needsHealthCheckNodePort(spec) &&
    stored.healthCheckNodePort === spec.healthCheckNodePort
  ) {
    delete spec.healthCheckNodePort;
  }
  if (stored.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (stored.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts)
      delete spec.allocateLoadBalancerNodePorts;
    if (stored.loadBalancerClass === spec.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (
    isExternallyAccessible(old) &&
    !isExternallyAccessible(service) &&
    stored.externalTrafficPolicy === spec.externalTrafficPolicy
  ) {
    delete spec.externalTrafficPolicy;
  }
  if (spec.type !== 'LoadBalancer') service.status = { ...service.status, loadBalancer: {} };
}

function noNewNodePorts(stored: Readonly<ServiceSpec>, spec: Readonly<ServiceSpec>): boolean {
  const before = new Set((stored.ports ?? []).map((port) => port.nodePort ?? 0));
  return (spec.ports ?? []).every((port) => !port.nodePort || before.has(port.nodePort));
}
